"""The parts of OpenAI's answers that have to be understood; all else is passed over, and its bytes are forwarded.

A member is `Raw` where only its presence matters. Null and absent mean the same here.
"""

import re

import msgspec

from gateway.providers.openai.finish import means_filtered
from gateway.values.usage import Usage

ABSENT = msgspec.Raw(b"null")  # msgspec takes no union of Raw and None


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


_decode_word = msgspec.json.Decoder(str | None).decode
# what vendors call the way that costs what the price list says
_USUAL_TIERS = frozenset({"default", "auto", "standard", "standard_only", "on_demand"})

_TIER = re.compile("[a-z_]{1,32}")
_OTHER_TIER = "other"  # no word: it has no price, and does not get on record


def unusual_tier(service_tier: msgspec.Raw) -> str | None:
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


def is_answer(*, any_output: bool, finish_reason: str | None, known: bool, usage: Usage | None) -> bool:
    """Is a finished answer one, though it may hold nothing? Yes if a filter emptied it, or tokens were generated and it
    ended as answers do (`known`).
    """
    return any_output or means_filtered(finish_reason) or (known and usage is not None and usage.completion_tokens > 0)
