"""Decode a stream of chat completion chunks.

Two ways through, one result: a batch of events in the usual framing is checked with a single parse and forwarded as it
came; anything else is taken event by event, and put in order. The answer is complete if each choice has said why it
finished, and [DONE] came or the body ended properly: an engine that dies can end its HTTP body well, but not its choices
(FAULTS S3, S4, S13).
"""

from collections.abc import Sequence

import msgspec

from gateway.dialects.eventstream import Event, EventSplitter, EventTooLong
from gateway.dialects.openai.answer import decode
from gateway.dialects.openai.choices import Choices
from gateway.dialects.openai.chunk import (
    ChatChunk,
    Choice,
    as_event,
    decode_batch,
    is_end,
    joined,
    parse,
    remember,
    says_failure,
)
from gateway.dialects.openai.failure import failure_in_answer
from gateway.dialects.openai.finish import ANY
from gateway.dialects.openai.output import says_anything
from gateway.dialects.openai.pattern import Pattern, pattern_of
from gateway.dialects.openai.repair import usage_event
from gateway.dialects.openai.reported_usage import read_usage
from gateway.dialects.openai.transcript import Transcript
from gateway.dialects.openai.unstreamed import as_events
from gateway.dialects.openai.usage_elsewhere import Elsewhere, elsewhere
from gateway.dialects.openai.ways import USUAL, Ways
from gateway.dialects.openai.wire import is_answer, is_present
from gateway.dialects.reported import ReportedUsage, of_output
from gateway.values.anomaly import Anomaly
from gateway.values.answer import Chunk, PartialAnswer, StreamSummary
from gateway.values.outcome import AttemptFailed, Outcome

_PREFIX, _SUFFIX, _BETWEEN = b"data: ", b"\n\n", b"\n\ndata: "
_DONE = b"[DONE]"
_DONE_EVENT = b"data: [DONE]\n\n"
_MAX_TAIL = 64 * 1024  # joining a longer one with each arrival would cost quadratic time
_LOOKS = 8  # for what events look like
_MANY = 2048  # bytes of events at once: to look for it pays at once
_UNNAMED = (None, "", "message")  # events of other names are for listeners that ask for them


