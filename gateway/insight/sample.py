"""What one recorded attempt shows of its deployment."""

from collections.abc import Iterator

import msgspec

from gateway.values.outcome import Outcome
from gateway.values.records import RequestFinished
from gateway.values.snapshot import Reading


class Sample(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`began` is seconds since the epoch; `first_s` and `total_s` count from there. `first_s` is None where no output was
    seen, as of a whole answer. `output_tokens` are those that came; `counted` whether the provider counted them.
    `there` are (all requests, the gateway's own) that vLLM had when it was read last; None if it was not.
    """

    began: float
    prompt_tokens: int
    output_tokens: int
    first_s: float | None
    total_s: float
    outcome: Outcome
    stream: bool
    address: int
    counted: bool
    there: tuple[int, int] | None = None

    @property
    def is_whole(self) -> bool:
        """Answered in full, with its tokens counted."""
        return self.outcome is Outcome.OK and self.counted

    @property
    def is_whole_stream(self) -> bool:
        """The same of a stream: when its first output came is known."""
        return self.is_whole and self.first_s is not None


def samples_of(record: RequestFinished) -> Iterator[tuple[str, Sample]]:
    """By deployment."""
    facts = record.decision.facts
    readings = {one.deployment: one.reading for one in record.decision.candidates}
    for attempt in record.attempts:
        usage, address = attempt.usage, attempt.address or 0
        yield (
            attempt.deployment,
            Sample(
                began=record.decision.at + attempt.started_s - record.queued_s,
                prompt_tokens=facts.prompt_tokens if usage is None else usage.prompt_tokens,
                output_tokens=0 if usage is None else usage.completion_tokens,
                first_s=attempt.first_output_s,
                total_s=attempt.duration_s,
                outcome=attempt.outcome,
                stream=facts.stream,
                address=address,
                counted=usage is not None and not usage.estimated,
                there=_there(readings.get(attempt.deployment), address, record.decision.at),
            ),
        )


def _there(reading: Reading | None, address: int, now: float) -> tuple[int, int] | None:
    if reading is None or address >= len(reading.workers):
        return None
    gauges = reading.workers[address].read(now)
    return None if gauges is None else (gauges.running + gauges.waiting, gauges.own)
