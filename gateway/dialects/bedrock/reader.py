"""The messages of a stream of Converse, as events of a chat."""

from collections.abc import Iterator

import msgspec

from gateway.dialects.amazon_frames import Frame, FrameSplitter
from gateway.dialects.bedrock.reply import MAKER
from gateway.dialects.bedrock.reported_usage import read_usage
from gateway.dialects.bedrock.stop import BLOCKED, finish_of
from gateway.dialects.bedrock.wire import (
    SERVER_TOOL,
    ReasoningContent,
    StreamEvent,
    ToolUse,
    frames,
    piece_of,
    read,
    stop_sequence_of,
)
from gateway.values.chat import (
    Began,
    Ended,
    Event,
    HiddenReasoning,
    ReasoningDelta,
    ReasoningSigned,
    TextDelta,
    ToolCallBegan,
    ToolCallDelta,
    Used,
)
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.usage import Usage

_decoder = msgspec.json.Decoder(StreamEvent)


class ConverseReader:
    """Of one stream."""

    def __init__(self) -> None:
        self._splitter = FrameSplitter()
        self._calls: dict[int, int] = {}  # by the block's index, the call's among the calls
        self._without_arguments: set[int] = set()  # calls of which no argument has come
        self._usage: Usage | None = None
        self._is_begun = self._is_ended = False

    def read(self, data: bytes) -> list[Event]:
        """What whole messages say. Raises AttemptFailed if they cannot be read."""
        return [event for frame in frames(self._splitter, data) for event in self._events(frame)]

    def _events(self, frame: Frame) -> Iterator[Event]:
        event = read(_decoder, frame.payload) if frame.payload else StreamEvent()
        if event is None:
            raise AttemptFailed(Outcome.MALFORMED_ANSWER, "an event of the stream is not as Bedrock's")
        if not self._is_begun:
            self._is_begun = True
            yield Began("", "")
        match frame.text(":event-type"):
            case "contentBlockDelta":
                yield from self._delta(event)
            case "contentBlockStart" if event.start is not None and event.start.tool_use is not None:
                yield from self._call(event.content_block_index, event.start.tool_use)
            case "contentBlockStop":
                call = self._calls.get(event.content_block_index)
                if call in self._without_arguments:
                    self._without_arguments.discard(call)
                    yield ToolCallDelta(call, "{}")
            case "messageStop":
                yield from self._stop(event)
            case "metadata":
                self._usage = read_usage(event.usage, event.service_tier).usage
                yield from self._used()

    def _call(self, index: int, started: ToolUse) -> Iterator[Event]:
        if started.type == SERVER_TOOL:
            return
        call = self._calls[index] = len(self._calls)
        self._without_arguments.add(call)
        yield ToolCallBegan(call, started.tool_use_id or "", started.name or "")

    def _delta(self, event: StreamEvent) -> Iterator[Event]:
        delta = event.delta
        if delta is None:
            return
        if delta.text:
            yield TextDelta(delta.text)
        if delta.reasoning_content is not None:
            yield from _thoughts(delta.reasoning_content)
        call = self._calls.get(event.content_block_index)
        if delta.tool_use is not None and call is not None and (piece := piece_of(delta.tool_use.input)):
            self._without_arguments.discard(call)
            yield ToolCallDelta(call, piece)

    def _stop(self, event: StreamEvent) -> Iterator[Event]:
        if self._is_ended:
            return
        self._is_ended = True
        for call in sorted(self._without_arguments):
            yield ToolCallDelta(call, "{}")
        self._without_arguments.clear()
        reason = event.stop_reason or ""
        finish = finish_of(reason, calls=bool(self._calls))
        sequence = stop_sequence_of(event.additional_model_response_fields)
        yield Ended(finish, sequence, (reason,) if reason in BLOCKED else ())
        yield from self._used()

    def _used(self) -> Iterator[Event]:
        """Once the answer has ended."""
        usage = self._usage
        if self._is_ended and usage is not None:
            self._usage = None
            yield Used(usage)


def _thoughts(content: ReasoningContent) -> Iterator[Event]:
    if content.text:
        yield ReasoningDelta(content.text)
    if content.signature:
        yield ReasoningSigned(content.signature, MAKER)
    if content.redacted_content:
        yield HiddenReasoning(content.redacted_content, MAKER)
