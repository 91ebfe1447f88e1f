"""The events of a stream of a message, as those of a chat."""

from collections.abc import Iterator

import msgspec

from gateway.dialects.anthropic.citations import citation_of, citations_of
from gateway.dialects.anthropic.marks import MAKER
from gateway.dialects.anthropic.reply import arguments_of, used_by
from gateway.dialects.anthropic.reported_usage import UsageReport
from gateway.dialects.anthropic.stop import finish_of
from gateway.dialects.anthropic.usual_events import usual_events
from gateway.dialects.anthropic.wire import ABSENT, Block, Delta, StreamEvent, category_of, explanation_of, read
from gateway.dialects.eventstream import EventSplitter, EventTooLong
from gateway.values.chat import (
    Began,
    Cited,
    Ended,
    Event,
    Finish,
    HiddenReasoning,
    ReasoningDelta,
    ReasoningSigned,
    RefusalDelta,
    TextDelta,
    ToolCallBegan,
    ToolCallDelta,
    Used,
)
from gateway.values.outcome import AttemptFailed, Outcome

_decoder = msgspec.json.Decoder(StreamEvent)


class MessageReader:
    """Of one stream."""

    def __init__(self) -> None:
        self._splitter = EventSplitter()
        self._usage = UsageReport()
        self._calls: dict[int, int] = {}  # by the block's index, the call's among the calls
        self._without_arguments: set[int] = set()  # calls of which no argument has come
        self._own: dict[int, tuple[Block, list[str]]] = {}  # by the block's index, calls of Anthropic's own tools
        self._any_text = self._is_ended = False

    def read(self, data: bytes) -> list[Event]:
        """What whole events say. Raises AttemptFailed if they cannot be read."""
        usual = usual_events(data) if self._splitter.idle() else None
        events: list[Event] = []
        for event in self._split(data) if usual is None else usual:
            events += self._events(event, event.type)
        return events

    def _split(self, data: bytes) -> Iterator[StreamEvent]:
        try:
            found = self._splitter.feed(data)
        except EventTooLong:
            raise AttemptFailed(Outcome.ANSWER_TOO_LARGE, "one event of the stream is larger than allowed") from None
        for one in found:
            event = read(_decoder, one.data)
            if event is None:
                raise AttemptFailed(Outcome.MALFORMED_ANSWER, "an event of the stream is not as Anthropic's")
            event.type = event.type or one.name or ""
            yield event

    def _events(self, event: StreamEvent, kind: str) -> Iterator[Event]:
        if kind == "content_block_delta" and event.delta is not None:
            yield from self._delta(event.index, event.delta)
        elif kind == "message_start" and event.message is not None:
            self._usage.add(event.message.usage, final=False)
            yield Began(event.message.id or "", event.message.model or "", self._usage.so_far())
        elif kind == "content_block_start" and event.content_block is not None:
            yield from self._block(event.index, event.content_block)
        elif kind == "content_block_stop":
            call = self._calls.get(event.index)
            if event.index in self._own:
                yield from self._used(*self._own.pop(event.index))
            if call in self._without_arguments:
                self._without_arguments.discard(call)
                yield ToolCallDelta(call, "{}")
        elif kind == "message_delta":
            yield from self._message(event)
        elif kind == "message_stop":
            usage = self._usage.usage().usage
            if usage is not None:
                yield Used(usage)

    def _block(self, index: int, block: Block) -> Iterator[Event]:
        if block.type == "tool_use":
            call = self._calls[index] = len(self._calls)
            yield ToolCallBegan(call, block.id or "", block.name or "")
            arguments = arguments_of(block)
            if arguments.strip("{} \n") == "":
                self._without_arguments.add(call)
            else:
                yield ToolCallDelta(call, arguments)
        elif block.type == "redacted_thinking":
            yield HiddenReasoning(block.data or "", MAKER)
        elif used_by(block) is not None:
            self._own[index] = block, []
        else:
            yield from self._delta(index, Delta(text=block.text, thinking=block.thinking, signature=block.signature))
            yield from map(Cited, citations_of(block.citations))

    def _used(self, block: Block, arguments: list[str]) -> Iterator[Event]:
        """A call of a tool of Anthropic's, or its result, once it is whole."""
        part = used_by(block, "".join(arguments) or None)
        if part is not None:
            yield part

    def _delta(self, index: int, delta: Delta) -> Iterator[Event]:
        if delta.text:
            self._any_text = True
            yield TextDelta(delta.text)
        if delta.thinking:
            yield ReasoningDelta(delta.thinking)
        if delta.signature:
            yield ReasoningSigned(delta.signature, MAKER)
        if delta.citation is not ABSENT and (citation := citation_of(delta.citation)) is not None:
            yield Cited(citation)
        call = self._calls.get(index)
        if delta.partial_json and call is not None:
            self._without_arguments.discard(call)
            yield ToolCallDelta(call, delta.partial_json)
        elif delta.partial_json and index in self._own:
            self._own[index][1].append(delta.partial_json)

    def _message(self, event: StreamEvent) -> Iterator[Event]:
        delta = event.delta
        reason = None if delta is None else delta.stop_reason
        self._usage.add(event.usage, final=self._is_ended or reason is not None)
        if delta is None or reason is None or self._is_ended:
            return
        self._is_ended = True
        finish = finish_of(reason, calls=bool(self._calls))
        explanation = explanation_of(delta.stop_details) if finish is Finish.REFUSAL else None
        if explanation and not self._any_text:
            yield RefusalDelta(explanation)
        yield Ended(finish, delta.stop_sequence, category_of(delta.stop_details) if finish is Finish.REFUSAL else ())
