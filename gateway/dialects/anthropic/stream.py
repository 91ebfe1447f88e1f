"""Decode a stream of a message.

Whole events are forwarded as they came. Two ways through, one result: events in the usual framing are checked with a
single parse; anything else is taken event by event. The answer is complete with `message_stop`; a body that ended
properly after a stop_reason, with every block closed, is given one (FAULTS S3, S4, S13).
"""

import msgspec

from gateway.dialects.anthropic.answer import decode
from gateway.dialects.anthropic.progress import Effect, Progress
from gateway.dialects.anthropic.transcript import MessageTranscript
from gateway.dialects.anthropic.unstreamed import as_stream
from gateway.dialects.anthropic.usual_events import usual_events
from gateway.dialects.anthropic.wire import StreamEvent, read
from gateway.dialects.eventstream import EventSplitter, EventTooLong
from gateway.dialects.whole_events import WholeEvents, each_event
from gateway.values.anomaly import Anomaly
from gateway.values.answer import Chunk, PartialAnswer, StreamSummary
from gateway.values.outcome import AttemptFailed, Outcome

_END = b"\n\n"
_STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
_MOST_SPACE = 64 * 1024
_BOM = b"\xef\xbb\xbf"
_decoder = msgspec.json.Decoder(StreamEvent)


class AnthropicStreamDecoder:
    """One stream of one attempt. `transcript`: where what is said is kept."""

    def __init__(self, transcript: MessageTranscript | None = None) -> None:
        self._events = WholeEvents()
        self._progress = Progress(transcript)
        self._whole: list[bytes] | None = None  # of a body that is no stream
        self._head = b""  # space, before anything else
        self._seen_bytes = False
        self._over = False

    def feed(self, data: bytes) -> list[Chunk]:
        """The whole events in what has arrived, as few chunks as possible."""
        if self._over or not data or not (self._seen_bytes or self._is_started(data)):
            return []
        data, self._head = self._head + data if self._head else data, b""
        if self._whole is not None:
            self._whole.append(data)
            return []
        try:
            whole = self._events.feed(data)
        except EventTooLong:
            return [
                self._fail(AttemptFailed(Outcome.ANSWER_TOO_LARGE, "one event of the stream is larger than allowed"))
            ]
        return self._take(whole) if whole else []

    def end(self) -> Chunk:
        """The last event may lack its blank line, and a complete answer its message_stop, which the caller gets."""
        if self._whole is not None:
            return self._not_streamed(b"".join(self._whole))
        chunks = self._last(self._events.rest())
        if chunks and (chunks[-1].done or chunks[-1].failure):
            return _joined(chunks)
        if not self._progress.could_end:
            return self._fail(self._cut_short())
        failure = self._progress.verdict()
        if failure is not None:
            return self._fail(failure)
        self._over = True
        self._progress.anomalies.add(Anomaly.NO_TERMINATOR)
        return _joined([*chunks, Chunk(_STOP, done=True)])

    def summary(self) -> StreamSummary:
        """What the stream has said of itself so far."""
        return self._progress.summary()

    def tokens(self) -> int:
        """About how many tokens of output have come."""
        return self._progress.tokens()

    def beginning(self) -> PartialAnswer | None:
        """None too where the only block of text has ended."""
        return self._progress.beginning()

    def _is_started(self, data: bytes) -> bool:
        """At the first that is no space: a brace begins a whole answer, and no line of an event stream."""
        head = (self._head + data).removeprefix(_BOM).lstrip()
        if _BOM.startswith(head) and len(self._head) < _MOST_SPACE:
            self._head += data
            return False
        self._seen_bytes = True
        if head.startswith(b"{"):
            self._whole = []
        return True

    def _take(self, whole: bytes) -> list[Chunk]:
        events = usual_events(whole)
        if events is not None:
            return self._forward(events, whole)
        chunks: list[Chunk] = []
        for piece in each_event(whole):
            chunks += self._one(piece)
            if self._over:
                break
        return chunks

    def _one(self, piece: bytes) -> list[Chunk]:
        """One event, in any framing. What is no event, a comment, is forwarded too."""
        found = EventSplitter().finish(piece)
        if found is None:
            return [Chunk(piece)]
        data = found.data.strip()
        if not data or data == b"[DONE]":
            return []  # other dialects' ends, and what clients of this one cannot parse
        event = read(_decoder, data)
        if event is None and found.name != "error":
            return [self._fail(AttemptFailed(Outcome.MALFORMED_ANSWER, "an event of the stream is not as Anthropic's"))]
        event = event or StreamEvent()
        if found.name == "error" or not event.type:
            event.type = found.name or ""
        if found.name is None and event.type.replace("_", "").isalnum():
            piece = b"event: " + event.type.encode() + b"\n" + piece.removeprefix(_BOM).lstrip(b"\r\n")
        return self._forward([event], piece)

    def _forward(self, events: list[StreamEvent], whole: bytes) -> list[Chunk]:
        """`whole` are their bytes: of several, in the usual framing."""
        said = self._progress.take_deltas(events)
        if said is not None:
            return [Chunk(whole, said)]
        take, output = self._progress.take, False
        dropped: list[int] = []
        for at, event in enumerate(events):
            try:
                effect = take(event)
            except AttemptFailed as failed:
                before = _without(whole, dropped, at)
                return [*([Chunk(before, output)] if before else []), self._fail(failed)]
            if effect is Effect.OUTPUT:
                output = True
            elif effect is Effect.DROPPED:
                dropped.append(at)
            elif effect is Effect.DONE:
                self._over = True
                return [Chunk(_without(whole, dropped, at + 1), output, done=True)]
        if dropped:
            whole = _without(whole, dropped, len(events))
        return [Chunk(whole, output)] if whole else []

    def _last(self, rest: bytes) -> list[Chunk]:
        """What of an event without its blank line there is, where it is whole."""
        if not rest.strip():
            return []
        found = EventSplitter().finish(rest)
        if found is not None and found.data.strip() != b"[DONE]" and read(_decoder, found.data) is None:
            return [self._fail(AttemptFailed(Outcome.TRUNCATED, "the stream ended within an event"))]
        return self._one(rest.rstrip(b"\r\n") + _END) if found is not None else []

    def _not_streamed(self, body: bytes) -> Chunk:
        """What is no stream, as one: where it is an answer."""
        try:
            answer = decode(body)
        except AttemptFailed as failed:
            return self._fail(failed)
        self._progress.anomalies |= {Anomaly.NOT_STREAMED, *answer.anomalies}
        return _joined(self._take(as_stream(body)))

    def _cut_short(self) -> AttemptFailed:
        if self._progress.is_started:
            return AttemptFailed(Outcome.TRUNCATED, "the stream ended without message_stop")
        if self._seen_bytes:
            return AttemptFailed(Outcome.MALFORMED_ANSWER, "the body is not an event stream")
        return AttemptFailed(Outcome.EMPTY_ANSWER, "the stream was empty")

    def _fail(self, failure: AttemptFailed) -> Chunk:
        self._over = True
        return Chunk(b"", failure=failure)


def _without(whole: bytes, dropped: list[int], until: int) -> bytes:
    """The bytes of the first `until` events, less those at these places."""
    pieces = each_event(whole)
    return b"".join(piece for at, piece in enumerate(pieces[:until]) if at not in dropped)


def _joined(chunks: list[Chunk]) -> Chunk:
    """Several as one; a failure takes the rest with it."""
    last = chunks[-1]
    if last.failure is not None or len(chunks) == 1:
        return last
    return Chunk(b"".join(chunk.forward for chunk in chunks), any(chunk.output for chunk in chunks), last.done)
