"""What follows a failed attempt: another address of the same deployment, the next candidate, or after a pause those again
whose failure may pass. The rule, the table of outcomes, what is known by now, time and money have to allow it.

Pure: time and chance come in. `gateway.flow.retry` walks it in the service, the simulator in virtual time.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from gateway.routing.document import Fallback
from gateway.routing.eligibility import Eligibility
from gateway.routing.progress import LiveState, Progress
from gateway.values.deployment import Deployment
from gateway.values.outcome import CONSEQUENCES, Outcome, Then

_FIRST_JITTER_S, _LONGEST_JITTER_S = 0.1, 4.0  # full jitter: anything from 0 to 0.1 s, 0.2 s, ...
_EARLY_S = 0.005  # timers may fire so much too early


def moves_on(fallback: Fallback, outcome: Outcome) -> bool:
    """True if an attempt that ended so is followed by the next candidate."""
    return fallback.moves_on(outcome, CONSEQUENCES[outcome].then is Then.NEXT)


class NextAttempt(NamedTuple):
    """Where it goes. `is_paid`: it is asked again, which the retry budget pays when the attempt is made."""

    deployment: str
    is_paid: bool


class FallbackPlan:
    """For one request whose first attempt failed. It begins in the middle of its first round.

    Tell it what `failed` so far before anything else. `now` is seconds since the epoch, `left_s` what is left until the
    request's deadline.
    """

    def __init__(
        self,
        known: LiveState,
        deployments: Mapping[str, Deployment],
        eligibility: Eligibility,
        progress: Progress,
        fallback: Fallback,
    ) -> None:
        self._known = known
        self._eligibility = eligibility
        self._deployments = deployments
        self._progress = progress
        self._fallback = fallback
        self._outcome = Outcome.NO_CANDIDATE  # of the last attempt
        self._times = dict.fromkeys(eligibility.ranked, 0)
        self._not_before: dict[str, float] = {}  # of those that may be asked again; seconds since the epoch
        self._round: Iterator[str] | None = None
        self._rounds = 0
        self._made_before = 0  # attempts, before the present round

    def begin_round(self) -> None:
        """The first is of those that were not asked yet, each later one of those that may be asked again."""
        self._rounds += 1
        if self._round is None:
            self._round = iter([name for name, times in self._times.items() if not times])
        else:
            self._round = iter(list(self._not_before))
            self._made_before = len(self._progress.attempts)

    def failed(self, name: str, outcome: Outcome, retry_after_s: float | None, now: float) -> None:
        """An attempt at this deployment ended so."""
        self._outcome = outcome
        self._times[name] += 1
        self._not_before.pop(name, None)
        if CONSEQUENCES[outcome].again and self._times[name] <= self._fallback.retries:
            self._not_before[name] = now + (retry_after_s or 0.0)

    def next(self, now: float, left_s: float) -> NextAttempt | None:
        """Where the next attempt of this round goes; None ends the round."""
        if self._is_at_its_end(left_s):
            return None
        last = self._progress.attempts[-1]
        if self._eligibility.other_address_may_help(last, now) and self._may(last.deployment, now):
            return NextAttempt(last.deployment, is_paid=False)
        due = (name for name in self._round or () if self._not_before.get(name, 0.0) <= now)
        name = next((name for name in due if self._may(name, now) and self._is_in_budget(name, now)), None)
        return None if name is None else NextAttempt(name, is_paid=self._times[name] > 0)

    def may_come_round(self, now: float, left_s: float) -> bool:
        """Whether another round may follow. After one in which nothing could be tried: no."""
        was_tried = len(self._progress.attempts) > self._made_before
        return was_tried and bool(self._payable(now)) and not self._is_at_its_end(left_s)

    def pause_s(self, now: float, drawn: float) -> float:
        """The pause before the next round, in seconds; `drawn` is in [0, 1)."""
        ready = min(max(self._not_before[name], self._eligibility.returns_at(name, now)) for name in self._payable(now))
        longest = min(_FIRST_JITTER_S * 2.0 ** (self._rounds - 1), _LONGEST_JITTER_S)
        return max(drawn * longest, ready - now + _EARLY_S)

    def is_too_long(self, pause_s: float, left_s: float) -> bool:
        """Whether the pause passes the rule's limit or the deadline."""
        return pause_s > min(self._fallback.max_pause_s, left_s)

    def _payable(self, now: float) -> list[str]:
        budget = self._known.retries
        return [name for name in self._not_before if self._eligibility.is_paid_for(name, now) and budget.has(name, now)]

    def _is_in_budget(self, name: str, now: float) -> bool:
        """The first attempt of a request at a deployment multiplies nothing there; each later one is paid."""
        return not self._times[name] or self._known.retries.has(name, now)

    def _is_at_its_end(self, left_s: float) -> bool:
        return (
            len(self._progress.attempts) >= self._progress.decision.bounds.max_attempts
            or left_s <= 0
            or not moves_on(self._fallback, self._outcome)
        )

    def _may(self, name: str, now: float) -> bool:
        return self._eligibility.may(name, now) and self._has_room(self._deployments[name])

    def _has_room(self, deployment: Deployment) -> bool:
        """After a refusal for its length a request goes only where there is more room."""
        if self._outcome is not Outcome.CONTEXT_TOO_LONG:
            return True
        refused = self._deployments[self._progress.attempts[-1].deployment].context_tokens
        return deployment.context_tokens is None or (refused is not None and deployment.context_tokens > refused)
