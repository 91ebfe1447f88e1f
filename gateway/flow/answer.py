"""The story of one request on one screen: what it carries, the decision, its turn, the attempts, the end.

What must happen is here and in what it calls; what is nice to know is on the bus.
"""

import asyncio
import time
import zlib

import msgspec

from gateway.flow.admission import Admission
from gateway.flow.answered import Answered, AnsweredWhole
from gateway.flow.attempts import Attempts, none_of
from gateway.flow.classify import Classifier
from gateway.flow.count import TokenCounts
from gateway.flow.rooms import Rooms
from gateway.flow.story import Story
from gateway.routing.able_again import able_again_s
from gateway.routing.counterfactual import with_counterfactuals
from gateway.routing.decide import decide
from gateway.routing.filters import PASSING
from gateway.routing.plan import Plan, PlanSource
from gateway.values.decision import Candidate, Decision
from gateway.values.deployment import Deployment
from gateway.values.outcome import (
    CONSEQUENCES,
    LASTING,
    TOLD_OVERLOAD,
    AttemptFailed,
    Outcome,
    Then,
    of_cancellation,
)
from gateway.values.request import Request


class RequestFailed(Exception):
    """No answer was had. `failure` is how the last attempt ended, or that none could be made."""

    def __init__(self, story: Story, failure: AttemptFailed) -> None:
        super().__init__(str(failure))
        self.decision = story.decision
        self.attempts = len(story.attempts)
        ended_so = [one.deployment for one in story.attempts if one.outcome is failure.outcome]
        last = story.attempts[-1].deployment if story.attempts else None
        self.deployment = ended_so[-1] if ended_so else last
        self.failure = failure


def _may_be_able_again(candidate: Candidate) -> bool:
    """Whether only the moment stands against it: that is no reason not to say how long a prompt is."""
    return bool(candidate.against) and all(reason.cause in PASSING for reason in candidate.against)


class Counted(msgspec.Struct, frozen=True):
    """How many tokens a prompt has. `counted_by`: the deployment whose tokenizer said so; None: it is an estimate."""

    decision: Decision
    tokens: int
    counted_by: str | None


