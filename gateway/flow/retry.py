"""The fallback plan of one request (`gateway.routing.fallback_plan`), walked with clock, chance and tenacity's loop."""

import random
import time

import tenacity

from gateway.flow.story import Story
from gateway.learning.readings import Readings
from gateway.routing.eligibility import Eligibility
from gateway.routing.fallback_plan import FallbackPlan
from gateway.values.deployment import Deployment
from gateway.values.outcome import AttemptFailed, Outcome

_NONE_YET = AttemptFailed(Outcome.NO_CANDIDATE, "nothing was tried yet")


class Retry:
    """What follows for one request whose first attempt failed. Tell it what `failed` so far before anything else."""

    def __init__(
        self,
        readings: Readings,
        deployments: dict[str, Deployment],
        eligibility: Eligibility,
        story: Story,
    ) -> None:
        self.failure = _NONE_YET
        self._deployments = deployments
        self._readings = readings
        self._story = story
        self._plan = FallbackPlan(readings, deployments, eligibility, story, story.rule.fallback)

    def begin_round(self) -> None:
        """The first is of those that were not asked yet, each later one of those that may be asked again."""
        self._plan.begin_round()

    def failed(self, name: str, failure: AttemptFailed) -> None:
        """An attempt at this deployment ended so."""
        self.failure = failure
        self._plan.failed(name, failure.outcome, failure.retry_after_s, time.time())

    def next(self) -> Deployment | None:
        """Where the next attempt of this round goes; None ends the round."""
        now = time.time()
        found = self._plan.next(now, self._left_s())
        if found is None:
            return None
        if found.is_paid:
            self._readings.retries.spend(found.deployment, now)
        return self._deployments[found.deployment]

    def may_come_round(self, failure: BaseException) -> bool:
        """For tenacity: whether another round may follow this failure."""
        return isinstance(failure, AttemptFailed) and self._plan.may_come_round(time.time(), self._left_s())

    def wait(self, _: tenacity.RetryCallState) -> float:
        """For tenacity: seconds of the pause before the next round."""
        return self._plan.pause_s(time.time(), random.random())  # noqa: S311 - jitter

    def is_too_long(self, state: tenacity.RetryCallState) -> bool:
        """For tenacity: whether the pause passes the rule's limit or the deadline."""
        return self._plan.is_too_long(state.upcoming_sleep, self._left_s())

    def _left_s(self) -> float:
        return self._story.deadline - time.monotonic()
