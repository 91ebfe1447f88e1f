"""The parts of OpenAI's answers that have to be understood; all else is passed over, and its bytes are forwarded.

A member is `Raw` where only its presence matters. Null and absent mean the same here.
"""

import re

import msgspec

from gateway.values.usage import Usage

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
ABSENT = msgspec.Raw(b"null")  # msgspec takes no union of Raw and None


class TokenDetails(msgspec.Struct, gc=False):
    """`prompt_tokens_details` and `completion_tokens_details`."""

    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


class WireUsage(msgspec.Struct, gc=False):
    """`usage`. A server that sends it without a count has not said what was used."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
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

    def holds_output(self) -> bool:
        """True if a caller would see something: text, a tool call, reasoning, a refusal or audio."""
        return bool(
            self.content
            or self.tool_calls
            or self.reasoning
            or self.reasoning_content
            or self.refusal
            or is_present(self.function_call)
            or is_present(self.audio)
        )


def is_present(raw: msgspec.Raw) -> bool:
    """A Raw member that is neither absent nor null."""
    return raw is not ABSENT and bytes(raw) != b"null"


_decode_usage = msgspec.json.Decoder(WireUsage | None).decode


def as_usage(raw: msgspec.Raw) -> Usage | None:
    """The usage, or None where it was not said, or makes no sense: a good answer is not refused for it."""
    try:
        wire = _decode_usage(raw) if is_present(raw) else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if wire is None or wire.prompt_tokens is None or min(wire.prompt_tokens, wire.completion_tokens or 0) < 0:
        return None
    prompt, completion = wire.prompt_tokens_details, wire.completion_tokens_details
    return Usage(
        prompt_tokens=wire.prompt_tokens,
        completion_tokens=wire.completion_tokens or 0,
        cached_tokens=prompt.cached_tokens if prompt else None,
        reasoning_tokens=completion.reasoning_tokens if completion else None,
    )


FAILED = "error"  # finish_reason of vLLM and OpenRouter when the engine failed: no answer, whatever came before


def without_surrogates(data: bytes) -> bytes:
    """For reading only: some servers tear an emoji into two halves, each an escape that is no text by itself."""
    return _SURROGATE.sub(rb"\\ufffd", data)


def is_answer(*, any_output: bool, finish_reason: str | None, usage: Usage | None) -> bool:
    """Is a finished answer one, though it may hold nothing? Yes if tokens were generated or a filter emptied it."""
    return any_output or finish_reason == "content_filter" or (usage is not None and usage.completion_tokens > 0)
