"""The events of a stream, as those of a chat."""

from collections.abc import Iterator

import msgspec

from gateway.dialects.eventstream import EventSplitter, EventTooLong
from gateway.dialects.gemini.answer import reason_of
from gateway.dialects.gemini.evidence import blocked_for, citations_in, logprobs_in
from gateway.dialects.gemini.reply import Counter, block_words, parts_of
from gateway.dialects.gemini.reported_usage import is_counted, read_usage, with_searches
from gateway.dialects.gemini.stop import finish_of
from gateway.dialects.gemini.wire import ABSENT, Candidate, Response, is_present, read_response, usual_events
from gateway.values.chat import (
    Began,
    Citation,
    Cited,
    Ended,
    Event,
    Finish,
    HiddenReasoning,
    Logprobs,
    Part,
    ProviderCall,
    ProviderResult,
    Reasoning,
    ReasoningDelta,
    ReasoningSigned,
    RefusalDelta,
    Text,
    TextDelta,
    ToolCall,
    ToolCallBegan,
    ToolCallDelta,
    Used,
)
from gateway.values.outcome import AttemptFailed, Outcome


class GeminiReader:
    """Of one stream. Its last events come together, so that the usage is known once it has ended."""

    def __init__(self) -> None:
        self._splitter = EventSplitter()
        self._ended = self._is_told = False
        self._model = ""
        self._counter: Counter | None = None
        self._usage = self._grounding = ABSENT
        self._texts: list[str] = []
        self._is_left = self._is_several = False  # the first text; texts, with something between
        self._cited: set[Citation] = set()

    def read(self, data: bytes) -> list[Event]:
        """What whole events say. Raises AttemptFailed if they cannot be read."""
        usual = usual_events(data) if self._splitter.idle() else None
        events: list[Event] = []
        for response in self._split(data) if usual is None else usual:
            events += self._events(response)
        if self._ended and not self._is_told:
            told = with_searches(read_usage(self._usage), self._grounding, self._model).usage
            if told is not None:
                self._is_told = True
                events.append(Used(told))
        return events

    def _split(self, data: bytes) -> Iterator[Response]:
        try:
            found = self._splitter.feed(data)
        except EventTooLong:
            raise AttemptFailed(Outcome.ANSWER_TOO_LARGE, "one event of the stream is larger than allowed") from None
        for one in found:
            response = read_response(one.data)
            if response is None:
                raise AttemptFailed(Outcome.MALFORMED_ANSWER, "an event of the stream is not as Gemini's")
            yield response

    def _events(self, response: Response) -> Iterator[Event]:
        counter = self._counter
        if counter is None:
            counter = self._counter = Counter(response.response_id or "")
            self._model = response.model_version or ""
            yield Began(counter.response_id, self._model)
        if is_counted(response.usage_metadata):
            self._usage = response.usage_metadata
        for part in response.parts():
            for one in parts_of(part, counter):
                yield from self._part(one, counter)
        for candidate in response.candidates or ():
            if candidate.index == 0:
                yield from self._beside(candidate)
        reason = reason_of(response)
        if reason is not None and not self._ended:
            self._ended = True
            blocked = response.blocked() is not None
            if blocked:
                yield RefusalDelta(block_words(response))
            finish = Finish.REFUSAL if blocked else finish_of(reason, calls=counter.calls > 0)
            yield Ended(finish, blocked_for=blocked_for(response, reason))

    def _beside(self, candidate: Candidate) -> Iterator[Event]:
        if is_present(candidate.grounding_metadata):
            self._grounding = candidate.grounding_metadata
        for citation in citations_in(candidate, "".join(self._texts)):
            if citation not in self._cited:
                self._cited.add(citation)
                yield Cited(msgspec.structs.replace(citation, start=None, end=None) if self._is_several else citation)
        tokens = logprobs_in(candidate)
        if tokens:
            yield Logprobs(tokens)

    def _part(self, part: Part, counter: Counter) -> Iterator[Event]:
        if isinstance(part, Text):
            self._is_several = self._is_several or self._is_left
            self._texts.append(part.text)
            yield TextDelta(part.text)
            return
        self._is_left = bool(self._texts)
        if isinstance(part, ToolCall):
            index = counter.calls - 1
            yield ToolCallBegan(index, part.id, part.name, part.signature, part.maker)
            yield ToolCallDelta(index, part.arguments)
        elif isinstance(part, Reasoning):
            if part.text:
                yield ReasoningDelta(part.text)
            if part.signature is not None:
                yield ReasoningSigned(part.signature, part.maker)
        elif isinstance(part, HiddenReasoning | ProviderCall | ProviderResult):
            yield part
