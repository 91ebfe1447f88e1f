"""The parts of Anthropic's answers that have to be understood; all else is passed over, and its bytes are forwarded.

Source: the types of Anthropic's Python SDK 2.14 (Message, RawMessageStreamEvent, StopReason), and its documentation of
streams. A member is `Raw` where it is read later, or only its presence matters. Null and absent mean the same here.
"""

import contextlib
from typing import TypeVar

import msgspec

from gateway.values.surrogates import without_lone_surrogates

ABSENT = msgspec.Raw(b"null")  # msgspec takes no union of Raw and None

T = TypeVar("T")


class Block(msgspec.Struct, gc=False):
    """A block of an answer's content, whole or as it starts."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    name: str | None = None
    input: msgspec.Raw = ABSENT
    tool_use_id: str | None = None
    content: msgspec.Raw = ABSENT
    citations: msgspec.Raw = ABSENT

    def holds_output(self) -> bool:
        """True if a caller would see something: a tool's call or its result, thoughts that are hidden, or words."""
        if self.type == "text":
            return bool(self.text)
        return bool(self.thinking) if self.type == "thinking" else True


class Delta(msgspec.Struct, gc=False):
    """What a block, or the message, goes on with."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    partial_json: str | None = None
    signature: str | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: msgspec.Raw = ABSENT
    citation: msgspec.Raw = ABSENT


class Message(msgspec.Struct, gc=False):
    """A whole answer, or an empty one that a stream starts with."""

    type: str = ""
    id: str | None = None
    model: str | None = None
    content: list[Block] | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: msgspec.Raw = ABSENT
    usage: msgspec.Raw = ABSENT
    error: msgspec.Raw = ABSENT


class StreamEvent(msgspec.Struct, gc=False):
    """One event's data."""

    type: str = ""
    index: int = 0
    message: Message | None = None
    content_block: Block | None = None
    delta: Delta | None = None
    usage: msgspec.Raw = ABSENT
    error: msgspec.Raw = ABSENT


class ErrorObject(msgspec.Struct):
    """`error` of an error body or event. `details` is told since API version 2026-10-21."""

    message: str | None = None
    type: str | None = None
    details: msgspec.Raw = ABSENT


class _Details(msgspec.Struct):
    error_code: str | None = None


class _StopDetails(msgspec.Struct):
    explanation: str | None = None
    category: str | None = None


_decode_error = msgspec.json.Decoder(ErrorObject | str | None).decode
_decode_details = msgspec.json.Decoder(_Details | None).decode
_decode_stop_details = msgspec.json.Decoder(_StopDetails | None).decode
_NO_ERROR = ErrorObject()


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


def error_of(raw: msgspec.Raw) -> ErrorObject:
    """An error object, as far as it is one; some servers give a text there."""
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = _decode_error(raw)
        return ErrorObject(message=found) if isinstance(found, str) else found or _NO_ERROR
    return _NO_ERROR


def code_of(error: ErrorObject) -> str | None:
    """The stable code of an error's cause, where it has one."""
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
        found = _decode_details(error.details)
        return found.error_code if found is not None else None
    return None


def category_of(stop_details: msgspec.Raw) -> tuple[str, ...]:
    """The kind of harm for which it declined, where that is told."""
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
        found = _decode_stop_details(stop_details)
        return (found.category,) if found is not None and found.category else ()
    return ()


def explanation_of(stop_details: msgspec.Raw) -> str | None:
    """Why the model declined, where that is told."""
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
        found = _decode_stop_details(stop_details)
        return found.explanation if found is not None else None
    return None
