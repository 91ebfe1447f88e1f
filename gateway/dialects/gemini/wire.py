"""The parts of Gemini's answers that have to be understood; all else is passed over, and its bytes are forwarded.

Source: GenerateContentResponse, Candidate, Content, Part and FunctionCall of the Gemini API's reference (v1beta, November
2026) and of google-genai 3.6. A member is `Raw` where it is read later, or only its presence matters.
"""

import contextlib
from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

from gateway.values.surrogates import without_lone_surrogates

ABSENT = msgspec.Raw(b"null")  # msgspec takes no union of Raw and None

T = TypeVar("T")


class FunctionCall(msgspec.Struct, gc=False, rename="camel"):
    """A call; `args` is an object. The last two are said where arguments come in pieces, which is not asked for."""

    name: str = ""
    id: str | None = None
    args: msgspec.Raw = ABSENT
    partial_args: msgspec.Raw = ABSENT
    will_continue: bool | None = None


class Part(msgspec.Struct, gc=False, rename="camel"):
    """One member says what it is; `thought` and `thought_signature` stand beside it."""

    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: FunctionCall | None = None
    inline_data: msgspec.Raw = ABSENT
    file_data: msgspec.Raw = ABSENT
    executable_code: msgspec.Raw = ABSENT
    code_execution_result: msgspec.Raw = ABSENT
    tool_call: msgspec.Raw = ABSENT
    tool_response: msgspec.Raw = ABSENT

    def is_file(self) -> bool:
        """An image, sound or another file that the model made."""
        return is_present(self.inline_data) or is_present(self.file_data)

    def holds_output(self) -> bool:
        """True if a caller would see something."""
        return bool(self.text) or self.function_call is not None or self.is_file() or any(map(is_present, self._own()))

    def _own(self) -> Iterable[msgspec.Raw]:
        return self.executable_code, self.code_execution_result, self.tool_call, self.tool_response


class Content(msgspec.Struct, gc=False):
    """A turn of the model."""

    parts: list[Part] | None = None


class Candidate(msgspec.Struct, gc=False, rename="camel"):
    """One of the answers, or a piece of it."""

    content: Content | None = None
    finish_reason: str | None = None
    index: int = 0
    grounding_metadata: msgspec.Raw = ABSENT
    citation_metadata: msgspec.Raw = ABSENT
    logprobs_result: msgspec.Raw = ABSENT
    safety_ratings: msgspec.Raw = ABSENT

    def parts(self) -> list[Part]:
        """In order."""
        return (self.content.parts if self.content is not None else None) or []


class PromptFeedback(msgspec.Struct, gc=False, rename="camel"):
    """Why a prompt was blocked: then there are no candidates."""

    block_reason: str | None = None
    block_reason_message: str | None = None
    safety_ratings: msgspec.Raw = ABSENT


class Response(msgspec.Struct, gc=False, rename="camel"):
    """A whole answer, or an event of a stream: both have this form."""

    candidates: list[Candidate] | None = None
    prompt_feedback: PromptFeedback | None = None
    usage_metadata: msgspec.Raw = ABSENT
    model_version: str | None = None
    response_id: str | None = None
    error: msgspec.Raw = ABSENT

    def parts(self) -> list[Part]:
        """Of the first candidate."""
        return next((one.parts() for one in self.candidates or () if one.index == 0), [])

    def blocked(self) -> str | None:
        """Why the prompt was, if it was."""
        return None if self.prompt_feedback is None else self.prompt_feedback.block_reason


_response = msgspec.json.Decoder(Response)
_responses = msgspec.json.Decoder(list[Response])
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode = msgspec.json.Encoder().encode


def is_present(raw: msgspec.Raw) -> bool:
    """A Raw member that is neither absent nor null."""
    return raw is not ABSENT and bytes(raw) != b"null"


def read(decoder: "msgspec.json.Decoder[T]", data: bytes) -> T | None:
    """None if it is not what it should be; half of a surrogate pair is no reason for that."""
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return decoder.decode(data)
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return decoder.decode(without_lone_surrogates(data))
    return None


def read_response(data: bytes) -> Response | None:
    """One answer or event; of a list, as Google puts around what it says without event framing, the first with an error,
    or the only one.
    """
    if not data.lstrip().startswith(b"["):
        return read(_response, data)
    found = read(_responses, data) or []
    return next((one for one in found if is_present(one.error)), found[0] if len(found) == 1 else None)


def usual_events(whole: bytes) -> list[Response] | None:
    """Whole events, where each is one line of data, read with a single parse; None if anything about them is unusual."""
    end = b"\r\n\r\n" if whole.endswith(b"\r\n\r\n") else b"\n\n"
    if not whole.endswith(end):
        return None
    lines = whole[: -len(end)].split(end)
    if any(not line.startswith(b"data: ") or b"\n" in line or b"\r" in line for line in lines):
        return None
    try:
        events = _responses.decode(b"[" + b",".join([line[6:] for line in lines]) + b"]")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return events if len(events) == len(lines) else None


def as_event(response: dict[str, Any]) -> bytes:
    """One event in the usual framing."""
    return b"data: " + _encode(response) + b"\r\n\r\n"


def unfinished(data: bytes) -> bytes:
    """An event's data without its finish reasons."""
    response = read(_members, data) or {}
    candidates = [
        {name: raw for name, raw in one.items() if name != "finishReason"}
        for one in msgspec.json.decode(response.get("candidates", ABSENT), type=list[dict[str, msgspec.Raw]] | None)
        or []
    ]
    return _encode({**response, "candidates": candidates})
