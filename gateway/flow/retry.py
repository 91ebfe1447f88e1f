"""What follows a failed attempt: another address of the same deployment, the next candidate, or after a pause those again
whose failure may pass. The rule, the table of outcomes, what is known by now, time and money have to allow it.
"""

import time
from collections.abc import Iterator

import tenacity

from gateway.flow.story import Story
from gateway.routing.plan import CompiledRule
from gateway.state.readings import Readings
from gateway.values.decision import Candidate
from gateway.values.deployment import Deployment
from gateway.values.outcome import CONSEQUENCES, AttemptFailed, Fault, Outcome, Then
from gateway.values.records import Attempt

_JITTER = tenacity.wait_random_exponential(multiplier=0.1, max=4.0)  # full jitter: anything from 0 to 0.1 s, 0.2 s, ...
# nothing was sent, or a refusal came back: no token was generated that could cost anything
_COSTLESS = frozenset({Outcome.CONNECT_FAILED, Outcome.TLS_FAILED, Outcome.CONNECT_TIMEOUT})


class Retry:
    """The way on for one request whose first attempt failed. It begins in the middle of its first round."""

    def __init__(
        self,
        readings: Readings,
        deployments: dict[str, Deployment],
        story: Story,
        rule: CompiledRule,
        failure: AttemptFailed,
    ) -> None:
        self.failure = failure
        self._readings = readings
        self._deployments = deployments
        self._story = story
        self._fallback = rule.fallback
        self._ranked = {one.deployment: one for one in story.decision.candidates if one.rank is not None}
        self._times = dict.fromkeys(self._ranked, 0)
        self._not_before: dict[str, float] = {}  # of those that may be asked again; seconds since the epoch
        self._round: Iterator[str] | None = None
        self._made_before = 0  # attempts, before the present round
        self.failed(failure)

    def begin_round(self) -> None:
        """The first is of those that were not asked yet, each later one of those that may be asked again."""
        if self._round is None:
            self._round = iter([name for name, times in self._times.items() if not times])
        else:
            self._round = iter(list(self._not_before))
            self._made_before = len(self._story.attempts)

    def failed(self, failure: AttemptFailed) -> None:
        """The last attempt of the story ended so."""
        self.failure = failure
        name = self._story.attempts[-1].deployment
        self._times[name] += 1
        self._not_before.pop(name, None)
        if CONSEQUENCES[failure.outcome].again and self._times[name] <= self._fallback.retries:
            self._not_before[name] = time.time() + (failure.retry_after_s or 0.0)

    def next(self) -> Deployment | None:
        """Where the next attempt of this round goes; None ends the round."""
        if self._is_at_its_end():
            return None
        last = self._story.attempts[-1]
        if self._has_another_address(last) and self._may(last.deployment):
            return self._deployments[last.deployment]
        return next((self._deployments[name] for name in self._round or () if self._may(name)), None)

    def may_come_round(self, failure: BaseException) -> bool:
        """For tenacity: whether another round may follow this failure. After one in which nothing could be tried: no."""
        was_tried = len(self._story.attempts) > self._made_before
        return isinstance(failure, AttemptFailed) and was_tried and bool(self._payable()) and not self._is_at_its_end()

    def wait(self, state: tenacity.RetryCallState) -> float:
        """For tenacity: seconds of the pause before the next round."""
        now = time.time()
        ready = min(max(self._not_before[name], self._readings.returns_at(name) or 0.0) for name in self._payable())
        return max(_JITTER(state), ready - now)

    def is_too_long(self, state: tenacity.RetryCallState) -> bool:
        """For tenacity: whether the pause passes the rule's limit or the deadline."""
        left = self._story.deadline - time.monotonic()
        return state.upcoming_sleep > min(self._fallback.max_pause_s, left)

    def _payable(self) -> list[str]:
        return [name for name in self._not_before if self._is_paid_for(self._ranked[name])]

    def _is_at_its_end(self) -> bool:
        story, outcome = self._story, self.failure.outcome
        return (
            len(story.attempts) >= story.decision.bounds.max_attempts
            or time.monotonic() >= story.deadline
            or not self._fallback.moves_on(outcome, CONSEQUENCES[outcome].then is Then.NEXT)
        )

    def _has_another_address(self, last: Attempt) -> bool:
        """Whether the deployment itself may still answer: what failed is one of its several addresses."""
        if last.address is None or CONSEQUENCES[last.outcome].fault is not Fault.PROVIDER:
            return False
        tried = {one.address for one in self._story.attempts if one.deployment == last.deployment}
        addresses = [one for one in tried if one is not None]
        return self._readings.workers.others_up(last.deployment, addresses, time.time())

    def _may(self, name: str) -> bool:
        """Whether a candidate still may and can answer, now that time has passed and money may be spent (law 2)."""
        candidate, deployment = self._ranked[name], self._deployments[name]
        return (
            deployment.clearance.covers(self._story.request.facts.sensitivity)
            and self._readings.can_answer(name, time.time())
            and self._has_room(deployment)
            and self._is_paid_for(candidate)
        )

    def _has_room(self, deployment: Deployment) -> bool:
        """After a refusal for its length a request goes only where there is more room."""
        if self.failure.outcome is not Outcome.CONTEXT_TOO_LONG:
            return True
        refused = self._deployments[self._story.attempts[-1].deployment].context_tokens
        return deployment.context_tokens is None or (refused is not None and deployment.context_tokens > refused)

    def _is_paid_for(self, candidate: Candidate) -> bool:
        ceiling = self._story.decision.bounds.max_cost_usd
        if ceiling is None:
            return True
        return candidate.most_usd is not None and self._spent_usd() + candidate.most_usd <= ceiling

    def _spent_usd(self) -> float:
        """What the attempts so far can have cost at most, as far as it is known."""
        return sum(self._cost_usd(one) for one in self._story.attempts)

    def _cost_usd(self, attempt: Attempt) -> float:
        if attempt.cost_usd is not None:
            return attempt.cost_usd
        refused = attempt.status is not None and attempt.status >= 400
        return 0.0 if refused or attempt.outcome in _COSTLESS else self._ranked[attempt.deployment].most_usd or 0.0
