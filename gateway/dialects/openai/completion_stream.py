"""The stream of legacy completions."""

from gateway.dialects.eventstream import Event, EventSplitter, EventTooLong
from gateway.dialects.openai.chunk import as_event, joined
from gateway.dialects.openai.completion_body import CompletionBody, Habits, in_order, judged, parse, says_failure
from gateway.dialects.openai.failure import failure_in_answer
from gateway.dialects.openai.finish import finish_of
from gateway.dialects.openai.repair import usage_event, without_usage
from gateway.dialects.openai.reported_usage import read_usage
from gateway.dialects.openai.ways import USUAL, Ways
from gateway.dialects.openai.wire import is_present
from gateway.dialects.reported import ReportedUsage
from gateway.values.anomaly import Anomaly
from gateway.values.answer import Chunk, PartialAnswer, StreamSummary
from gateway.values.outcome import AttemptFailed, Outcome

_DONE = b"[DONE]"
_DONE_EVENT = Chunk(b"data: [DONE]\n\n", done=True)
_MOST_SPACE = 64 * 1024
_UNNAMED = (None, "", "message")


class CompletionsDecoder:
    """Complete when every choice that was asked for has said why it finished, and [DONE] came or the body ended properly."""

    def __init__(
        self,
        *,
        keep_usage: bool,
        choices: int,
        finishes: frozenset[str],
        habits: Habits | None,
        ways: Ways = USUAL,
    ) -> None:
        self._habits = habits
        self._ways = ways
        self._keep_usage = keep_usage
        self._asked = choices
        self._finishes = finishes
        self._splitter = EventSplitter()
        self._open: set[int] = set()
        self._ends: dict[int, str] = {}
        self._told = ReportedUsage()
        self._usage_event: bytes | None = None
        self._model: str | None = None
        self._anomalies: set[Anomaly] = set()
        self._output_events = 0
        self._space = b""  # before anything else
        self._whole: list[bytes] | None = None  # of a body that is no stream
        self._seen_bytes = self._seen = self._over = False

    def feed(self, data: bytes) -> list[Chunk]:
        """The whole events in what has arrived."""
        if self._over or not data:
            return []
        if not self._seen_bytes:
            data, self._space = self._space + data, b""
            if not (head := data.lstrip()) and len(data) < _MOST_SPACE:
                self._space = data
                return []
            self._seen_bytes = True
            self._whole = [] if head.startswith(b"{") else None  # no line of an event stream begins so
        if self._whole is not None:
            self._whole.append(data)
            return []
        try:
            events = self._splitter.feed(data)
        except EventTooLong:
            return [self._fail(Outcome.ANSWER_TOO_LARGE, "one event of the stream is larger than allowed")]
        chunks = []
        for event in events:
            chunk = self._one(event)
            if chunk is not None:
                chunks.append(chunk)
            if self._over:
                break
        return [joined(chunks)] if chunks and chunks[-1].failure is None else chunks

    def end(self) -> Chunk:
        """The body has ended without [DONE]."""
        if self._whole is not None:
            return self._not_streamed(b"".join(self._whole))
        last = None if self._splitter.idle() else self._splitter.finish()
        data = b"" if last is None else last.data.strip()
        if data and data != _DONE and parse(data) is None:
            return self._fail(Outcome.TRUNCATED, "the stream ended within an event")
        chunk = None if last is None else self._one(last)
        if chunk is not None and (chunk.done or chunk.failure):
            return chunk
        if self._is_complete():
            self._anomalies.add(Anomaly.NO_TERMINATOR)
            return joined([*([chunk] if chunk is not None else []), self._done()])
        return self._incomplete()

    def summary(self) -> StreamSummary:
        """What the stream has said of itself so far."""
        found = set(self._anomalies)
        if self._told.odd:
            found.add(Anomaly.ODD_USAGE)
        if not self._finishes.issuperset(self._ends.values()):
            found.add(Anomaly.UNKNOWN_FINISH_REASON)
        anomalies = tuple(one for one in Anomaly if one in found)
        told = self._told
        return StreamSummary(told.usage, self._model, self._ends.get(0), self._output_events, told.counts, anomalies)

    def tokens(self) -> int:
        """Each event with text holds one at least."""
        return self._output_events

    def beginning(self) -> PartialAnswer | None:
        """None: nothing goes on with it."""
        return None

    def _is_complete(self) -> bool:
        return not self._open and len(self._ends) >= self._asked

    def _incomplete(self) -> Chunk:
        if self._seen:
            return self._fail(Outcome.TRUNCATED, "the stream ended without [DONE], before each choice had finished")
        if self._seen_bytes or self._space:
            return self._fail(Outcome.MALFORMED_ANSWER, "the body is not an event stream")
        return self._fail(Outcome.EMPTY_ANSWER, "the stream was empty")

    def _not_streamed(self, body: bytes) -> Chunk:
        """A whole answer where a stream was asked for, as the one event of a stream."""
        try:
            body = judged(body, self._asked, self._finishes, self._habits).body
            self._habits = None
        except AttemptFailed as failed:
            self._over = True
            return Chunk(b"", failure=failed)
        self._anomalies.add(Anomaly.NOT_STREAMED)
        chunk = self._one(Event(None, body))
        return self._done() if chunk is None else joined([chunk, self._done()])

    def _one(self, event: Event) -> Chunk | None:
        data = event.data.strip()
        if data == _DONE:
            return self._done()
        parsed = parse(data) if data else None
        if event.name == "error" or (parsed is not None and says_failure(parsed)):
            self._over = True
            return Chunk(b"", failure=failure_in_answer(data, self._ways.codes, "the stream carried an error"))
        if parsed is not None:
            if self._habits is None:
                return self._said(event.data, parsed)
            data = in_order(self._habits.event, data)
            return self._said(data, parse(data) or parsed)
        if not data or event.name not in _UNNAMED or self._is_prelude(data):
            return None  # a ping
        return self._fail(Outcome.MALFORMED_ANSWER, "an event of the stream is not a completion chunk")

    def _is_prelude(self, data: bytes) -> bool:
        """Whether a vendor says so before the first event, where that is known of it."""
        return self._habits is not None and not self._seen and data == self._habits.prelude

    def _said(self, data: bytes, body: CompletionBody) -> Chunk | None:
        self._seen = True
        self._model = self._model or body.model
        if is_present(body.usage):
            self._told = read_usage(body.usage, body.service_tier, self._ways.usage)
        if not body.choices:
            if is_present(body.usage):
                self._usage_event = data
                return None
            return None if body.choices is None or not self._keep_usage else as_event(data)  # as Azure's first event
        output = False
        for choice in body.choices:
            output = output or bool(choice.text)
            end = finish_of(choice.finish_reason)
            if end is None:
                if choice.index not in self._ends:
                    self._open.add(choice.index)
            else:
                self._open.discard(choice.index)
                self._ends[choice.index] = end
        self._output_events += output
        if is_present(body.usage):  # with what is said last, as llama.cpp has it: it has an event of its own
            self._usage_event = usage_event(data)
            data = without_usage(data)
        return as_event(data, output=output)

    def _done(self) -> Chunk:
        if not (self._open or self._ends):
            return self._fail(Outcome.EMPTY_ANSWER, "the stream ended without any choice")
        if not self._is_complete():
            return self._fail(Outcome.TRUNCATED, "[DONE] came before each choice had finished")
        self._over = True
        if self._keep_usage and self._usage_event is not None:
            return joined([as_event(self._usage_event), _DONE_EVENT])
        return _DONE_EVENT

    def _fail(self, outcome: Outcome, detail: str) -> Chunk:
        self._over = True
        return Chunk(b"", failure=AttemptFailed(outcome, detail))
