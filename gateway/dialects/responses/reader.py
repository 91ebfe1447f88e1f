"""The events of a stream of a response, as those of a chat."""

from collections.abc import Iterator

from gateway.dialects.eventstream import EventSplitter, EventTooLong
from gateway.dialects.responses.answer import reason_of
from gateway.dialects.responses.reply import arguments_of, finish_of, parts_of
from gateway.dialects.responses.sealed import call_signature_in
from gateway.dialects.responses.usage import read_usage
from gateway.dialects.responses.wire import (
    ANNOTATION,
    ARGUMENTS_DELTA,
    COMPLETED,
    CREATED,
    INCOMPLETE,
    ITEM_ADDED,
    ITEM_DONE,
    REFUSAL_DELTA,
    TEXT_DELTA,
    THOUGHT_DELTAS,
    Item,
    Response,
    StreamEvent,
    read_event,
)
from gateway.values.chat import (
    Began,
    Cited,
    Ended,
    Event,
    HiddenReasoning,
    Reasoning,
    ReasoningDelta,
    ReasoningSigned,
    Refusal,
    RefusalDelta,
    Text,
    TextDelta,
    ToolCallBegan,
    ToolCallDelta,
    Used,
)
from gateway.values.outcome import AttemptFailed, Outcome


class ResponseReader:
    """Of one stream."""

    def __init__(self) -> None:
        self._splitter = EventSplitter()
        self._calls: dict[int, int] = {}  # by the item's index, the call's among the calls
        self._argued: set[int] = set()  # items with arguments so far
        self._said: set[int] = set()  # items of which any text came
        self._thinks: dict[int, tuple[str, int]] = {}  # by item: which events tell the thought, and its part
        self._refuses = False
        self._signed: tuple[str, str | None] | None = None  # the call that follows, and by whom

    def read(self, data: bytes) -> list[Event]:
        """What whole events say. Raises AttemptFailed if they cannot be read."""
        try:
            found = self._splitter.feed(data)
        except EventTooLong:
            raise AttemptFailed(Outcome.ANSWER_TOO_LARGE, "one event of the stream is larger than allowed") from None
        events: list[Event] = []
        for one in found:
            if one.data.strip() == b"[DONE]":
                continue
            event = read_event(one.data)
            if event is None:
                raise AttemptFailed(Outcome.MALFORMED_ANSWER, "an event of the stream is not as OpenAI's")
            events += self._event(event)
        return events

    def _event(self, event: StreamEvent) -> Iterator[Event]:
        kind, index = event.type, event.output_index
        if kind in (TEXT_DELTA, REFUSAL_DELTA) and event.said():
            self._said.add(index)
            self._refuses = self._refuses or kind == REFUSAL_DELTA
            yield (TextDelta if kind == TEXT_DELTA else RefusalDelta)(event.said())
        elif kind == ANNOTATION and event.annotation is not None:
            yield from map(Cited, event.annotation.citations())
        elif kind in THOUGHT_DELTAS:
            yield from self._thought(event)
        elif kind == ARGUMENTS_DELTA and index in self._calls and event.said():
            self._argued.add(index)
            yield ToolCallDelta(self._calls[index], event.said())
        elif kind == ITEM_ADDED and event.item is not None and event.item.type == "function_call":
            yield from self._called(index, event.item)
        elif kind == ITEM_DONE and event.item is not None:
            yield from self._done(index, event.item)
        elif kind == CREATED and event.response is not None:
            yield Began(event.response.id or "", event.response.model or "")
        elif kind in (COMPLETED, INCOMPLETE) and event.response is not None:
            yield from self._ended(event.response)

    def _thought(self, event: StreamEvent) -> Iterator[Event]:
        """A thought may be told twice, as a summary and in its own words: once is enough. Between two parts is a blank line."""
        if not event.said():
            return
        part = event.summary_index or event.content_index
        kind, last = self._thinks.setdefault(event.output_index, (event.type, part))
        if kind != event.type:
            return
        self._said.add(event.output_index)
        if part != last:
            self._thinks[event.output_index] = kind, part
            yield ReasoningDelta("\n\n")
        yield ReasoningDelta(event.said())

    def _called(self, index: int, item: Item) -> Iterator[Event]:
        if index not in self._calls:
            self._calls[index] = len(self._calls)
            signature, maker = self._signed or (None, None)
            yield ToolCallBegan(self._calls[index], item.call_id or item.id or "", item.name or "", signature, maker)

    def _done(self, index: int, item: Item) -> Iterator[Event]:
        """What was not said in pieces is said now."""
        if item.type == "function_call":
            yield from self._called(index, item)
            if index not in self._argued:
                self._argued.add(index)
                yield ToolCallDelta(self._calls[index], arguments_of(item) or "{}")
            return
        self._signed = call_signature_in(item.encrypted_content)
        for part in parts_of(item):
            if isinstance(part, HiddenReasoning):
                yield part
            elif isinstance(part, Reasoning):
                if index not in self._said:
                    yield ReasoningDelta(part.text)
                if part.signature is not None:
                    yield ReasoningSigned(part.signature, part.maker)
            elif index not in self._said and isinstance(part, Text):
                yield TextDelta(part.text)
                yield from map(Cited, part.citations)
            elif index not in self._said and isinstance(part, Refusal):
                self._refuses = True
                yield RefusalDelta(part.text)

    def _ended(self, response: Response) -> Iterator[Event]:
        yield Ended(finish_of(reason_of(response), calls=bool(self._calls), refuses=self._refuses))
        usage = read_usage(response.usage, response.service_tier, response.output or ()).usage
        if usage is not None:
            yield Used(usage)
