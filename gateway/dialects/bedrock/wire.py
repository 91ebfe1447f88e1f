"""The parts of Converse's answers and events that have to be understood; all else is passed over.

Source: ConverseResponse and ConverseStreamOutput of Amazon Bedrock Runtime's API (2023-09-30, as of November 2026). Of a block
one member is there; a block or a delta of a kind that is not known here has none of these.
"""

import contextlib
from collections.abc import Iterator, Mapping
from typing import TypeVar

import msgspec

from gateway.dialects.amazon_frames import BadFrame, Frame, FrameSplitter, FrameTooLong, frame_bytes
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.surrogates import without_lone_surrogates

ABSENT = msgspec.Raw(b"null")  # msgspec takes no union of Raw and None
SERVER_TOOL = "server_tool_use"

T = TypeVar("T")


class ReasoningText(msgspec.Struct, gc=False):
    """What the model thought."""

    text: str | None = None
    signature: str | None = None


class ReasoningContent(msgspec.Struct, gc=False, rename="camel"):
    """The same, or what of it is hidden, in base64. In a stream its parts come one by one."""

    reasoning_text: ReasoningText | None = None
    redacted_content: str | None = None
    text: str | None = None
    signature: str | None = None


class ToolUse(msgspec.Struct, gc=False, rename="camel"):
    """A call; in a stream `input` is a piece of JSON text."""

    tool_use_id: str | None = None
    name: str | None = None
    input: msgspec.Raw = ABSENT
    type: str | None = None


class CitedText(msgspec.Struct, gc=False):
    """A piece of a text with citations."""

    text: str | None = None


class CitationsContent(msgspec.Struct, gc=False):
    """Text that cites documents."""

    content: list[CitedText] | None = None


class Block(msgspec.Struct, gc=False, rename="camel"):
    """A block of an answer's content."""

    text: str | None = None
    tool_use: ToolUse | None = None
    reasoning_content: ReasoningContent | None = None
    citations_content: CitationsContent | None = None

    def words(self) -> str:
        """Its text, with citations or without."""
        cited = self.citations_content
        return self.text or "".join(one.text or "" for one in (cited.content if cited is not None else None) or ())


class Message(msgspec.Struct, gc=False):
    """What the model says."""

    content: list[Block] | None = None


class Output(msgspec.Struct, gc=False):
    """Where the message is."""

    message: Message | None = None


class Tier(msgspec.Struct, gc=False):
    """How a request was processed."""

    type: str | None = None


class StopFields(msgspec.Struct, gc=False):
    """The member of `additionalModelResponseFields` that is asked for."""

    stop_sequence: str | None = None


class Converse(msgspec.Struct, gc=False, rename="camel"):
    """A whole answer."""

    output: Output | None = None
    stop_reason: str | None = None
    usage: msgspec.Raw = ABSENT
    service_tier: Tier | None = None
    additional_model_response_fields: msgspec.Raw = ABSENT
    message: str | None = None  # of an error


class Start(msgspec.Struct, gc=False, rename="camel"):
    """How a block starts."""

    tool_use: ToolUse | None = None


class Delta(msgspec.Struct, gc=False, rename="camel"):
    """How a block goes on."""

    text: str | None = None
    tool_use: ToolUse | None = None
    reasoning_content: ReasoningContent | None = None


class StreamEvent(msgspec.Struct, gc=False, rename="camel"):
    """The payload of any event."""

    content_block_index: int = 0
    start: Start | None = None
    delta: Delta | None = None
    stop_reason: str | None = None
    usage: msgspec.Raw = ABSENT
    service_tier: Tier | None = None
    additional_model_response_fields: msgspec.Raw = ABSENT


_stop_fields = msgspec.json.Decoder(StopFields | None).decode
_text = msgspec.json.Decoder(str).decode


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


def piece_of(raw: msgspec.Raw) -> str:
    """A piece of JSON text, as a stream has it."""
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
        return _text(raw)
    return ""


def stop_sequence_of(raw: msgspec.Raw) -> str | None:
    """Which sequence ended it, where the model says so."""
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = _stop_fields(raw)
        return None if found is None else found.stop_sequence
    return None


def frames(splitter: FrameSplitter, data: bytes) -> Iterator[Frame]:
    """The messages that are complete with `data`. Raises AttemptFailed after those before one that cannot be read."""
    try:
        yield from splitter.feed(data)
    except BadFrame as bad:
        raise AttemptFailed(Outcome.MALFORMED_ANSWER, str(bad)) from None
    except FrameTooLong:
        raise AttemptFailed(Outcome.ANSWER_TOO_LARGE, "one message of the stream is larger than allowed") from None


def event_frame(name: str, payload: Mapping[str, object]) -> bytes:
    """An event as Bedrock sends it."""
    headers = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    return frame_bytes(headers, msgspec.json.encode(payload))
