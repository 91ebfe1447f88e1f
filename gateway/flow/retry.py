"""What follows a failed attempt: another address of the same deployment, the next candidate, or after a pause those again
whose failure may pass. The rule, the table of outcomes, what is known by now, time and money have to allow it.
"""

import time
from collections.abc import Iterator

import tenacity

from gateway.flow.recheck import Recheck
from gateway.flow.story import Story
from gateway.routing.plan import CompiledRule
from gateway.state.retry_budget import RetryBudget
from gateway.values.deployment import Deployment
from gateway.values.outcome import CONSEQUENCES, AttemptFailed, Outcome, Then

_JITTER = tenacity.wait_random_exponential(multiplier=0.1, max=4.0)  # full jitter: anything from 0 to 0.1 s, 0.2 s, ...
_EARLY_S = 0.005  # timers may fire so much too early
_NONE_YET = AttemptFailed(Outcome.NO_CANDIDATE, "nothing was tried yet")


class Retry:
    """The way on for one request whose first attempt failed. It begins in the middle of its first round.

    Tell it what `failed` so far before anything else.
    """

    def __init__(
        self,
        budget: RetryBudget,
        deployments: dict[str, Deployment],
        recheck: Recheck,
        story: Story,
        rule: CompiledRule,
    ) -> None:
        self.failure = _NONE_YET
        self._budget = budget
        self._recheck = recheck
        self._deployments = deployments
        self._story = story
        self._fallback = rule.fallback
        self._times = dict.fromkeys(recheck.ranked, 0)
        self._not_before: dict[str, float] = {}  # of those that may be asked again; seconds since the epoch
        self._round: Iterator[str] | None = None
        self._made_before = 0  # attempts, before the present round

    def begin_round(self) -> None:
        """The first is of those that were not asked yet, each later one of those that may be asked again."""
        if self._round is None:
            self._round = iter([name for name, times in self._times.items() if not times])
        else:
            self._round = iter(list(self._not_before))
            self._made_before = len(self._story.attempts)

    def failed(self, name: str, failure: AttemptFailed) -> None:
        """An attempt at this deployment ended so."""
        self.failure = failure
        self._times[name] += 1
        self._not_before.pop(name, None)
        if CONSEQUENCES[failure.outcome].again and self._times[name] <= self._fallback.retries:
            self._not_before[name] = time.time() + (failure.retry_after_s or 0.0)

    def next(self) -> Deployment | None:
        """Where the next attempt of this round goes; None ends the round."""
        if self._is_at_its_end():
            return None
        last = self._story.attempts[-1]
        if self._recheck.other_address_may_help(last) and self._may(last.deployment):
            return self._deployments[last.deployment]
        now = time.time()
        due = (name for name in self._round or () if self._not_before.get(name, 0.0) <= now)
        names = (name for name in due if self._may(name) and self._is_in_budget(name))
        return next((self._deployments[name] for name in names), None)

    def may_come_round(self, failure: BaseException) -> bool:
        """For tenacity: whether another round may follow this failure. After one in which nothing could be tried: no."""
        was_tried = len(self._story.attempts) > self._made_before
        return isinstance(failure, AttemptFailed) and was_tried and bool(self._payable()) and not self._is_at_its_end()

    def wait(self, state: tenacity.RetryCallState) -> float:
        """For tenacity: seconds of the pause before the next round."""
        now = time.time()
        ready = min(max(self._not_before[name], self._recheck.returns_at(name)) for name in self._payable())
        return max(_JITTER(state), ready - now + _EARLY_S)

    def is_too_long(self, state: tenacity.RetryCallState) -> bool:
        """For tenacity: whether the pause passes the rule's limit or the deadline."""
        left = self._story.deadline - time.monotonic()
        return state.upcoming_sleep > min(self._fallback.max_pause_s, left)

    def _payable(self) -> list[str]:
        now = time.time()
        return [name for name in self._not_before if self._recheck.is_paid_for(name) and self._budget.has(name, now)]

    def _is_in_budget(self, name: str) -> bool:
        """The first attempt of a request at a deployment multiplies nothing there; each later one is paid."""
        return not self._times[name] or self._budget.spend(name, time.time())

    def _is_at_its_end(self) -> bool:
        story, outcome = self._story, self.failure.outcome
        return (
            len(story.attempts) >= story.decision.bounds.max_attempts
            or time.monotonic() >= story.deadline
            or not self._fallback.moves_on(outcome, CONSEQUENCES[outcome].then is Then.NEXT)
        )

    def _may(self, name: str) -> bool:
        return self._recheck.may(name) and self._has_room(self._deployments[name])

    def _has_room(self, deployment: Deployment) -> bool:
        """After a refusal for its length a request goes only where there is more room."""
        if self.failure.outcome is not Outcome.CONTEXT_TOO_LONG:
            return True
        refused = self._deployments[self._story.attempts[-1].deployment].context_tokens
        return deployment.context_tokens is None or (refused is not None and deployment.context_tokens > refused)
