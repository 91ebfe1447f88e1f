"""How far a stream has come: what it has said of itself, which blocks are open, whether it is complete."""

import enum

from gateway.dialects.anthropic.answer import error_in_answer, is_answer
from gateway.dialects.anthropic.reported_usage import UsageReport
from gateway.dialects.anthropic.stop import KNOWN
from gateway.dialects.anthropic.transcript import MessageTranscript
from gateway.dialects.anthropic.wire import Delta, StreamEvent, is_present
from gateway.dialects.reported import ReportedUsage, of_output
from gateway.values.anomaly import Anomaly
from gateway.values.answer import PartialAnswer, StreamSummary
from gateway.values.outcome import AttemptFailed, Outcome

_CHARACTERS_PER_TOKEN = 4  # of English; other scripts have fewer, so their tokens are counted by their events


_KINDS = ("text_delta", "thinking_delta", "input_json_delta", "signature_delta")


class Effect(enum.Enum):
    """What an event is to the caller."""

    OUTPUT = enum.auto()
    SILENT = enum.auto()  # forwarded, though it says nothing
    DROPPED = enum.auto()
    DONE = enum.auto()


class Progress:
    """Of one stream."""

    def __init__(self, transcript: MessageTranscript | None = None) -> None:
        self._transcript = transcript
        self.anomalies: set[Anomaly] = set()
        self.is_started = False
        self._usage = UsageReport()
        self._model: str | None = None
        self._open: set[int] = set()
        self._started: set[int] = set()  # open or not
        self._reason: str | None = None
        self._output_events = 0
        self._characters = 0

    def take(self, event: StreamEvent) -> Effect:
        """Account for one. Raises AttemptFailed where it says, or shows, that the answer failed."""
        effect = self._effect(event)
        if self._transcript is not None and effect is not Effect.DROPPED:
            self._transcript.add(event)
        return effect

    def beginning(self) -> PartialAnswer | None:
        """What another server could go on with."""
        return None if self._transcript is None else self._transcript.beginning(self.tokens())

    def _effect(self, event: StreamEvent) -> Effect:
        kind = event.type
        if kind == "content_block_delta":
            return self._delta(event)
        if is_present(event.error) or kind == "error":
            raise error_in_answer(event.error, "the stream carried an error")
        if kind == "message_start":
            return self._start(event)
        if kind == "content_block_start":
            return self._block(event)
        if kind == "content_block_stop":
            return self._stop(event.index)
        if kind == "message_delta":
            return self._message(event)
        return self._end() if kind == "message_stop" else Effect.SILENT  # a ping, or what is yet to come

    def take_deltas(self, events: list[StreamEvent]) -> bool | None:
        """The hot path: whether events say anything that all go on with blocks; None if one does not, or in another way."""
        opened, spoke, characters = self._open, 0, 0
        for event in events:
            delta = event.delta
            if event.type != "content_block_delta" or delta is None or event.index not in opened:
                return None
            said = delta.text or delta.thinking or delta.partial_json
            if said:
                spoke += 1
                characters += len(said)
            elif delta.type not in _KINDS:
                return None
        self._output_events += spoke
        self._characters += characters
        if self._transcript is not None:
            for event in events:
                self._transcript.add(event)
        return spoke > 0

    @property
    def could_end(self) -> bool:
        """Whether nothing is missing but the event that says so."""
        return self._reason is not None and not self._open

    def verdict(self) -> AttemptFailed | None:
        """At the end: is there an answer, and is it complete?"""
        if self._reason is None:
            return AttemptFailed(Outcome.TRUNCATED, "the stream ended before a stop_reason")
        any_output = self._output_events > 0
        if not is_answer(any_output=any_output, reason=self._reason, usage=self._usage.usage().usage):
            return AttemptFailed(Outcome.EMPTY_ANSWER, "the stream ended without any output")
        return None

    def summary(self) -> StreamSummary:
        """Usage comes last in a stream; before that only the prompt's is known."""
        told = self._told()
        found = self.anomalies | {Anomaly.ODD_USAGE} if told.odd else self.anomalies
        if self._reason is not None and self._reason not in KNOWN:
            found = found | {Anomaly.UNKNOWN_FINISH_REASON}
        anomalies = tuple(one for one in Anomaly if one in found) if found else ()
        return StreamSummary(told.usage, self._model, self._reason, self.tokens(), told.counts, anomalies)

    def tokens(self) -> int:
        """About how many tokens of output have come; each event with output holds one at least."""
        return max(self._output_events, self._characters // _CHARACTERS_PER_TOKEN)

    def _told(self) -> ReportedUsage:
        return of_output(self._usage.usage(), any_output=self._output_events > 0)

    def _start(self, event: StreamEvent) -> Effect:
        if self.is_started:
            raise AttemptFailed(Outcome.MALFORMED_ANSWER, "a second message_start")
        self.is_started = True
        if event.message is not None:
            self._model = event.message.model
            self._usage.add(event.message.usage, final=False)
        return Effect.SILENT

    def _require_start(self) -> None:
        if not self.is_started:
            raise AttemptFailed(Outcome.MALFORMED_ANSWER, "the stream does not begin with message_start")

    def _block(self, event: StreamEvent) -> Effect:
        self._require_start()
        if self._reason is not None:
            self.anomalies.add(Anomaly.CONTENT_AFTER_FINISH)
            return Effect.DROPPED
        self._open.add(event.index)
        self._started.add(event.index)
        block = event.content_block
        if block is not None and block.type == "server_tool_use":
            self._usage.any_tool = True
        if block is None or not block.holds_output():
            return Effect.SILENT
        self._characters += len(block.text or "") + len(block.thinking or "") + len(bytes(block.input))
        self._output_events += 1
        return Effect.OUTPUT

    def _delta(self, event: StreamEvent) -> Effect:
        delta = event.delta
        if event.index not in self._open:
            self._require_start()
            if self._reason is not None:
                self.anomalies.add(Anomaly.CONTENT_AFTER_FINISH)
                return Effect.DROPPED
            if event.index not in self._started:
                raise AttemptFailed(Outcome.MALFORMED_ANSWER, "a content_block_delta of no block that was started")
        said = 0 if delta is None else _said(delta)
        if not said:
            return Effect.SILENT
        self._characters += said
        self._output_events += 1
        return Effect.OUTPUT

    def _stop(self, index: int) -> Effect:
        self._require_start()
        if index not in self._open:
            return Effect.DROPPED
        self._open.discard(index)
        return Effect.SILENT

    def _message(self, event: StreamEvent) -> Effect:
        self._require_start()
        if event.delta is not None and event.delta.stop_reason is not None:
            self._reason = event.delta.stop_reason
        self._usage.add(event.usage, final=self._reason is not None)
        return Effect.SILENT

    def _end(self) -> Effect:
        self._require_start()
        failure = self.verdict()
        if failure is not None:
            raise failure
        return Effect.DONE


def _said(delta: Delta) -> int:
    """Characters; a kind that is not known here says something."""
    return len(delta.text or delta.thinking or delta.partial_json or "") or int(delta.type not in _KINDS)
