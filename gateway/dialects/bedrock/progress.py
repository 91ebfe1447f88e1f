"""How far a stream has come: what it has said of itself, and whether it is complete."""

import enum

import msgspec

from gateway.dialects.amazon_frames import Frame
from gateway.dialects.bedrock.answer import anomalies_of, broken, is_answer
from gateway.dialects.bedrock.failure import failure_in_stream
from gateway.dialects.bedrock.reported_usage import read_usage
from gateway.dialects.bedrock.stop import BROKEN
from gateway.dialects.bedrock.wire import ABSENT, Delta, StreamEvent, Tier, is_present, piece_of, read
from gateway.dialects.reported import ReportedUsage, of_output
from gateway.values.anomaly import Anomaly
from gateway.values.answer import PartialAnswer, StreamSummary
from gateway.values.outcome import AttemptFailed, Outcome

_CHARACTERS_PER_TOKEN = 4  # of English; other scripts have fewer, so their tokens are counted by their events
_MAX_TEXT = 1_000_000  # characters; a longer one is not continued
_decoder = msgspec.json.Decoder(StreamEvent)


class Effect(enum.Enum):
    """What an event is to the caller."""

    OUTPUT = enum.auto()
    SILENT = enum.auto()  # forwarded, though it says nothing
    DROPPED = enum.auto()
    DONE = enum.auto()


class Progress:
    """Of one stream. `remembers`: it keeps what is said, as far as that is plain text."""

    def __init__(self, *, remembers: bool = False) -> None:
        self.anomalies: set[Anomaly] = set()
        self.any_frame = False
        self._texts: list[str] | None = [] if remembers else None
        self._reason: str | None = None
        self._usage, self._tier = ABSENT, Tier()
        self._output_events = 0
        self._characters = 0

    def take(self, frame: Frame) -> Effect:
        """Account for one. Raises AttemptFailed where it says, or shows, that the answer failed."""
        self.any_frame = True
        if frame.text(":message-type") in ("exception", "error"):
            raise failure_in_stream(frame)
        kind = frame.text(":event-type")
        event = read(_decoder, frame.payload) if frame.payload else StreamEvent()
        if event is None:
            raise AttemptFailed(Outcome.MALFORMED_ANSWER, "an event of the stream is not as Bedrock's")
        if kind in ("contentBlockDelta", "contentBlockStart"):
            return self._content(event)
        if kind == "messageStop":
            return self._stop(event)
        return self._metadata(event) if kind == "metadata" else Effect.SILENT

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing but what was used."""
        return self._reason is not None

    def summary(self) -> StreamSummary:
        """What it has said so far; usage comes last."""
        told = self._told()
        found = self.anomalies | set(anomalies_of(told, self._reason) if self._reason is not None else ())
        anomalies = tuple(one for one in Anomaly if one in found)
        return StreamSummary(told.usage, None, self._reason, self.tokens(), told.counts, anomalies)

    def tokens(self) -> int:
        """About how many tokens of output have come; each event with output holds one at least."""
        return max(self._output_events, self._characters // _CHARACTERS_PER_TOKEN)

    def beginning(self) -> PartialAnswer | None:
        """What another server could go on with: plain text that has not ended."""
        if self._texts is None or self.is_complete:
            return None
        text = "".join(self._texts)
        return PartialAnswer(text, self.tokens(), "", "") if text.strip() else None

    def _content(self, event: StreamEvent) -> Effect:
        if self._reason is not None:
            self.anomalies.add(Anomaly.CONTENT_AFTER_FINISH)
            return Effect.DROPPED
        called = event.start is not None and event.start.tool_use is not None
        text = "" if event.delta is None else (event.delta.text or "")
        said = len(text) + (0 if event.delta is None else _said_beside(event.delta)) + int(called)
        if not said:
            return Effect.SILENT
        self._characters += said
        self._output_events += 1
        if self._texts is not None:
            self._texts.append(text)
            if said > len(text) or self._characters > _MAX_TEXT:
                self._texts = None
        return Effect.OUTPUT

    def _stop(self, event: StreamEvent) -> Effect:
        reason = self._reason = event.stop_reason or self._reason or ""
        if reason in BROKEN:
            raise broken(reason)
        return self._end() if is_present(self._usage) else Effect.SILENT

    def _metadata(self, event: StreamEvent) -> Effect:
        self._usage, self._tier = event.usage, event.service_tier or Tier()
        return self._end() if self._reason is not None else Effect.SILENT

    def _end(self) -> Effect:
        if (failure := self.verdict()) is not None:
            raise failure
        return Effect.DONE

    def verdict(self) -> AttemptFailed | None:
        """At the end: is there an answer?"""
        if not is_answer(any_output=self._output_events > 0, reason=self._reason, usage=self._told().usage):
            return AttemptFailed(Outcome.EMPTY_ANSWER, "the stream ended without any output")
        return None

    def _told(self) -> ReportedUsage:
        return of_output(read_usage(self._usage, self._tier), any_output=self._output_events > 0)


def _said_beside(delta: Delta) -> int:
    """Characters that are no text of the answer."""
    thought, call = delta.reasoning_content, delta.tool_use
    said = 0 if call is None else len(piece_of(call.input))
    return said if thought is None else said + len(thought.text or "") + int(bool(thought.redacted_content))
