"""Legacy completions of the OpenAI dialect: text goes on, without turns.

Source: OpenAI's OpenAPI description 2.3.0 (CreateCompletionRequest, -Response), and what vLLM 0.32 and llama.cpp were seen
to send. A choice that says nothing is an answer: a model may end at once.
"""

import contextlib
from collections.abc import Mapping

import msgspec

from gateway.dialects.contract import StreamDecoder
from gateway.dialects.eventstream import Event, EventSplitter, EventTooLong
from gateway.dialects.openai.chunk import as_event, joined
from gateway.dialects.openai.failure import failure
from gateway.dialects.openai.finish import ANY, finish_of, means_failure
from gateway.dialects.openai.headroom import headroom
from gateway.dialects.openai.repair import usage_event, without_usage
from gateway.dialects.openai.reported_usage import read_usage
from gateway.dialects.openai.request import encode_to
from gateway.dialects.openai.wire import ABSENT, is_present
from gateway.dialects.reported import ReportedUsage
from gateway.values.anomaly import Anomaly
from gateway.values.answer import Chunk, PartialAnswer, StreamSummary, WholeAnswer
from gateway.values.call import Call
from gateway.values.deployment import Deployment
from gateway.values.headroom import Headroom
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.request import Request
from gateway.values.surrogates import without_lone_surrogates

PATH = "/completions"
_DONE = b"[DONE]"
_DONE_EVENT = Chunk(b"data: [DONE]\n\n", done=True)
_MOST_SPACE = 64 * 1024
_UNNAMED = (None, "", "message")


class _Choice(msgspec.Struct, gc=False):
    index: int = 0
    text: str | None = None
    finish_reason: str | None = None
    error: msgspec.Raw = ABSENT


class _Body(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None
    usage: msgspec.Raw = ABSENT
    service_tier: msgspec.Raw = ABSENT
    model: str | None = None
    error: msgspec.Raw = ABSENT


_decode = msgspec.json.Decoder(_Body).decode
_decode_count = msgspec.json.Decoder(int | None).decode


def _parse(data: bytes) -> _Body | None:
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _decode(data)
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _decode(without_lone_surrogates(data))
    return None


def _choices_of(request: Request) -> int:
    """How many come back: of `best_of`, which are all generated and paid for, `n` are chosen."""
    generated, best_of = request.facts.choices, _count(request.fields.get("best_of"))
    return generated if best_of is None else generated // best_of * (_count(request.fields.get("n")) or 1)


def _count(raw: msgspec.Raw | None) -> int | None:
    return None if raw is None else _decode_count(raw)


def _says_failure(body: _Body) -> bool:
    return is_present(body.error) or any(
        is_present(choice.error) or means_failure(choice.finish_reason) for choice in body.choices or ()
    )


def _judged(body: bytes, wanted: int, finishes: frozenset[str]) -> WholeAnswer:
    """Raises AttemptFailed if it is no answer of so many choices."""
    parsed = _parse(body)
    if parsed is None:
        raise AttemptFailed(Outcome.MALFORMED_ANSWER if body.strip() else Outcome.EMPTY_ANSWER, "not a completion")
    if _says_failure(parsed):
        raise AttemptFailed(Outcome.ERROR_IN_ANSWER, "a 2xx that holds an error")
    if not parsed.choices:
        raise AttemptFailed(Outcome.EMPTY_ANSWER, "a 2xx without choices")
    ends = [finish_of(choice.finish_reason) for choice in parsed.choices]
    if None in ends or len(ends) < wanted:
        raise AttemptFailed(Outcome.TRUNCATED, "a choice is missing, or has no finish_reason")
    told = read_usage(parsed.usage, parsed.service_tier)
    anomalies = _anomalies(told, known=finishes.issuperset(end for end in ends if end is not None))
    return WholeAnswer(body, told.usage, parsed.model, ends[0], told.counts, anomalies)


class CompletionsTranslator:
    """The five verbs. `usage_in_streams` and `finishes` as `OpenAITranslator` has them."""

    def __init__(self, *, usage_in_streams: bool, finishes: frozenset[str] = ANY) -> None:
        self._usage_in_streams = usage_in_streams
        self._finishes = finishes

    def encode(self, request: Request, target: Deployment) -> Call:
        """The caller's body with the target's model name; a stream also asks for usage."""
        return encode_to(PATH, request, target, ask_usage=self._usage_in_streams)

    def decode(self, body: bytes, request: Request) -> WholeAnswer:
        """A 2xx body as an answer. Raises AttemptFailed if it is none."""
        return _judged(body, _choices_of(request), self._finishes)

    def decoder(self, request: Request, *, remember: bool = False) -> StreamDecoder:  # noqa: ARG002 - nothing goes on with it
        """A decoder that takes out the usage where the caller did not ask for it."""
        return _CompletionsDecoder(
            keep_usage=request.wants_usage or not self._usage_in_streams,
            choices=_choices_of(request),
            finishes=self._finishes,
        )

    def failure(self, status: int, headers: Mapping[str, str], body: bytes, now: float) -> AttemptFailed:
        """What a non-2xx answer means."""
        return failure(status, headers, body, now)

    def headroom(self, headers: Mapping[str, str], now: float) -> Headroom | None:
        """What the rate limits still allow."""
        return headroom(headers, now)


def _anomalies(told: ReportedUsage, *, known: bool) -> tuple[Anomaly, ...]:
    odd = (Anomaly.ODD_USAGE,) if told.odd else ()
    return odd if known else (Anomaly.UNKNOWN_FINISH_REASON, *odd)


class _CompletionsDecoder:
    """Complete when every choice that was asked for has said why it finished, and [DONE] came or the body ended properly."""

    def __init__(self, *, keep_usage: bool, choices: int, finishes: frozenset[str]) -> None:
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
        if data and data != _DONE and _parse(data) is None:
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
            _judged(body, self._asked, self._finishes)
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
        parsed = _parse(data) if data else None
        if event.name == "error" or (parsed is not None and _says_failure(parsed)):
            return self._fail(Outcome.ERROR_IN_ANSWER, "the stream carried an error")
        if parsed is not None:
            return self._said(event.data, parsed)
        if not data or event.name not in _UNNAMED:
            return None  # a ping
        return self._fail(Outcome.MALFORMED_ANSWER, "an event of the stream is not a completion chunk")

    def _said(self, data: bytes, body: _Body) -> Chunk | None:
        self._seen = True
        self._model = self._model or body.model
        if is_present(body.usage):
            self._told = read_usage(body.usage, body.service_tier)
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