class Answers:
    """Answers requests. One per process."""

    def __init__(
        self,
        plans: PlanSource,
        deployments: dict[str, Deployment],
        rooms: Rooms,
        classifier: Classifier,
        admission: Admission,
    ) -> None:
        self._admission = admission
        self._plans = plans
        self._classifier = classifier
        self._deployments = deployments
        self._rooms = rooms
        self._counts = TokenCounts(rooms, deployments)
        self._attempts = Attempts(rooms, deployments)

    async def answer(self, surface: str, request: Request, decision_id: str, arrived: float) -> Answered:
        """The answer; a stream is returned once its first output is here. `arrived` is of the monotonic clock.

        Raises RequestFailed; before there is a decision routing's UnknownModel and TooBusy. If the caller leaves, cancel the task.
        """
        plan = self._plans(request.facts.session, decision_id)
        request, decision = await self._facts_and_decision(plan, request, decision_id)
        story = Story(self._rooms.bus, surface, request, decision, arrived)
        try:
            if not self._admission.enter_at_once():
                await self._wait_for_room(story, plan)
            story.leave = self._admission.leave
            if plan.by_name[story.decision.rule].exact_tokens:
                await self._count(story, plan)
            rule = plan.by_name[story.decision.rule]
            if rule.hedge is not None:
                self._rooms.readings.hedges.earn(rule.name, rule.hedge.share)
            answer = await self._attempts.answer(story, rule)
        except asyncio.CancelledError as cancelled:
            story.finish(of_cancellation(cancelled))
            raise
        except AttemptFailed as failed:
            story.finish(failed.outcome)
            self._say_when(story, failed)
            raise RequestFailed(story, failed) from None
        except Exception:
            story.finish(Outcome.INTERNAL_ERROR)
            raise
        if isinstance(answer, AnsweredWhole):
            story.finish(Outcome.OK, answered_by=answer.deployment)
        return answer

    async def count(self, surface: str, request: Request, decision_id: str, arrived: float) -> Counted:
        """The tokens of a prompt: by the tokenizer of the first deployment that may see it and has one, else an estimate.
        Nothing is generated, and it takes no room.

        Raises RequestFailed where nobody may see it; before there is a decision routing's UnknownModel and TooBusy.
        """
        plan = self._plans(request.facts.session, decision_id)
        request, decision = await self._facts_and_decision(plan, request, decision_id)
        story = Story(self._rooms.bus, surface, request, decision, arrived)
        try:
            counted = await self._counted(plan, story)
        except asyncio.CancelledError as cancelled:
            story.finish(of_cancellation(cancelled))
            raise
        except AttemptFailed as failed:
            story.finish(failed.outcome)
            raise RequestFailed(story, failed) from None
        except Exception:
            story.finish(Outcome.INTERNAL_ERROR)
            raise
        facts = counted.facts
        story.finish(Outcome.OK, answered_by=facts.counted_at if facts.exact_tokens else None)
        return Counted(decision, facts.prompt_tokens, facts.counted_at if facts.exact_tokens else None)

    async def _counted(self, plan: Plan, story: Story) -> Request:
        if not story.decision.attempts and not any(map(_may_be_able_again, story.decision.candidates)):
            raise none_of(story.decision)
        return await self._counts.counted(plan, story.request, story.decision, story.arrived)

    def _say_when(self, story: Story, failed: AttemptFailed) -> None:
        """Not when the last that was asked takes requests again, but when the first of all does."""
        is_a_wait = failed.outcome in TOLD_OVERLOAD | LASTING or failed.retry_after_s is not None
        if is_a_wait and CONSEQUENCES[failed.outcome].then is Then.NEXT:
            now = time.time()
            readings = self._rooms.readings.snapshot(now)
            failed.retry_after_s = able_again_s(story.decision, story.attempts, readings.of, now)

    async def _wait_for_room(self, story: Story, plan: Plan) -> None:
        """Until its turn; then it is decided anew, for the world has moved on. Raises AttemptFailed if there is no room."""
        of_rule, since = plan.by_name[story.decision.rule].priority, time.monotonic()
        try:
            await self._admission.wait(story.request.priority if of_rule is None else of_rule, story.deadline)
        finally:
            story.queued_s = time.monotonic() - since
        try:
            story.decide_anew(story.request, self._decide(plan, story.request, story.decision.id, time.time()))
        except BaseException:
            self._admission.leave()
            raise

    async def _count(self, story: Story, plan: Plan) -> None:
        """The tokens of the prompt, where the rule wants them exact; then it is decided anew, as of the same moment."""
        decision, since = story.decision, time.monotonic()
        try:
            request = await self._counts.counted(plan, story.request, decision, story.arrived)
        finally:
            story.waited_s += time.monotonic() - since
        story.decide_anew(request, self._decide(plan, request, decision.id, decision.at))

    async def _facts_and_decision(self, plan: Plan, request: Request, decision_id: str) -> tuple[Request, Decision]:
        """The request with all its facts, and the decision. Raises UnknownModel and TooBusy."""
        request = await self._classifier.classify(request, plan.detection)
        return request, self._decide(plan, request, decision_id, time.time())

    async def explain(self, plan: Plan, request: Request, decision_id: str) -> Decision:
        """The decision, with what the request would cost and take at each candidate. Raises UnknownModel and TooBusy."""
        _, decision = await self._facts_and_decision(plan, request, decision_id)
        return with_counterfactuals(decision, self._deployments, self._rooms.readings.snapshot(decision.at))

    def _decide(self, plan: Plan, request: Request, decision_id: str, now: float) -> Decision:
        return decide(
            plan,
            request.facts,
            self._rooms.readings.snapshot(now, plan.revision),
            decision_id=decision_id,
            seed=zlib.crc32(decision_id.encode()),
            deadline_s=request.deadline_s,
            max_cost_usd=request.max_cost_usd,
        )
