"""Decode a stream of `streamGenerateContent?alt=sse`.

Whole events are forwarded as they came. Two ways through, one result: events in the usual framing are read with a single
parse; anything else is taken event by event. Nothing in the stream says that it is complete but a `finishReason`, and some
servers say one with each event: from the first on, events wait for the end of the body, and only the last reason stands.
Without one the answer was cut (FAULTS S3, S4). An error may come as an event, or as bare JSON.
"""

from gateway.dialects.eventstream import EventSplitter, EventTooLong
from gateway.dialects.gemini.answer import decode, reason_of
from gateway.dialects.gemini.progress import Progress
from gateway.dialects.gemini.transcript import Transcript
from gateway.dialects.gemini.wire import Response, read_response, unfinished, usual_events
from gateway.dialects.whole_events import WholeEvents, each_event
from gateway.values.anomaly import Anomaly
from gateway.values.answer import Chunk, PartialAnswer, StreamSummary
from gateway.values.outcome import AttemptFailed, Outcome

_MOST_SPACE = 64 * 1024
_BOM = b"\xef\xbb\xbf"
_DATA, _END = b"data: ", b"\r\n\r\n"
_JSON = (b"{", b"[")


class GeminiStreamDecoder:
    """One stream of one attempt. `transcript`: where what is said is kept."""

    def __init__(self, transcript: Transcript | None = None) -> None:
        self._events = WholeEvents()
        self._progress = Progress(transcript)
        self._whole: list[bytes] | None = None  # of a body that is no stream
        self._head = b""  # space, before anything else
        self._held: list[tuple[Response, bytes]] = []  # from the first that says why it ended
        self._held_output = False
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
        """The last event may lack its blank line."""
        if self._whole is not None:
            return self._not_streamed(b"".join(self._whole))
        chunks = self._last(self._events.rest())
        if chunks and chunks[-1].failure:
            return chunks[-1]
        return self._finished(chunks)

    def summary(self) -> StreamSummary:
        """What the stream has said of itself so far."""
        return self._progress.summary()

    def tokens(self) -> int:
        """About how many tokens of output have come."""
        return self._progress.tokens()

    def beginning(self) -> PartialAnswer | None:
        """None where it is no plain text, or has ended."""
        return self._progress.beginning()

    def _is_started(self, data: bytes) -> bool:
        """At the first that is no space: a brace or bracket begins JSON, and no line of an event stream."""
        head = (self._head + data).removeprefix(_BOM).lstrip()
        if _BOM.startswith(head) and len(self._head) < _MOST_SPACE:
            self._head += data
            return False
        self._seen_bytes = True
        if head.startswith(_JSON):
            self._whole = []
        return True

    def _take(self, whole: bytes) -> list[Chunk]:
        events = usual_events(whole)
        if events is not None and not self._held and all(reason_of(event) is None for event in events):
            return self._forward(events, whole)
        chunks: list[Chunk] = []
        for piece in each_event(whole):
            chunks += self._one(piece)
            if self._over:
                break
        return chunks

    def _forward(self, events: list[Response], whole: bytes) -> list[Chunk]:
        """Of events none of which is the last; `whole` are their bytes."""
        output = False
        for at, event in enumerate(events):
            try:
                output = self._progress.take(event) or output
            except AttemptFailed as failed:
                before = b"".join(each_event(whole)[:at])
                return [*([Chunk(before, output)] if before else []), self._fail(failed)]
        return [Chunk(whole, output)]

    def _one(self, piece: bytes) -> list[Chunk]:
        """One event, in any framing. What is no event, a comment, is forwarded too."""
        found = EventSplitter().finish(piece)
        bare = piece.lstrip().startswith(_JSON)
        if found is None and not bare:
            return [] if self._held else [Chunk(piece)]
        data = piece if found is None else found.data.strip()
        if not data or data == b"[DONE]":
            return []  # other dialects' ends
        event = read_response(data)
        if event is None:
            return [self._fail(AttemptFailed(Outcome.MALFORMED_ANSWER, "an event of the stream is not as Gemini's"))]
        if self._held or reason_of(event) is not None:
            return self._hold(event, piece if not bare else _DATA + data.strip() + _END)
        return self._forward([event], piece)

    def _hold(self, event: Response, piece: bytes) -> list[Chunk]:
        """What goes on after a reason was said makes that reason none."""
        goes_on = any(part.holds_output() for part in event.parts())
        try:
            output = self._progress.take(event)
        except AttemptFailed as failed:
            return [self._fail(failed)]
        chunks = []
        if goes_on and self._held:
            chunks = [Chunk(b"".join(_without_reason(*one) for one in self._held), self._held_output)]
            self._held, self._held_output = [], False
        self._held.append((event, piece))
        self._held_output = self._held_output or output
        return chunks

    def _finished(self, chunks: list[Chunk]) -> Chunk:
        failure = self._cut_short() if not self._progress.has_ended else self._progress.verdict()
        if failure is not None:
            return self._fail(failure)
        self._over = True
        forward = b"".join([*(chunk.forward for chunk in chunks), *(piece for _, piece in self._held)])
        return Chunk(forward, self._held_output or any(chunk.output for chunk in chunks), done=True)

    def _last(self, rest: bytes) -> list[Chunk]:
        """What of an event without its blank line there is, where it is whole."""
        if not rest.strip():
            return []
        found = EventSplitter().finish(rest)
        data = rest if rest.lstrip().startswith(_JSON) else None if found is None else found.data
        if data is None or (data.strip() != b"[DONE]" and read_response(data.strip()) is None):
            return [self._fail(AttemptFailed(Outcome.TRUNCATED, "the stream ended within an event"))] if data else []
        return self._one(rest.rstrip(b"\r\n") + _END)

    def _not_streamed(self, body: bytes) -> Chunk:
        """What is no stream, as one event: where it is an answer."""
        try:
            answer = decode(body)
        except AttemptFailed as failed:
            return self._fail(failed)
        self._progress.anomalies |= {Anomaly.NOT_STREAMED, *answer.anomalies}
        line = b"".join(body.split(b"\n")).strip().replace(b"\r", b"")
        return self._finished(self._one(_DATA + line + _END))

    def _cut_short(self) -> AttemptFailed:
        if self._progress.is_started:
            return AttemptFailed(Outcome.TRUNCATED, "the stream ended without a finishReason")
        if self._seen_bytes:
            return AttemptFailed(Outcome.MALFORMED_ANSWER, "the body is not an event stream")
        return AttemptFailed(Outcome.EMPTY_ANSWER, "the stream was empty")

    def _fail(self, failure: AttemptFailed) -> Chunk:
        self._over = True
        return Chunk(b"", failure=failure)


def _without_reason(event: Response, piece: bytes) -> bytes:
    if reason_of(event) is None:
        return piece
    found = EventSplitter().finish(piece)
    return piece if found is None else _DATA + unfinished(found.data) + _END
