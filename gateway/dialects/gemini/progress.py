"""How far a stream has come: what it has said of itself, whether it has ended."""

from gateway.dialects.gemini.answer import check_reason, error_in_answer, is_answer, reason_of
from gateway.dialects.gemini.errors import error_of
from gateway.dialects.gemini.reported_usage import is_counted, read_usage, with_searches
from gateway.dialects.gemini.stop import KNOWN
from gateway.dialects.gemini.transcript import Transcript
from gateway.dialects.gemini.wire import ABSENT, Part, Response, is_present
from gateway.dialects.reported import ReportedUsage, of_output
from gateway.values.anomaly import Anomaly
from gateway.values.answer import PartialAnswer, StreamSummary
from gateway.values.outcome import AttemptFailed, Outcome

_CHARACTERS_PER_TOKEN = 4  # of English; other scripts have fewer, so their tokens are counted by their events


class Progress:
    """Of one stream."""

    def __init__(self, transcript: Transcript | None = None) -> None:
        self._transcript = transcript
        self.anomalies: set[Anomaly] = set()
        self.is_started = False
        self._usage = self._grounding = ABSENT
        self._model: str | None = None
        self._reason: str | None = None
        self._is_blocked = False
        self._output_events = 0
        self._characters = 0

    def take(self, event: Response) -> bool:
        """Account for one: whether it holds output. Raises AttemptFailed where it says, or shows, that the answer failed."""
        if is_present(event.error):
            raise error_in_answer(error_of(event.error), "the stream carried an error")
        self.is_started = True
        self._model = self._model or event.model_version
        if is_counted(event.usage_metadata):
            self._usage = event.usage_metadata
        spoke = False
        for candidate in event.candidates or ():
            if is_present(candidate.grounding_metadata):
                self._grounding = candidate.grounding_metadata
            for part in candidate.parts():
                spoke = self._part(part) or spoke
        if self._transcript is not None:
            self._transcript.add(event)
        reason = reason_of(event)
        if reason is not None:
            check_reason(reason)
            self._reason = reason
            self._is_blocked = self._is_blocked or event.blocked() is not None
        return spoke

    @property
    def has_ended(self) -> bool:
        """Whether it has said why it ended."""
        return self._reason is not None

    def verdict(self) -> AttemptFailed | None:
        """At the end: is there an answer, and is it complete?"""
        if self._reason is None:
            return AttemptFailed(Outcome.TRUNCATED, "the stream ended before a finishReason")
        any_output, usage = self._output_events > 0, self._told().usage
        if not is_answer(any_output=any_output, reason=self._reason, usage=usage, blocked=self._is_blocked):
            return AttemptFailed(Outcome.EMPTY_ANSWER, "the stream ended without any output")
        return None

    def summary(self) -> StreamSummary:
        """Each event tells the usage so far; before the end only the prompt's is known."""
        told = self._told()
        found = self.anomalies | {Anomaly.ODD_USAGE} if told.odd else self.anomalies
        if self.has_ended and self._reason not in KNOWN and not self._is_blocked:
            found = found | {Anomaly.UNKNOWN_FINISH_REASON}
        anomalies = tuple(one for one in Anomaly if one in found) if found else ()
        return StreamSummary(told.usage, self._model, self._reason, self.tokens(), told.counts, anomalies)

    def tokens(self) -> int:
        """About how many tokens of output have come; each part with output holds one at least."""
        return max(self._output_events, self._characters // _CHARACTERS_PER_TOKEN)

    def beginning(self) -> PartialAnswer | None:
        """What another server could go on with."""
        return None if self._transcript is None else self._transcript.beginning(self.tokens())

    def _told(self) -> ReportedUsage:
        told = read_usage(self._usage, final=self.has_ended)
        return with_searches(of_output(told, any_output=self._output_events > 0), self._grounding, self._model)

    def _part(self, part: Part) -> bool:
        if not part.holds_output():
            return False
        call = part.function_call
        self._output_events += 1
        self._characters += len(part.text or "") if call is None else len(bytes(call.args))
        return True