class OpenAIStreamDecoder:
    """`keep_usage`: forward the usage, once, in an event of its own; else it is only accounted for. `running_usage`: it was
    asked for beside what is said, and stays there. `choices`: how many were asked for; `finishes`: the vendor's finish
    reasons, `ways`: in what else it differs; `transcript`: where what is said is kept.
    """

    def __init__(  # noqa: PLR0913 - what an answer to this request, by this vendor, is judged by
        self,
        *,
        keep_usage: bool,
        running_usage: bool = False,
        choices: int = 1,
        finishes: frozenset[str] = ANY,
        ways: Ways = USUAL,
        transcript: Transcript | None = None,
    ) -> None:
        self._keep_usage = keep_usage
        self._running_usage = running_usage
        self._choices = Choices(choices, finishes)
        self._finishes = finishes
        self._ways = ways
        self._elsewhere: Elsewhere | None = elsewhere(ways.usage)
        self._transcript = transcript
        self._splitter = EventSplitter()
        self._tail = b""  # an event that has begun, in the usual framing
        self._whole: list[bytes] | None = None  # of a body that is no stream
        self._told = ReportedUsage()
        self._usage_event: bytes | None = None  # its data, which waits for the end
        self._model: str | None = None
        self._anomalies: set[Anomaly] = set()
        self._pattern: Pattern | None = None  # only between two events, while no choice has finished and no usage came
        # how often one is yet looked for; what is said has to be read where it is kept, or counted beside
        self._looks = 0 if transcript is not None or running_usage or choices > 1 else _LOOKS
        self._seen_bytes = self._seen_event = False
        self._output_events = 0
        self._over = False

    def feed(self, data: bytes) -> list[Chunk]:  # noqa: PLR0911 - the quickest ways first
        """The whole events in what has arrived, as few chunks as possible."""
        if self._over or not data:
            return []
        if self._pattern is not None and not self._tail and self._pattern.is_one(data):
            self._output_events += 1
            return [Chunk(data, output=True)]
        if self._tail:
            data, self._tail = self._tail + data, b""
        if not self._seen_bytes and not self._is_stream(data):
            return []
        if self._whole is not None:
            self._whole.append(data)
            return []
        if data.startswith(_PREFIX) and self._splitter.idle():
            cut = data.rfind(_SUFFIX) + len(_SUFFIX)
            if cut < len(_SUFFIX):
                if len(data) < _MAX_TAIL and b"\r" not in data:
                    self._tail = data
                    return []
            elif b"\r" not in data:
                return self._events(data, cut)
        return self._one_by_one(data)

    def _events(self, data: bytes, cut: int) -> list[Chunk]:
        """Whole events in the usual framing up to `cut`, and what has begun of the next. Those that differ from one before in
        their text alone are passed on at sight; of many at once the first two show what they look like.
        """
        chunks: list[Chunk] = []
        at = 0
        if self._pattern is None and self._looks and cut > _MANY and 0 < (second := _past(data, 2)) < cut:
            first = self._batch(data[:second])
            if first is not None:
                chunks, at = first, second
        if self._pattern is not None:
            count, end = self._pattern.run(data, at, cut)
            if count:
                self._output_events += count
                chunks = [*chunks, Chunk(data[at:end], output=True)]
                at = end
            elif not self._pattern.is_of_use:
                self._pattern = None
        if at == cut or self._over:
            self._tail = data[cut:]
            return chunks
        rest = self._batch(data[at:cut])
        if rest is not None:
            self._tail = data[cut:]
            return [*chunks, *rest]
        return [*chunks, *self._one_by_one(data[at:])]

    def end(self) -> Chunk:
        """The last event may lack its blank line, and a complete answer [DONE], which the caller gets; a cut event is none."""
        if self._whole is not None:
            return self._not_streamed(b"".join(self._whole))
        chunks = [] if self._over else self._last()
        if chunks and (chunks[-1].done or chunks[-1].failure):
            return joined(chunks)
        if self._choices.are_complete:
            self._anomalies.add(Anomaly.NO_TERMINATOR)
            return joined([*chunks, self._done()])
        if self._seen_event:
            return self._fail(Outcome.TRUNCATED, "the stream ended without [DONE], before each choice had finished")
        if self._seen_bytes or self._tail:
            return self._fail(Outcome.MALFORMED_ANSWER, "the body is not an event stream")
        return self._fail(Outcome.EMPTY_ANSWER, "the stream was empty")

    def _last(self) -> list[Chunk]:
        """What of an event without its blank line there is, where it is whole."""
        last = self._splitter.finish(self._tail) if self._tail or not self._splitter.idle() else None
        data = b"" if last is None else last.data.strip()
        if last is not None and data and data != _DONE and parse(data) is None:
            return [self._fail(Outcome.TRUNCATED, "the stream ended within an event")]
        chunk = None if last is None else self._one(last)
        return [] if chunk is None else [chunk]

    def summary(self) -> StreamSummary:
        """Usage comes last in a stream, so it is None until then."""
        told = of_output(self._told, any_output=self._output_events > 0)
        found = self._anomalies | {Anomaly.ODD_USAGE} if told.odd else self._anomalies
        if self._choices.is_unknown:
            found = found | {Anomaly.UNKNOWN_FINISH_REASON}
        anomalies = tuple(one for one in Anomaly if one in found) if found else ()
        return StreamSummary(told.usage, self._model, self._choices.first_finish, self.tokens(), told.counts, anomalies)

    def tokens(self) -> int:
        """Each event with output holds one at least."""
        return max(self._output_events, self._transcript.tokens if self._transcript is not None else 0)

    def beginning(self) -> PartialAnswer | None:
        """None also once a choice has said why it finished: then nothing is missing but the end of the stream."""
        if self._transcript is None or self._choices.any_finished:
            return None
        return self._transcript.beginning(self.tokens())

    def _is_stream(self, data: bytes) -> bool:
        """At the first that is no space: a brace begins a whole answer, and no line of an event stream."""
        head = data.lstrip()
        if not head and len(data) < _MAX_TAIL:
            self._tail = data
            return False
        self._seen_bytes = True
        if head.startswith(b"{"):
            self._whole = []
        return True

    def _batch(self, data: bytes) -> list[Chunk] | None:  # noqa: C901, PLR0912 - the hot path: few calls
        """The usual case: whole events, one data line each. None if anything about them is unusual."""
        if data == _DONE_EVENT:
            return [self._done()]
        if self._usage_event is not None or self._running_usage:
            return None
        done = data.endswith(_DONE_EVENT)
        inner = data[len(_PREFIX) : -len(_SUFFIX) - (len(_BETWEEN + _DONE) if done else 0)]
        try:
            events = decode_batch(b"[" + inner.replace(_BETWEEN, b",") + b"]")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        batch = self._choices.usual(events) if len(events) == inner.count(_BETWEEN) + 1 else None
        if batch is None:
            return None
        if self._transcript is not None:
            remember(self._transcript, events, inner.partition(_BETWEEN)[0])
        spoke, silent, started, ends = batch
        if started or ends:
            self._choices.take(started, ends)
        if ends:
            self._pattern, self._looks = None, 0
        if ends and self._elsewhere is not None:
            self._elsewhere.look(inner.split(_BETWEEN))
        if silent:
            spoke += self._say_more(silent, events, inner)
        self._seen_event = True
        self._output_events += spoke
        if not self._model:  # the first chunk of Azure's has an empty one
            self._model = next((one.model for one in events if one.model), None)
        if self._looks and self._pattern is None and spoke == len(events) and not ends:
            self._looks -= 1
            self._pattern = pattern_of(
                inner[inner.rfind(_BETWEEN) + len(_BETWEEN) :] if len(events) > 1 else inner, events[-1]
            )
        if not events[-1].choices:
            self._pattern, self._looks = None, 0
            self._note_usage(events[-1])
            start = inner.rfind(_BETWEEN) + len(_BETWEEN) if len(events) > 1 else 0
            self._usage_event = inner[start:]
            data = data[:start]
        elif done:
            data = data[: -len(_DONE_EVENT)]
        if not done:
            return [Chunk(data, spoke > 0)] if data else []
        end = self._done()
        said = Chunk(data, spoke > 0)
        return [said, end] if end.failure is not None else [joined([said, end])]

    def _say_more(self, silent: Sequence[int], events: list[ChatChunk], inner: bytes) -> int:
        """How many of the events at these places hold output under other names. `inner`: the data of all."""
        any_output = self._output_events > 0
        each = inner.split(_BETWEEN) if len(events) > 1 else [inner]
        return sum([says_anything(each[at]) for at in silent if not (any_output and is_end(events[at]))])

    def _one_by_one(self, data: bytes) -> list[Chunk]:
        self._pattern = None
        try:
            events = self._splitter.feed(data)
        except EventTooLong:
            return [self._fail(Outcome.ANSWER_TOO_LARGE, "one event of the stream is larger than allowed")]
        chunks: list[Chunk] = []
        for event in events:
            chunk = self._one(event)
            if chunk is not None:
                chunks.append(chunk)
            if self._over:
                break
        return chunks

    def _one(self, event: Event) -> Chunk | None:
        data = event.data.strip()
        if data == _DONE:
            return self._done()
        parsed = parse(data)
        if event.name == "error" or (parsed is not None and says_failure(parsed)):
            self._over = True
            return Chunk(b"", failure=failure_in_answer(data, self._ways.codes, "the stream carried an error"))
        if parsed is not None:
            return self._in_order(event.data, parsed)
        if not data or event.name not in _UNNAMED:
            return None  # a ping
        return self._fail(Outcome.MALFORMED_ANSWER, "an event of the stream is not a chat completion chunk")

    def _in_order(self, data: bytes, chunk: ChatChunk) -> Chunk | None:
        """A chunk as the caller expects it; None if nothing of it is forwarded, or not yet."""
        self._seen_event = True
        self._model = self._model or chunk.model
        has_usage = is_present(chunk.usage)
        if self._elsewhere is not None and is_end(chunk):
            self._elsewhere.look([data])
        if has_usage:
            self._note_usage(chunk)
        if has_usage and not self._running_usage:
            self._usage_event = usage_event(data) if chunk.choices or chunk.choices is None else data
        if not chunk.choices:
            is_usage = has_usage and not self._running_usage
            return None if is_usage or chunk.choices is None or not self._keep_usage else as_event(data)
        dropped = {at for at, choice in enumerate(chunk.choices) if self._choices.is_late(choice)}
        if dropped:
            self._anomalies.add(Anomaly.CONTENT_AFTER_FINISH)
        choices = [choice for at, choice in enumerate(chunk.choices) if at not in dropped]
        is_usual = all(map(self._choices.in_order, choices))
        if dropped or not is_usual or (has_usage and not self._running_usage):
            mended = self._choices.repair.event(data, dropped=dropped)
            if mended is None:
                return None
            data = mended
        if self._transcript is not None:
            self._transcript.begin(data)
        output = self._take(choices) or (not (self._output_events and is_end(chunk)) and says_anything(data))
        self._output_events += output
        return as_event(data, output=output)

    def _take(self, choices: list[Choice] | tuple[()]) -> bool:
        """Account for what choices go on with; true if there is output under the usual names."""
        output = False
        for choice in choices:
            delta = choice.delta
            if delta is not None:
                output = bool(delta.content) or delta.holds_output() or output
                if self._transcript is not None:
                    self._transcript.add(choice.index, delta)
            self._choices.add(choice)
        return output

    def _note_usage(self, chunk: ChatChunk) -> None:
        told, before = read_usage(chunk.usage, chunk.service_tier, self._ways.usage), self._told
        if before.usage is not None and not self._running_usage and not self._ways.usage.running:
            self._anomalies.add(Anomaly.USAGE_REPEATED)
        if told.usage is not None or before.usage is None:
            self._told = told
        elif told.odd:
            self._anomalies.add(Anomaly.ODD_USAGE)

    def _not_streamed(self, body: bytes) -> Chunk:
        """What is no stream, as one: where it is an answer."""
        self._whole, self._transcript = None, self._transcript or Transcript()
        try:
            answer = decode(body, self._finishes, self._ways)
        except AttemptFailed as failed:
            self._over = True
            return Chunk(b"", failure=failed)
        self._anomalies |= {Anomaly.NOT_STREAMED, *answer.anomalies}
        chunks = [self._one(Event(None, data)) for data in as_events(answer.body)]
        return joined([*(chunk for chunk in chunks if chunk is not None), self._done()])

    def _verdict(self) -> AttemptFailed | None:
        """At the end: is there an answer, and is it complete?"""
        usage, reason, known = self._told.usage, self._choices.first_finish, not self._choices.is_unknown
        if not is_answer(any_output=self._output_events > 0, finish_reason=reason, known=known, usage=usage):
            return AttemptFailed(Outcome.EMPTY_ANSWER, "the stream ended without any output")
        if not self._choices.all_finished:
            return AttemptFailed(Outcome.TRUNCATED, "[DONE] came before a finish_reason")
        return None

    def _done(self) -> Chunk:
        self._over = True
        if self._elsewhere is not None and self._told.usage is None and self._elsewhere.found is not None:
            self._usage_event = self._elsewhere.event
            self._told = read_usage(self._elsewhere.found, convention=self._ways.usage)
        failure = self._verdict()
        if failure is not None:
            return Chunk(b"", failure=failure)
        if self._usage_event is None or not self._keep_usage:
            return Chunk(_DONE_EVENT, done=True)
        return Chunk(as_event(self._usage_event).forward + _DONE_EVENT, done=True)

    def _fail(self, outcome: Outcome, detail: str) -> Chunk:
        self._over = True
        return Chunk(b"", failure=AttemptFailed(outcome, detail))


def _past(data: bytes, events: int) -> int:
    """Where the first so many end; 0 where there are fewer."""
    at = 0
    for _ in range(events):
        at = data.find(_SUFFIX, at) + len(_SUFFIX)
        if at < len(_SUFFIX):
            return 0
    return at
