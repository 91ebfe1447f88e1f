"""The parts of a response and of its stream's events that have to be understood; all else is passed over, and its bytes are
forwarded.

Source: OpenAI's OpenAPI description 2.3.0 (Response, ResponseStreamEvent) and Open Responses, 2026-04-24. Null and absent
mean the same here.
"""

from typing import Any

import msgspec

from gateway.dialects.anthropic.wire import read
from gateway.dialects.openai.wire import ABSENT
from gateway.values.chat import Citation

_Text = str | dict[str, msgspec.Raw] | list[msgspec.Raw] | None  # some events hold another thing under a name of a text


class Annotation(msgspec.Struct, gc=False):
    """What a text has from where. `url` and its place: of a page of the web."""

    type: str = ""
    url: str | None = None
    title: str | None = None
    start_index: int | None = None
    end_index: int | None = None

    def citations(self) -> tuple[Citation, ...]:
        """As a chat has it; files of the provider's have no place there."""
        if self.type != "url_citation" or self.url is None:
            return ()
        return (Citation(url=self.url, title=self.title, start=self.start_index, end=self.end_index),)


class Content(msgspec.Struct, gc=False):
    """A part of a message's content, or of a thought's."""

    type: str = ""
    text: str | None = None
    refusal: str | None = None
    annotations: list[Annotation] | None = None


class Item(msgspec.Struct, gc=False):
    """One of the output: a message, a call, a thought, or what a tool of the provider's own did."""

    type: str = ""
    id: str | None = None
    content: list[Content] | None = None
    summary: list[Content] | None = None
    encrypted_content: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: _Text = None

    def texts(self) -> list[Content]:
        """What a thought says: its summary, else its own words."""
        return self.summary or self.content or []

    def holds_output(self) -> bool:
        """True if a caller would see something."""
        if self.type == "message":
            return any(one.text or one.refusal for one in self.content or ())
        if self.type == "reasoning":
            return bool(self.encrypted_content) or any(one.text for one in self.texts())
        return bool(self.type)


class Incomplete(msgspec.Struct, gc=False):
    """`incomplete_details`."""

    reason: str | None = None


class Response(msgspec.Struct, gc=False):
    """A response, whole or as it begins."""

    id: str | None = None
    model: str | None = None
    status: str | None = None
    output: list[Item] | None = None
    error: msgspec.Raw = ABSENT
    incomplete_details: Incomplete | None = None
    usage: msgspec.Raw = ABSENT
    service_tier: msgspec.Raw = ABSENT


class StreamEvent(msgspec.Struct, gc=False):
    """One event's data. `delta`, `text`, `arguments`: what is said, where that is text."""

    type: str = ""
    response: Response | None = None
    item: Item | None = None
    annotation: Annotation | None = None
    output_index: int = 0
    content_index: int = 0
    summary_index: int = 0
    delta: _Text = None
    arguments: _Text = None
    error: msgspec.Raw = ABSENT
    code: msgspec.Raw = ABSENT

    def said(self) -> str:
        """The delta, where it is text."""
        return self.delta if isinstance(self.delta, str) else ""


class _Kind(msgspec.Struct, gc=False):
    type: str


_event = msgspec.json.Decoder(StreamEvent)
_kind = msgspec.json.Decoder(_Kind)
response = msgspec.json.Decoder(Response)

COMPLETED, INCOMPLETE, FAILED, CANCELLED = (
    "response.completed", "response.incomplete", "response.failed", "response.cancelled",
)  # fmt: skip
CREATED = "response.created"
ANNOTATION = "response.output_text.annotation.added"
ITEM_ADDED, ITEM_DONE = "response.output_item.added", "response.output_item.done"
TEXT_DELTA, REFUSAL_DELTA = "response.output_text.delta", "response.refusal.delta"
ARGUMENTS_DELTA, ARGUMENTS_DONE = "response.function_call_arguments.delta", "response.function_call_arguments.done"
# OpenAI's name of a thought's own words, and that of Open Responses; both have the summary's
THOUGHT_DELTAS = frozenset({
    "response.reasoning_summary_text.delta", "response.reasoning_text.delta", "response.reasoning.delta",
})  # fmt: skip
_UNDERSTOOD = THOUGHT_DELTAS | {
    COMPLETED, INCOMPLETE, FAILED, CANCELLED, CREATED, ITEM_ADDED, ITEM_DONE, TEXT_DELTA, REFUSAL_DELTA, ARGUMENTS_DELTA,
    ARGUMENTS_DONE, "error",
}  # fmt: skip


def read_event(data: bytes) -> StreamEvent | None:
    """None if it is no event. One of a kind that is not known here says no more than that."""
    found = read(_event, data)
    if found is not None and found.type:
        return found
    kind = read(_kind, data)
    return None if kind is None or kind.type in _UNDERSTOOD else StreamEvent(type=kind.type)


def as_event(kind: str, data: dict[str, Any]) -> bytes:
    """One event in the usual framing. Its data is of one line."""
    return b"event: " + kind.encode() + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"
