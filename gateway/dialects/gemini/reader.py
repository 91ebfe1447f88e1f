"""The events of a stream, as those of a chat."""

from collections.abc import Iterator

from gateway.dialects.eventstream import EventSplitter, EventTooLong
from gateway.dialects.gemini.answer import reason_of
from gateway.dialects.gemini.reply import arguments_of, block_words, call_id, hidden_of, refuse_files, signature_of
from gateway.dialects.gemini.reported_usage import is_counted, read_usage, with_searches
from gateway.dialects.gemini.stop import finish_of
from gateway.dialects.gemini.wire import ABSENT, Part, Response, is_present, read_response, usual_events
from gateway.values.chat import (
    Began,
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


class GeminiReader:
    """Of one stream. Its last events come together, so that the usage is known once it has ended."""

    def __init__(self) -> None:
        self._splitter = EventSplitter()
        self._began = self._ended = self._is_told = False
        self._id = self._model = ""
        self._calls = 0
        self._usage = self._grounding = ABSENT

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
        if not self._began:
            self._began = True
            self._id, self._model = response.response_id or "", response.model_version or ""
            yield Began(self._id, self._model)
        if is_counted(response.usage_metadata):
            self._usage = response.usage_metadata
        for candidate in response.candidates or ():
            if is_present(candidate.grounding_metadata):
                self._grounding = candidate.grounding_metadata
        for part in response.parts():
            yield from self._part(part)
        reason = reason_of(response)
        if reason is not None and not self._ended:
            self._ended = True
            if response.blocked() is not None:
                yield RefusalDelta(block_words(response))
            finish = finish_of(reason, calls=self._calls > 0)
            yield Ended(Finish.REFUSAL if response.blocked() is not None else finish)

    def _part(self, part: Part) -> Iterator[Event]:
        refuse_files(part)
        hidden = hidden_of(part)
        if hidden is not None:
            yield HiddenReasoning(hidden)
            return
        signature, call = signature_of(part), part.function_call
        if call is not None:
            if signature is not None:
                yield ReasoningSigned(signature)
            index, self._calls = self._calls, self._calls + 1
            yield ToolCallBegan(index, call_id(call, self._id, index), call.name)
            yield ToolCallDelta(index, arguments_of(call))
            return
        if part.text:
            yield ReasoningDelta(part.text) if part.thought else TextDelta(part.text)
        if signature is not None:
            yield ReasoningSigned(signature)
