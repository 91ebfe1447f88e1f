"""Decode a stream of chat completion chunks.

Two ways through, one result: a batch of events in the usual framing is checked with a single parse and forwarded as it
came; anything else is taken event by event. The answer is complete at `[DONE]` and only if each choice that spoke has
said why it finished: an engine that dies can still end its HTTP body well (FAULTS S3, S4, S13).
"""

import contextlib

import msgspec

from gateway.providers.eventstream import Event, EventSplitter, EventTooLong
from gateway.providers.openai.transcript import Transcript
from gateway.providers.openai.wire import (
    ABSENT,
    FAILED,
    Said,
    as_usage,
    is_answer,
    is_present,
    of_output,
    without_surrogates,
)
from gateway.values.answer import Beginning, Chunk, StreamSummary
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.usage import Usage

_PREFIX, _SUFFIX, _BETWEEN = b"data: ", b"\n\n", b"\n\ndata: "
_DONE = b"[DONE]"
_DONE_EVENT = b"data: [DONE]\n\n"
_MAX_TAIL = 64 * 1024  # joining a longer one with each arrival would cost quadratic time


class _Choice(msgspec.Struct, gc=False):
    index: int = 0
    delta: Said | None = None
    finish_reason: str | None = None


class _Event(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None
    usage: msgspec.Raw = ABSENT
    service_tier: msgspec.Raw = ABSENT
    model: str | None = None
    error: msgspec.Raw = ABSENT


_decode_event = msgspec.json.Decoder(_Event).decode
_decode_batch = msgspec.json.Decoder(list[_Event]).decode


def _ends_in_error(event: _Event) -> bool:
    return any(choice.finish_reason in FAILED for choice in event.choices or ())


def _parse(data: bytes) -> _Event | None:
    for form in (data, without_surrogates(data)):
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return _decode_event(form)
    return None


class OpenAIStreamDecoder:
    """`keep_usage`: forward the chunk that holds nothing but usage; else it is only accounted for.

    `transcript`: where what is said is kept.
    """

    def __init__(self, *, keep_usage: bool, transcript: Transcript | None = None) -> None:
        self._keep_usage = keep_usage
        self._transcript = transcript
        self._splitter = EventSplitter()
        self._tail = b""  # an event that has begun, in the usual framing
        self._usage: Usage | None = None
        self._model: str | None = None
        self._first_finish: str | None = None
        self._open: set[int] = set()  # choices that spoke and have not finished
        self._finished: set[int] = set()
        self._seen_bytes = self._seen_event = False
        self._output_events = 0
        self._over = False

    def feed(self, data: bytes) -> list[Chunk]:
        """The whole events in what has arrived, as few chunks as possible."""
        if self._over or not data:
            return []
        self._seen_bytes = True
        if self._tail:
            data, self._tail = self._tail + data, b""
        if data.startswith(_PREFIX) and self._splitter.idle():
            cut = data.rfind(_SUFFIX) + len(_SUFFIX)
            if cut < len(_SUFFIX):
                if len(data) < _MAX_TAIL and b"\r" not in data:
                    self._tail = data
                    return []
            elif b"\r" not in data and (chunks := self._batch(data[:cut])) is not None:
                self._tail = data[cut:]
                return chunks
        return self._one_by_one(data)

    def end(self) -> Chunk:
        """Only [DONE] may lack its last newline; a cut event is no event."""
        if not self._over and (self._tail or not self._splitter.idle()):
            last = self._splitter.finish(self._tail)
            if last is not None and last.data.strip() == _DONE:
                return self._done()
        if self._seen_event:
            return self._fail(Outcome.TRUNCATED, "the stream ended without [DONE]")
        if self._seen_bytes:
            return self._fail(Outcome.MALFORMED_ANSWER, "the body is not an event stream")
        return self._fail(Outcome.EMPTY_ANSWER, "the stream was empty")

    def summary(self) -> StreamSummary:
        """Usage comes last in a stream, so it is None until then."""
        usage = of_output(self._usage, any_output=self._output_events > 0)
        return StreamSummary(usage, self._model, self._first_finish, self.tokens())

    def tokens(self) -> int:
        """Each event with output holds one at least."""
        return max(self._output_events, self._transcript.tokens if self._transcript is not None else 0)

    def beginning(self) -> Beginning | None:
        """None also once a choice has said why it finished: then nothing is missing but the end of the stream."""
        if self._transcript is None or self._finished:
            return None
        return self._transcript.beginning(self.tokens())

    def _batch(self, data: bytes) -> list[Chunk] | None:
        """The usual case: whole events, one data line each. None if anything about them is unusual."""
        done = data.endswith(_DONE_EVENT)
        inner = data[len(_PREFIX) : -len(_SUFFIX) - (len(_BETWEEN + _DONE) if done else 0)]
        try:
            events = _decode_batch(b"[" + inner.replace(_BETWEEN, b",") + b"]")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        if len(events) != inner.count(_BETWEEN) + 1 or not self._are_usual(events):
            return None
        output = False
        if self._transcript is not None:
            self._transcript.begin(inner.partition(_BETWEEN)[0])
        for event in events:
            output = self._take(event) or output
        if done and (failure := self._verdict()) is not None:
            whole = data[: -len(_DONE_EVENT)]
            self._over = True
            return [Chunk(whole, output), Chunk(b"", failure=failure)]
        self._over = done
        return [Chunk(data, output, done)]

    def _are_usual(self, events: list[_Event]) -> bool:
        for event in events:
            choices = event.choices
            if event.error is not ABSENT or choices is None or not (choices or self._keep_usage):
                return False
            for choice in choices:
                if choice.finish_reason in FAILED:
                    return False
        return True

    def _one_by_one(self, data: bytes) -> list[Chunk]:
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
        if event.data.strip() == _DONE:
            return self._done()
        if event.name == "error":
            return self._fail(Outcome.ERROR_IN_ANSWER, "the stream carried an error event")
        parsed = _parse(event.data)
        if parsed is None:
            return self._fail(Outcome.MALFORMED_ANSWER, "an event of the stream is not a chat completion chunk")
        if is_present(parsed.error) or _ends_in_error(parsed):
            return self._fail(Outcome.ERROR_IN_ANSWER, "the stream carried an error")
        if self._transcript is not None:
            self._transcript.begin(event.data)
        output = self._take(parsed)
        if not parsed.choices and (not self._keep_usage or parsed.choices is None):
            return None  # usage that nobody asked for, or an object that is no chunk
        return Chunk(_PREFIX + event.data.replace(b"\n", b"\ndata: ") + _SUFFIX, output)

    def _take(self, event: _Event) -> bool:
        """Account for an event; true if it holds output."""
        self._seen_event = True
        output = False
        for choice in event.choices or ():
            output = (choice.delta is not None and choice.delta.holds_output()) or output
            if self._transcript is not None and choice.delta is not None:
                self._transcript.add(choice.index, choice.delta)
            self._note_finish(choice)
        if event.usage is not ABSENT:
            self._usage = as_usage(event.usage, event.service_tier) or self._usage
        self._model = self._model or event.model
        self._output_events += output
        return output

    def _note_finish(self, choice: _Choice) -> None:
        if choice.finish_reason is None:
            if choice.index not in self._finished:
                self._open.add(choice.index)
            return
        self._open.discard(choice.index)
        self._finished.add(choice.index)
        if choice.index == 0:
            self._first_finish = choice.finish_reason

    def _verdict(self) -> AttemptFailed | None:
        """At [DONE]: is there an answer, and is it complete?"""
        if not is_answer(any_output=self._output_events > 0, finish_reason=self._first_finish, usage=self._usage):
            return AttemptFailed(Outcome.EMPTY_ANSWER, "the stream ended without any output")
        if self._open or not self._finished:
            return AttemptFailed(Outcome.TRUNCATED, "[DONE] came before a finish_reason")
        return None

    def _done(self) -> Chunk:
        self._over = True
        failure = self._verdict()
        return Chunk(_DONE_EVENT, done=True) if failure is None else Chunk(b"", failure=failure)

    def _fail(self, outcome: Outcome, detail: str) -> Chunk:
        self._over = True
        return Chunk(b"", failure=AttemptFailed(outcome, detail))
