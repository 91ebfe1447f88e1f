"""The parts of OpenAI's answers that have to be understood; all else is passed over, and its bytes are forwarded.

A member is `Raw` where only its presence matters. Null and absent mean the same here.
"""

import re
from typing import Annotated

import msgspec

from gateway.values.usage import Usage

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
ABSENT = msgspec.Raw(b"null")  # msgspec takes no union of Raw and None


MOST_TOKENS = 10_000_000  # the longest contexts there are; more is a bug of the server's, and no count
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


class Said(msgspec.Struct, gc=False):
    """A message, or a delta of one: everything in it that is output. vLLM 0.16 renamed `reasoning_content`."""

    content: str | list[msgspec.Raw] | None = None
    refusal: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[msgspec.Raw] | None = None
    function_call: msgspec.Raw = ABSENT
    audio: msgspec.Raw = ABSENT

    def holds_media(self) -> bool:
        """True if there is more than text and the usual calls of tools."""
        return is_present(self.function_call) or is_present(self.audio)

    def holds_output(self) -> bool:
        """True if a caller would see something: text, a tool call, reasoning, a refusal or audio."""
        return bool(
            self.content
            or self.tool_calls
            or self.reasoning
            or self.reasoning_content
            or self.refusal
            or self.holds_media()
        )


def is_present(raw: msgspec.Raw) -> bool:
    """A Raw member that is neither absent nor null."""
    return raw is not ABSENT and bytes(raw) != b"null"


_decode_usage = msgspec.json.Decoder(WireUsage | None).decode
_decode_word = msgspec.json.Decoder(str | None).decode
_NO_DETAILS = TokenDetails()
# what vendors call the way that costs what the price list says
_USUAL_TIERS = frozenset({"default", "auto", "standard", "standard_only", "on_demand"})

_TIER = re.compile("[a-z_]{1,32}")
_OTHER_TIER = "other"  # no word: it has no price, and does not get on record


def as_usage(raw: msgspec.Raw, service_tier: msgspec.Raw = ABSENT) -> Usage | None:
    """The usage, or None where it was not said, or makes no sense: a good answer is not refused for it.

    OpenAI's total is prompt and completion. Where it is more, tokens were generated that the vendor does not count as
    completion: xAI's and Gemini's reasoning. They are output, and are billed.
    """
    try:
        wire = _decode_usage(raw) if is_present(raw) else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    said = _generated(wire) if wire is not None else None
    if wire is None or not wire.prompt_tokens or said is None:
        return None
    prompt = wire.prompt_tokens_details or _NO_DETAILS
    completion = wire.completion_tokens_details or _NO_DETAILS
    cached = prompt.cached_tokens
    if cached is None:
        cached = wire.cached_tokens if wire.prompt_cache_hit_tokens is None else wire.prompt_cache_hit_tokens
    return Usage(
        prompt_tokens=wire.prompt_tokens,
        completion_tokens=said,
        cached_tokens=cached,
        cache_write_tokens=prompt.cache_write_tokens,
        audio_prompt_tokens=prompt.audio_tokens,
        reasoning_tokens=completion.reasoning_tokens,
        audio_completion_tokens=completion.audio_tokens,
        service_tier=_unusual(service_tier),
    )


def _generated(wire: WireUsage) -> int | None:
    if wire.completion_tokens is None and wire.total_tokens is None:
        return None
    return max(wire.completion_tokens or 0, (wire.total_tokens or 0) - (wire.prompt_tokens or 0))


def of_output(usage: Usage | None, *, any_output: bool) -> Usage | None:
    """The usage, or None where it says that nothing was generated though something was: then it was not counted."""
    return None if usage is not None and any_output and not usage.completion_tokens else usage


def _unusual(service_tier: msgspec.Raw) -> str | None:
    """How the request was processed, if not as usual. What is no string says nothing."""
    if service_tier is ABSENT:
        return None
    try:
        word = _decode_word(service_tier)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if word is None or word in _USUAL_TIERS:
        return None
    return word if _TIER.fullmatch(word) else _OTHER_TIER


# finish_reason where the engine failed (vLLM, OpenRouter) or dropped the request (vLLM when it is paused, scaled or
# stopped; SGLang): no answer, whatever came before, though vLLM ends its stream well (vllm-project/vllm#57082)
FAILED = frozenset({"error", "abort"})


def without_surrogates(data: bytes) -> bytes:
    """For reading only: some servers tear an emoji into two halves, each an escape that is no text by itself."""
    return _SURROGATE.sub(rb"\\ufffd", data)


def is_answer(*, any_output: bool, finish_reason: str | None, usage: Usage | None) -> bool:
    """Is a finished answer one, though it may hold nothing? Yes if tokens were generated or a filter emptied it."""
    return any_output or finish_reason == "content_filter" or (usage is not None and usage.completion_tokens > 0)
