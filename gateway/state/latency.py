"""The latency model: what attempts teach of how long a deployment takes, as the `Latency` that decisions read.

Three trends: a stream's time to first output, its seconds for each token after that, and a whole answer's time. An
attempt that was cut off before its time was known still teaches that it took at least so long; else a deployment whose
slow answers all time out would look fast.
"""

from gateway.state.trend import Trend, short
from gateway.values.outcome import CONSEQUENCES, Fault, Outcome
from gateway.values.records import Attempt
from gateway.values.snapshot import Latency, Quantiles

LEARN_WITHIN_S = 1.0  # how late a sample may count
LEARN_EVERY_S, _MANY = 0.2, 16  # at most so often, and only where so many came
_FEW = 8  # the first answers count at once
_AT_LEAST_WORKED = 0.02
_CUT_OFF = frozenset({
    Outcome.CONNECT_TIMEOUT, Outcome.FIRST_OUTPUT_TIMEOUT, Outcome.IDLE_TIMEOUT, Outcome.TOTAL_TIMEOUT,
    Outcome.LIMIT_PASSED, Outcome.HEDGE_LOST, Outcome.DEADLINE_EXCEEDED, Outcome.CALLER_LEFT, Outcome.GATEWAY_STOPPED,
})  # fmt: skip


class LatencyModel:
    """Of one deployment. `now` is seconds since the epoch, the end of the attempt that is learned."""

    def __init__(self) -> None:
        self.latency: Latency | None = None
        self.due: float | None = None  # when `latency` should be brought up to date; None if it is
        self._solved_at = 0.0
        self._new = 0  # since then
        self._first, self._pace, self._whole = Trend(), Trend(), Trend()

    def learn(
        self, attempt: Attempt, *, stream: bool, prompt_tokens: float, output_tokens: float | None, now: float
    ) -> None:
        """An attempt ended. `output_tokens` are those of one choice: that came, or else that were to be expected.

        What was expected to go by in the provider's queue is left out: it is predicted from the queue, each time anew.
        """
        if not stream:
            self._learn_whole(attempt, prompt_tokens, output_tokens or 0.0, now)
        elif attempt.first_output_s is not None:
            self._first.add(now, prompt_tokens, attempt.in_flight, 0.0, _worked(attempt, attempt.first_output_s), False)
            self._learn_pace(attempt, attempt.duration_s - attempt.first_output_s, output_tokens, now)
        else:
            self._learn_cut_off(self._first, attempt, prompt_tokens, 0.0, now)
        if self._first.is_new or self._whole.is_new:
            self._new += 1
            self.due = self._solved_at + (LEARN_EVERY_S if self._new >= _MANY else LEARN_WITHIN_S)
            if now >= self.due or len(self._first) + len(self._whole) <= _FEW:
                self.solve(now)

    def solve(self, now: float) -> None:
        """Bring `latency` up to date."""
        self.due, self._solved_at, self._new = None, now, 0
        first, whole, pace = self._first, self._whole, self._pace.line()
        self.latency = Latency(
            len(first) + len(whole),
            max(first.measured_at, whole.measured_at),
            first.line(),
            None
            if pace is None
            else Quantiles(*(short(pace.base_s * pace.spread.at(percentile)) for percentile in (50, 90, 95, 99))),
            whole.line(),
        )

    def _learn_whole(self, attempt: Attempt, prompt_tokens: float, output_tokens: float, now: float) -> None:
        if attempt.outcome is Outcome.OK:
            self._whole.add(
                now, prompt_tokens, attempt.in_flight, output_tokens, _worked(attempt, attempt.duration_s), False
            )
        else:
            self._learn_cut_off(self._whole, attempt, prompt_tokens, output_tokens, now)

    def _learn_pace(self, attempt: Attempt, seconds: float, output_tokens: float | None, now: float) -> None:
        if attempt.usage is not None and output_tokens is not None and output_tokens > 1 and not attempt.held_by_caller:
            self._pace.add(now, 0.0, 0, 0.0, seconds / (output_tokens - 1), False)

    def _learn_cut_off(
        self, trend: Trend, attempt: Attempt, prompt_tokens: float, output_tokens: float, now: float
    ) -> None:
        """A caller in haste says nothing of a deployment that nobody has seen answer."""
        outcome = attempt.outcome
        if outcome in _CUT_OFF and (len(trend) or CONSEQUENCES[outcome].fault is Fault.PROVIDER):
            worked = _worked(attempt, attempt.duration_s)
            trend.add(now, prompt_tokens, attempt.in_flight, output_tokens, worked, True)


def _worked(attempt: Attempt, seconds: float) -> float:
    """Seconds without the expected wait; that is an estimate, so some of them always stay."""
    return max(seconds - attempt.wait_s, seconds * _AT_LEAST_WORKED)
