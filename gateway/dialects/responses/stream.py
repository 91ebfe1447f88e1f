"""Decode a stream of a response.

Whole events are forwarded as they came, but for encrypted thoughts, which are marked. The answer is complete with
`response.completed` or `response.incomplete`; a body that ends without one was cut (FAULTS S2, S4, S5).
"""

import msgspec

from gateway.dialects.anthropic.wire import read
from gateway.dialects.eventstream import EventSplitter, EventTooLong
from gateway.dialects.openai.wire import is_present
from gateway.dialects.reported import ReportedUsage
from gateway.dialects.responses.answer import anomalies_of, error_in_answer, judged
from gateway.dialects.responses.sealed import sealed_event
from gateway.dialects.responses.unstreamed import as_stream
from gateway.dialects.responses.usage import read_usage
from gateway.dialects.responses.wire import (
    CANCELLED,
    COMPLETED,
    CREATED,
    FAILED,
    INCOMPLETE,
    ITEM_ADDED,
    ITEM_DONE,
    Response,
    StreamEvent,
    read_event,
    response,
)
from gateway.dialects.whole_events import WholeEvents, each_event
from gateway.values.anomaly import Anomaly
from gateway.values.answer import Chunk, PartialAnswer, StreamSummary
from gateway.values.outcome import AttemptFailed, Outcome

_CHARACTERS_PER_TOKEN = 4
_HEAD, _DATA, _END = b"event: ", b"\ndata: ", b"\n\n"
_BOM = b"\xef\xbb\xbf"
_MOST_SPACE = 64 * 1024
_SILENT = frozenset({"message", "reasoning"})  # items that say nothing by beginning


