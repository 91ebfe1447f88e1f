"""The latency model: what attempts teach of how long a deployment takes, as the `Latency` that decisions read.

Three trends: a stream's time to first output, its seconds for each token after that, and a whole answer's time. An
attempt that was cut off before its time was known still teaches that it took at least so long; else a deployment whose
slow answers all time out would look fast.
"""

from msgspec.structs import replace

from gateway.learning.trend import Trend, short
from gateway.values.outcome import CONSEQUENCES, Fault, Outcome
from gateway.values.records import Attempt
from gateway.values.snapshot import Latency, Line, Quantiles

PACE_LATELY_S = 30.0  # a pace says what else was there: an older one may be of another hour
LEARN_WITHIN_S = 1.0  # how late a sample may count
LEARN_EVERY_S, _MANY = 0.2, 16  # at most so often, and only where so many came
_FEW = 8  # the first answers count at once
_AT_LEAST_WORKED = 0.02
_AT_LEAST_USUAL = 0.9  # times; less is what an expected wait was too long by
_CUT_OFF = frozenset({
    Outcome.CONNECT_TIMEOUT, Outcome.NO_SIGN_OF_LIFE, Outcome.FIRST_OUTPUT_TIMEOUT, Outcome.IDLE_TIMEOUT,
    Outcome.TOTAL_TIMEOUT,
    Outcome.LIMIT_PASSED, Outcome.HEDGE_LOST, Outcome.DEADLINE_EXCEEDED, Outcome.CALLER_LEFT, Outcome.GATEWAY_STOPPED,
})  # fmt: skip


