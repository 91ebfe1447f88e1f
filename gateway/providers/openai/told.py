"""`usage`, read as far as it can be: a good answer is not refused, nor a good count thrown away, for an odd one beside it."""

import contextlib
from typing import Annotated, Any, NamedTuple

import msgspec

from gateway.providers.openai.wire import ABSENT, is_present, unusual_tier
from gateway.values.usage import Counts, Usage

MOST_TOKENS = 10_000_000  # the longest contexts there are; more is a bug of the server's, and no count
_MOST_DIGITS = 8
Tokens = Annotated[int, msgspec.Meta(ge=0, le=MOST_TOKENS)] | None


class TokenDetails(msgspec.Struct, gc=False):
    """`prompt_tokens_details` and `completion_tokens_details`."""

    cached_tokens: Tokens = None
    cache_write_tokens: Tokens = None
    reasoning_tokens: Tokens = None
    audio_tokens: Tokens = None


class WireUsage(msgspec.Struct, gc=False):
    """`usage`. A server that sends it without a count has not said what was used."""

    prompt_tokens: Tokens = None
    completion_tokens: Tokens = None
    total_tokens: Tokens = None
    prompt_cache_hit_tokens: Tokens = None  # DeepSeek's and Moonshot's older names of the cached part
    cached_tokens: Tokens = None
    prompt_tokens_details: TokenDetails | None = None
    completion_tokens_details: TokenDetails | None = None


class Told(NamedTuple):
    """`usage` where both parts are known, else what `counts` there are. `odd`: a member is no count, or one is missing."""

    usage: Usage | None = None
    counts: Counts | None = None
    odd: bool = False


_decode = msgspec.json.Decoder(WireUsage).decode
_NO_DETAILS = TokenDetails()
_NOTHING = Told()
_DETAILS = ("prompt_tokens_details", "completion_tokens_details")


def read_usage(raw: msgspec.Raw, service_tier: msgspec.Raw = ABSENT) -> Told:
    """OpenAI's total is prompt and completion. Where it is more, tokens were generated that the vendor does not count as
    completion: xAI's and Gemini's reasoning. They are output, and are billed.
    """
    if not is_present(raw):
        return _NOTHING
    odd = False
    try:
        wire = _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        wire, odd = _as_far_as_it_goes(raw), True
    prompt, generated = _prompt(wire), _generated(wire)
    if not prompt or generated is None:
        counts = Counts(prompt or None, generated)
        return Told(counts=counts if counts != Counts() else None, odd=True)
    of_prompt = wire.prompt_tokens_details or _NO_DETAILS
    of_completion = wire.completion_tokens_details or _NO_DETAILS
    cached = of_prompt.cached_tokens
    if cached is None:
        cached = wire.cached_tokens if wire.prompt_cache_hit_tokens is None else wire.prompt_cache_hit_tokens
    usage = Usage(
        prompt_tokens=prompt,
        completion_tokens=generated,
        cached_tokens=cached,
        cache_write_tokens=of_prompt.cache_write_tokens,
        audio_prompt_tokens=of_prompt.audio_tokens,
        reasoning_tokens=of_completion.reasoning_tokens,
        audio_completion_tokens=of_completion.audio_tokens,
        service_tier=unusual_tier(service_tier),
    )
    return Told(usage, odd=odd)


def of_output(told: Told, *, any_output: bool) -> Told:
    """Nothing told where it says that nothing was generated though something was: then it was not counted."""
    nothing = told.usage is not None and not told.usage.completion_tokens
    return Told(counts=Counts(told.usage.prompt_tokens), odd=True) if nothing and any_output and told.usage else told


def _prompt(wire: WireUsage) -> int | None:
    if wire.prompt_tokens is None and wire.total_tokens and wire.completion_tokens is not None:
        return max(wire.total_tokens - wire.completion_tokens, 0)
    return wire.prompt_tokens


def _generated(wire: WireUsage) -> int | None:
    if wire.completion_tokens is None and (wire.total_tokens is None or wire.prompt_tokens is None):
        return None
    prompt = wire.total_tokens if wire.prompt_tokens is None else wire.prompt_tokens
    return max(wire.completion_tokens or 0, (wire.total_tokens or 0) - (prompt or 0))


def _as_far_as_it_goes(raw: msgspec.Raw) -> WireUsage:
    found: Any = None
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = msgspec.json.decode(raw)
    counts = _counts(found, WireUsage)
    details = {name: TokenDetails(**_counts(found[name], TokenDetails)) for name in _DETAILS if name in counts}
    return WireUsage(**{**counts, **details})


def _counts(value: Any, kind: type[msgspec.Struct]) -> dict[str, Any]:
    """The members of this kind that were said, each a count or None."""
    said = value if isinstance(value, dict) else {}
    return {name: _count(said[name]) for name in kind.__struct_fields__ if name in said}


def _count(value: Any) -> int | None:
    """A whole number of tokens, however it is written: 65.0 and "64" are no matter of opinion."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= _MOST_DIGITS:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        return None
    return int(value) if 0 <= value <= MOST_TOKENS else None