class ResponseStreamDecoder:
    """One stream of one attempt. `owner`: whose thoughts come, as `gateway.dialects.responses.sealed` marks them."""

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._events = WholeEvents()
        self._whole: list[bytes] | None = None  # of a body that is no stream
        self._head = b""  # space, before anything else
        self._seen_bytes = self._began = self._over = False
        self._model: str | None = None
        self._told = ReportedUsage()
        self._reason: str | None = None
        self._anomalies: set[Anomaly] = set()
        self._outputs = self._characters = 0

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
        rest = self._events.rest()
        found = EventSplitter().finish(rest) if rest.strip() else None
        if found is not None and read_event(found.data) is not None:
            chunks = self._take(rest.rstrip(b"\r\n") + _END)
            if chunks and (chunks[-1].done or chunks[-1].failure):
                return _joined(chunks)
        return self._fail(self._cut_short())

    def summary(self) -> StreamSummary:
        """What the stream has said of itself so far. Usage comes last."""
        found = self._anomalies | set(anomalies_of(self._told, self._reason) if self._reason is not None else ())
        anomalies = tuple(one for one in Anomaly if one in found) if found else ()
        told = self._told
        return StreamSummary(told.usage, self._model, self._reason, self.tokens(), told.counts, anomalies)

    def tokens(self) -> int:
        """About how many tokens of output have come; each event with output holds one at least."""
        return max(self._outputs, self._characters // _CHARACTERS_PER_TOKEN)

    def beginning(self) -> PartialAnswer | None:
        """None: nobody else can go on within its events."""
        return None

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
        forward: list[bytes] = []
        output = False
        for piece in _pieces(whole):
            try:
                said, given = self._one(piece)
            except AttemptFailed as failed:
                before = b"".join(forward)
                return [*([Chunk(before, output)] if before else []), self._fail(failed)]
            forward.append(given)
            output = output or said
            if self._over:
                return [Chunk(b"".join(forward), output, done=True)]
        together = b"".join(forward)
        return [Chunk(together, output)] if together else []

    def _one(self, piece: bytes) -> tuple[bool, bytes]:
        """Whether an event says anything, and what is forwarded of it. Raises AttemptFailed where it, or its place, is wrong."""
        head, is_usual, data = piece.partition(_DATA)
        if not is_usual or not head.startswith(_HEAD) or b"\n" in head or data.find(b"\n") < len(data) - len(_END):
            return self._unusual(piece)
        event = read_event(data)
        if event is None:
            return self._unusual(piece)
        return self._event(event), self._sealed(head, data.rstrip(b"\n"), piece)

    def _unusual(self, piece: bytes) -> tuple[bool, bytes]:
        """In any framing. What is no event, a comment, is forwarded too."""
        found = EventSplitter().finish(piece)
        if found is None:
            return False, piece
        data = found.data.strip()
        if not data or data == b"[DONE]":
            return False, b""
        event = read_event(data)
        if event is None:
            if found.name == "error":
                raise error_in_answer(msgspec.Raw(data), "the stream carried an error")
            raise AttemptFailed(Outcome.MALFORMED_ANSWER, "an event of the stream is not as OpenAI's")
        head = _HEAD + event.type.encode() if event.type.replace("_", "").replace(".", "").isalnum() else b""
        named = piece if found.name is not None else head + b"\n" + piece.removeprefix(_BOM).lstrip(b"\r\n")
        return self._event(event), self._sealed(head, data, named)

    def _sealed(self, head: bytes, data: bytes, piece: bytes) -> bytes:
        try:
            marked = sealed_event(data, self._owner)
        except (ValueError, RecursionError):
            raise AttemptFailed(Outcome.MALFORMED_ANSWER, "an encrypted thought that cannot be read") from None
        return piece if marked is data else head + _DATA + marked + _END

    def _event(self, event: StreamEvent) -> bool:
        kind = event.type
        if kind.endswith(".delta"):
            return self._spoke(len(event.said()) or (0 if isinstance(event.delta, str) else 1))
        if kind in (COMPLETED, INCOMPLETE):
            self._end(event.response, kind)
            return False
        if kind in (FAILED, CANCELLED, "error") or is_present(event.error):
            error = event.error
            if event.response is not None:
                error = event.response.error
                self._told = read_usage(event.response.usage, event.response.service_tier)
            error = error if is_present(error) else event.code
            raise error_in_answer(error, "the stream carried an error")
        if kind == CREATED and event.response is not None:
            if self._began:
                raise AttemptFailed(Outcome.MALFORMED_ANSWER, "a second response.created")
            self._began = True
            self._model = event.response.model
        item = event.item
        if item is not None and kind == ITEM_ADDED and item.type not in _SILENT:
            return self._spoke(len(item.name or ""))
        if item is not None and kind == ITEM_DONE and not self._outputs and item.holds_output():
            return self._spoke(1)  # of a server that says items whole, or a thought that cannot be read
        return False

    def _spoke(self, characters: int) -> bool:
        if not characters:
            return False
        self._outputs += 1
        self._characters += characters
        return True

    def _end(self, found: Response | None, kind: str) -> None:
        if found is None:
            raise AttemptFailed(Outcome.MALFORMED_ANSWER, "the stream's last event holds no response")
        found.status = kind.removeprefix("response.")
        found.output = found.output or []
        self._told = read_usage(found.usage, found.service_tier, found.output)
        self._model = found.model or self._model
        self._told, self._reason = judged(found, "the stream carried an error", any_output=self._outputs > 0)
        self._over = True

    def _not_streamed(self, body: bytes) -> Chunk:
        """What is no stream, as one: where it is a response."""
        found = read(response, body)
        if found is None:
            return self._fail(AttemptFailed(Outcome.MALFORMED_ANSWER, "the body is not an event stream"))
        try:
            judged(found, "a 2xx whose body holds an error")
        except AttemptFailed as failed:
            return self._fail(failed)
        self._anomalies.add(Anomaly.NOT_STREAMED)
        return _joined(self._take(as_stream(body)))

    def _cut_short(self) -> AttemptFailed:
        if self._began or self._outputs:
            return AttemptFailed(Outcome.TRUNCATED, "the stream ended without response.completed")
        if self._seen_bytes:
            return AttemptFailed(Outcome.MALFORMED_ANSWER, "the body is not an event stream")
        return AttemptFailed(Outcome.EMPTY_ANSWER, "the stream was empty")

    def _fail(self, failure: AttemptFailed) -> Chunk:
        self._over = True
        return Chunk(b"", failure=failure)


def _pieces(whole: bytes) -> list[bytes]:
    """Events one by one; where lines end as usual they need not be looked for."""
    if b"\r" in whole:
        return each_event(whole)
    return [piece + _END for piece in whole.split(_END)[:-1]]


def _joined(chunks: list[Chunk]) -> Chunk:
    """Several as one; a failure takes the rest with it."""
    last = chunks[-1]
    if last.failure is not None or len(chunks) == 1:
        return last
    return Chunk(b"".join(chunk.forward for chunk in chunks), any(chunk.output for chunk in chunks), last.done)