class LatencyModel:
    """Of one deployment. `now` is seconds since the epoch, the end of the attempt that is learned."""

    def __init__(self) -> None:
        self.latency: Latency | None = None
        self.due: float | None = None  # when `latency` should be brought up to date; None if it is
        self._solved_at = 0.0
        self._new = 0  # since then
        self._first, self._pace, self._whole = Trend(queues=True), Trend(waits=False, lately_s=PACE_LATELY_S), Trend()

    def learn_first(  # noqa: PLR0913, PLR0917 - what a sample is
        self, prompt_tokens: float, in_flight: int, ahead_tokens: int, seconds: float, wait_s: float, now: float
    ) -> None:
        """A stream gave its first output."""
        usual_s = self._usual_first_s(prompt_tokens, in_flight, ahead_tokens) if wait_s else None
        self._first.add(now, prompt_tokens, in_flight, ahead_tokens, _worked(seconds, wait_s, usual_s), False)
        self._is_new(now)

    def learn(  # noqa: PLR0913 - what an attempt teaches by
        self,
        attempt: Attempt,
        *,
        stream: bool,
        prompt_tokens: float,
        output_tokens: float | None,
        now: float,
        ahead_tokens: int = 0,
        first_is_known: bool = False,
        beside: float | None = None,
    ) -> None:
        """An attempt ended. `output_tokens` are those of one choice: that came, or else that were to be expected.

        `first_is_known`: its first output was learned when it came. `beside`: other attempts there, in the mean of its life;
        those when it began if absent.

        What was expected to go by in the provider's queue is left out: it is predicted from the queue, each time anew.
        """
        if not stream:
            self._learn_whole(attempt, prompt_tokens, output_tokens or 0.0, now)
        elif attempt.first_output_s is not None:
            if not first_is_known:
                usual_s = (
                    self._usual_first_s(prompt_tokens, attempt.in_flight, ahead_tokens) if attempt.wait_s else None
                )
                worked = _worked(attempt.first_output_s, attempt.wait_s, usual_s)
                self._first.add(now, prompt_tokens, attempt.in_flight, ahead_tokens, worked, False)
            self._learn_pace(
                attempt,
                attempt.duration_s - attempt.first_output_s,
                output_tokens,
                attempt.in_flight if beside is None else beside,
                now,
            )
        else:
            self._learn_cut_off(self._first, attempt, prompt_tokens, ahead_tokens, now)
        self._is_new(now)

    def _is_new(self, now: float) -> None:
        if self._first.is_new or self._whole.is_new:
            self._new += 1
            self.due = self._solved_at + (LEARN_EVERY_S if self._new >= _MANY else LEARN_WITHIN_S)
            if now >= self.due or len(self._first) + len(self._whole) <= _FEW:
                self.solve(now)

    def solve(self, now: float) -> None:
        """Bring `latency` up to date."""
        self.due, self._solved_at, self._new = None, now, 0
        first, whole, pace = self._first, self._whole, self._pace.line(now)
        self.latency = Latency(
            len(first) + len(whole),
            max(first.measured_at, whole.measured_at),
            _of_prompts(first.line(now)),
            None if pace is None else _times(pace.base_s, pace.spread),
            whole.line(now),
            _times(pace.per_in_flight_s, pace.spread) if pace and pace.per_in_flight_s else None,
            min((one.falls for one in (first, whole, self._pace) if one.falls is not None), default=None),
            max(first, whole, key=lambda one: one.measured_at).newest,
        )
        if first.fades or whole.fades:
            self.due = now + LEARN_WITHIN_S

    def _learn_whole(self, attempt: Attempt, prompt_tokens: float, output_tokens: float, now: float) -> None:
        if attempt.outcome is Outcome.OK:
            usual_s = self._usual_whole_s(prompt_tokens, attempt.in_flight, output_tokens) if attempt.wait_s else None
            worked = _worked(attempt.duration_s, attempt.wait_s, usual_s)
            self._whole.add(now, prompt_tokens, attempt.in_flight, output_tokens, worked, False)
        else:
            self._learn_cut_off(self._whole, attempt, prompt_tokens, output_tokens, now)

    def _learn_pace(
        self, attempt: Attempt, seconds: float, output_tokens: float | None, beside: float, now: float
    ) -> None:
        if attempt.usage is not None and output_tokens is not None and output_tokens > 1 and not attempt.held_by_caller:
            self._pace.add(now, 0.0, beside, 0.0, seconds / (output_tokens - 1), False)

    def _learn_cut_off(
        self, trend: Trend, attempt: Attempt, prompt_tokens: float, rest_tokens: float, now: float
    ) -> None:
        """A caller in haste says nothing of a deployment that nobody has seen answer."""
        outcome = attempt.outcome
        if outcome in _CUT_OFF and (len(trend) or CONSEQUENCES[outcome].fault is Fault.PROVIDER):
            worked = _worked(attempt.duration_s, attempt.wait_s, None)
            trend.add(now, prompt_tokens, attempt.in_flight, rest_tokens, worked, True)

    def _usual_first_s(self, prompt_tokens: float, in_flight: int, ahead_tokens: int) -> float | None:
        """What half of such streams worked until their first output, as far as is known."""
        latency = self.latency
        return None if latency is None else latency.first_output_at(int(prompt_tokens), in_flight, 50, ahead_tokens)

    def _usual_whole_s(self, prompt_tokens: float, in_flight: int, output_tokens: float) -> float | None:
        latency = self.latency
        return None if latency is None else latency.total_at(int(prompt_tokens), in_flight, output_tokens, 50, False)


def _times(seconds: float, spread: Quantiles) -> Quantiles:
    return Quantiles(*(short(seconds * spread.at(one)) for one in (50, 90, 95, 99)))


def _of_prompts(line: Line | None) -> Line | None:
    """Of first outputs: what the line's last part grows with are the tokens ahead."""
    return line and replace(line, per_output_token_s=0.0, per_ahead_token_s=line.per_output_token_s)


def _worked(seconds: float, wait_s: float, usual_s: float | None) -> float:
    """Seconds without the expected wait. Whose queue went by sooner than expected says nothing new of the work: it took about
    the usual time then, or all there was.
    """
    least_s = seconds * _AT_LEAST_WORKED if usual_s is None else min(seconds, usual_s * _AT_LEAST_USUAL)
    return max(seconds - wait_s, least_s)
