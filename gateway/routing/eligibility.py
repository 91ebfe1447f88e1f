"""Whether a candidate still may and can have an attempt, asked before each one but the first: time has passed since the
decision, and money may be spent (laws 1 and 2).
"""

import math
from collections.abc import Iterable, Mapping

from gateway.routing.filters import Asked, is_kept_out, over_ceiling, prompt_tokens_at, tokens_at
from gateway.routing.progress import LiveState, Progress
from gateway.values.decision import Decision
from gateway.values.deployment import Deployment
from gateway.values.outcome import CONSEQUENCES, Fault, Outcome
from gateway.values.records import Attempt

# nothing was sent, or a refusal came back: no token was generated that could cost anything
_COSTLESS = frozenset({Outcome.CONNECT_FAILED, Outcome.TLS_FAILED, Outcome.CONNECT_TIMEOUT})


class Eligibility:
    """Of one request. `now` is seconds since the epoch."""

    def __init__(self, known: LiveState, deployments: Mapping[str, Deployment], progress: Progress) -> None:
        self._known = known
        self._deployments = deployments
        self._progress = progress
        self.ranked = {one.deployment: one for one in progress.decision.candidates if one.rank is not None}

    def may(self, name: str, now: float, *, beside: str | None = None) -> bool:
        """`beside`: the deployment of an attempt that is under way and has yet to be paid for."""
        may_see = self._deployments[name].clearance.covers(self._progress.decision.facts.sensitivity)
        return may_see and not is_kept_out(self._asked(name, now, beside))

    def _asked(self, name: str, now: float, beside: str | None = None) -> Asked:
        """One more attempt there, by what is known now."""
        decision, reading = self._progress.decision, self._known.of(name)
        spent = spent_usd(decision, self._progress.attempts)
        if beside is not None:
            most = self.ranked[beside].most_usd
            spent += math.inf if most is None else most
        return Asked(
            self._deployments[name], decision.facts, reading, now, prompt_tokens_at(decision.facts, reading),
            self.ranked[name].most_usd, decision.bounds.max_cost_usd, spent,
        )  # fmt: skip

    def second(self, first: str, now: float) -> str | None:
        """Where a second attempt may go beside the first: another address of the same deployment, or the next candidate."""
        decision = self._progress.decision
        if decision.bounds.max_attempts < 2:
            return None
        others = [name for name in decision.attempts if name != first]
        names = [first, *others] if self.has_another_address(first, now) else others
        return next((name for name in names if self.may(name, now, beside=first) and not self._rests(name, now)), None)

    def _rests(self, name: str, now: float) -> bool:
        return self._known.of(name).admissibility.rests(now)

    def returns_at(self, name: str, now: float) -> float:
        """When it may be tried again, as far as can be said; seconds since the epoch."""
        reading = self._known.of(name)
        rejection = reading.rejection(tokens_at(self._progress.decision.facts, reading), now)
        return 0.0 if rejection is None or rejection.until is None else rejection.until

    def is_paid_for(self, name: str, now: float) -> bool:
        """Whether one more attempt there stays under the ceiling, whatever it costs."""
        return over_ceiling(self._asked(name, now)) is None

    def has_another_address(self, name: str, now: float) -> bool:
        """Whether one of the deployment's several addresses is up that this request has not tried."""
        tried = [address for deployment, address in self._progress.tried if deployment == name]
        return bool(tried) and self._known.workers.others_up(name, tried, now)

    def other_address_may_help(self, last: Attempt, now: float) -> bool:
        """Whether the deployment itself may still answer: what failed is one of its several addresses."""
        failed = CONSEQUENCES[last.outcome].fault is Fault.PROVIDER
        return failed and self.has_another_address(last.deployment, now)


def spent_usd(decision: Decision, attempts: Iterable[Attempt]) -> float:
    """What attempts can have cost at most, as far as it is known."""
    most = {one.deployment: one.most_usd for one in decision.candidates if one.rank is not None}
    return sum(_cost_usd(one, most) for one in attempts)


def _cost_usd(attempt: Attempt, most: Mapping[str, float | None]) -> float:
    if attempt.cost_usd is not None:
        return attempt.cost_usd
    refused = attempt.status is not None and attempt.status >= 400
    return 0.0 if refused or attempt.outcome in _COSTLESS else most[attempt.deployment] or 0.0
