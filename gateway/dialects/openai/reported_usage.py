"""`usage`, read as far as it can be: a good answer is not refused, nor a good count thrown away, for an odd one beside it."""

import contextlib
from typing import Any

import msgspec

from gateway.dialects.openai.usage_convention import UNKNOWN, UsageConvention, reported_usd
from gateway.dialects.openai.wire import ABSENT, is_present, unusual_tier
from gateway.dialects.reported import ReportedUsage, Tokens, counts_in, tokens
from gateway.values.usage import Counts, Usage


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
    num_cached_tokens: Tokens = None  # Mistral's
    reasoning_tokens: Tokens = None  # Perplexity's
    service_tier: msgspec.Raw = ABSENT  # Mistral's place for it
    prompt_tokens_details: TokenDetails | None = None
    completion_tokens_details: TokenDetails | None = None


_decode = msgspec.json.Decoder(WireUsage).decode
_NO_DETAILS = TokenDetails()
_NOTHING = ReportedUsage()
_DETAILS = ("prompt_tokens_details", "completion_tokens_details")


def read_usage(
    raw: msgspec.Raw, service_tier: msgspec.Raw = ABSENT, convention: UsageConvention = UNKNOWN
) -> ReportedUsage:
    """What it says, as the vendor means it."""
    if not is_present(raw):
        return _NOTHING
    odd = False
    try:
        wire = _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        wire, odd = _as_far_as_it_goes(raw), True
    of_completion = wire.completion_tokens_details or _NO_DETAILS
    reasoning = of_completion.reasoning_tokens if wire.reasoning_tokens is None else wire.reasoning_tokens
    prompt, generated = _prompt(wire), _generated(wire, reasoning, convention)
    if not prompt or generated is None:
        counts = Counts(prompt or None, generated)
        return ReportedUsage(counts=counts if counts != Counts() else None, odd=True)
    of_prompt = wire.prompt_tokens_details or _NO_DETAILS
    usage = Usage(
        prompt_tokens=prompt,
        completion_tokens=generated,
        cached_tokens=_first(
            of_prompt.cached_tokens, wire.prompt_cache_hit_tokens, wire.cached_tokens, wire.num_cached_tokens
        ),
        cache_write_tokens=of_prompt.cache_write_tokens,
        audio_prompt_tokens=of_prompt.audio_tokens,
        reasoning_tokens=reasoning,
        audio_completion_tokens=of_completion.audio_tokens,
        service_tier=unusual_tier(service_tier) or unusual_tier(wire.service_tier),
    )
    return ReportedUsage(_with_others(usage, raw, convention), odd=odd)


def _first(*counts: int | None) -> int | None:
    return next((one for one in counts if one is not None), None)


def _with_others(usage: Usage, raw: msgspec.Raw, convention: UsageConvention) -> Usage:
    """With what only this vendor says."""
    if convention.cost is None and convention.searches is None and not convention.prompt_beside:
        return usage
    said: Any = None
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        said = msgspec.json.decode(raw)
    if not isinstance(said, dict):
        return usage
    beside = (tokens(said.get(name)) or 0 for name in convention.prompt_beside)
    searches = None if convention.searches is None else tokens(said.get(convention.searches))
    return msgspec.structs.replace(
        usage,
        prompt_tokens=usage.prompt_tokens + sum(beside),
        web_searches=searches or None,
        reported_usd=reported_usd(said, convention),
    )


def _prompt(wire: WireUsage) -> int | None:
    if wire.prompt_tokens is None and wire.total_tokens and wire.completion_tokens is not None:
        return max(wire.total_tokens - wire.completion_tokens, 0)
    return wire.prompt_tokens


def _generated(wire: WireUsage, reasoning: int | None, convention: UsageConvention) -> int | None:
    """OpenAI's total is prompt and completion. Where it is more, and nobody says what the vendor means, tokens were generated
    that it does not count as completion: xAI's and Gemini's reasoning. They are output, and are billed.
    """
    if wire.completion_tokens is None and (wire.total_tokens is None or wire.prompt_tokens is None):
        return None
    if convention.reasoning_beside is not None and wire.completion_tokens is not None:
        return wire.completion_tokens + (reasoning or 0 if convention.reasoning_beside else 0)
    prompt = wire.total_tokens if wire.prompt_tokens is None else wire.prompt_tokens
    return max(wire.completion_tokens or 0, (wire.total_tokens or 0) - (prompt or 0))


def _as_far_as_it_goes(raw: msgspec.Raw) -> WireUsage:
    found: Any = None
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = msgspec.json.decode(raw)
    counts = counts_in(found, WireUsage)
    counts.pop("service_tier", None)
    details = {name: TokenDetails(**counts_in(found[name], TokenDetails)) for name in _DETAILS if name in counts}
    return WireUsage(**{**counts, **details})
