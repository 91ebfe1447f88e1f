"""`finishReason`: why an answer ended. Source: FinishReason of the Gemini API's reference and of google-genai 3.6.

What a filter stopped is a refusal. What the model did wrong (a call that cannot be read, one of a tool that was not offered)
leaves no answer: another candidate may give one.
"""

from gateway.values.chat import Finish

STOP, MAX_TOKENS = "STOP", "MAX_TOKENS"
_LENGTH = frozenset({MAX_TOKENS, "CONTINUATION"})  # the latter: the most that one request gives, though more would come
REFUSED = frozenset({
    "SAFETY", "RECITATION", "LANGUAGE", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "MODEL_ARMOR", "ESCALATION", "PUP_LIMITED_DISABLED",
})  # fmt: skip
FAILED = frozenset({
    "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MALFORMED_RESPONSE",
    "MISSING_THOUGHT_SIGNATURE", "NO_IMAGE", "IMAGE_OTHER",
})  # fmt: skip
UNSPECIFIED = "FINISH_REASON_UNSPECIFIED"
KNOWN = REFUSED | FAILED | _LENGTH | {STOP}
_REASONS: dict[Finish, str] = {
    Finish.STOP: STOP,
    Finish.STOP_SEQUENCE: STOP,
    Finish.TOOL_CALLS: STOP,
    Finish.PAUSE: STOP,
    Finish.LENGTH: MAX_TOKENS,
    Finish.REFUSAL: "SAFETY",
}


def finish_of(reason: str | None, *, calls: bool) -> Finish:
    """What it means. `calls`: the answer calls a tool, which has no reason of its own here; one that is not known means no
    more than that it ended.
    """
    if reason in _LENGTH:
        return Finish.LENGTH
    if reason in REFUSED:
        return Finish.REFUSAL
    return Finish.TOOL_CALLS if calls else Finish.STOP


def reason_of(finish: Finish, *, refuses: bool) -> str:
    """How it is said."""
    return _REASONS[Finish.REFUSAL if refuses and finish is Finish.STOP else finish]
