"""The story of one request on one screen: classify -> decide -> admit -> count -> translate -> attempt -> finish. Each step
gives a value.

What must happen is here and in what it calls; what is nice to know is on the bus.
"""

import asyncio
import contextlib
import time
import zlib
from functools import partial

import msgspec

from gateway.flow.admission import Admission
from gateway.flow.answered import Answered, AnsweredStream
from gateway.flow.attempts import Attempts, none_of
from gateway.flow.classify import Classifier
from gateway.flow.count import TokenCounts
from gateway.flow.preparation import Preparation
from gateway.flow.relay import Relay
from gateway.flow.rooms import Rooms
from gateway.flow.story import Clock, Record, Story
from gateway.flow.stream import Stream, StreamEnd
from gateway.flow.translations import Translations, is_lossless, with_deviations, with_losses
from gateway.routing.able_again import able_again_s
from gateway.routing.counterfactual import with_counterfactuals
from gateway.routing.decide import decide
from gateway.routing.filters import PASSING
from gateway.routing.plan import Plan, PlanSource
from gateway.values.decision import Candidate, Decision
from gateway.values.deployment import Deployment
from gateway.values.deviations import Deviations
from gateway.values.outcome import (
    CONSEQUENCES,
    LASTING,
    TOLD_OVERLOAD,
    AttemptFailed,
    Outcome,
    Then,
    of_cancellation,
)
from gateway.values.records import DecisionMade
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


class Counted(msgspec.Struct, frozen=True):
    """How many tokens a prompt has. `counted_by`: the deployment whose tokenizer said so; None: it is an estimate."""

    decision: Decision
    tokens: int
    counted_by: str | None


class Answers:
    """Answers requests. One per process. The one owner of their ends: each comes to `_finish` once."""

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
        self._translations = Translations(rooms)

    async def answer(self, surface: str, request: Request, decision_id: str, arrived: float) -> Answered:
        """The answer; a stream is returned once its first output is here. `arrived` is of the monotonic clock.

        Raises RequestFailed; before there is a decision routing's UnknownModel and TooBusy. If the caller leaves, cancel the task.
        """
        plan = self._plans(request.facts.session, decision_id)
        request = await self._classifier.classify(request, plan.detection)
        story = self._decided(surface, plan, request, decision_id, arrived)
        try:
            story = await self._admitted(story)
            story = await self._translated(await self._counted(story))
            success = await self._attempts.until_success(story)
        except AttemptFailed as failed:
            raise self._failed(story, failed) from None
        except BaseException as end:
            self._finish(story, _outcome_of(end))
            raise
        if isinstance(success, Relay):
            continuation = self._attempts.continuation(story)
            stream = Stream(story.clock, success, continuation, partial(self._stream_ended, story))
            return AnsweredStream(story, success.deployment, stream, success.deviations)
        self._finish(story, Outcome.OK, answered_by=success.deployment)
        return success

    async def count(self, surface: str, request: Request, decision_id: str, arrived: float) -> Counted:
        """The tokens of a prompt: by the tokenizer of the first deployment that may see it and has one, else an estimate.
        Nothing is generated; it takes its turn and its room like any request.

        Raises RequestFailed where nobody may see it; before there is a decision routing's UnknownModel and TooBusy.
        """
        plan = self._plans(request.facts.session, decision_id)
        request = await self._classifier.classify(request, plan.detection)
        story = self._decided(surface, plan, request, decision_id, arrived)
        try:
            story = await self._admitted(story)
            if not story.decision.attempts and not any(map(_may_be_able_again, story.decision.candidates)):
                raise none_of(story.decision)  # noqa: TRY301 - one place ends it
            facts = (await self._counts.counted(await self._translated(story))).facts
        except AttemptFailed as failed:
            raise self._failed(story, failed) from None
        except BaseException as end:
            self._finish(story, _outcome_of(end))
            raise
        counted_by = facts.counted_at if facts.exact_tokens else None
        self._finish(story, Outcome.OK, answered_by=counted_by)
        return Counted(story.decision, facts.prompt_tokens, counted_by)

    async def explain(self, plan: Plan, request: Request, decision_id: str) -> Decision:
        """The decision, with what the request would cost and take at each candidate. Raises UnknownModel and TooBusy."""
        request = await self._classifier.classify(request, plan.detection)
        decision = self._decide(plan, request, decision_id, time.time())
        preparation = Preparation(self._rooms.large, time.monotonic() + decision.bounds.deadline_s)
        found: dict[str, Deviations] = {}
        with contextlib.suppress(AttemptFailed):  # too busy to translate a large body: the rest can be said
            found = await self._translations.of(request, decision, preparation, all_candidates=True)
        if is_lossless(plan, decision):
            request = with_losses(request, found)
            decision = self._decide(plan, request, decision_id, decision.at)
        decision = with_counterfactuals(decision, self._deployments, self._rooms.readings.snapshot(decision.at))
        return with_deviations(decision, found)

    # -- decide

    def _decided(self, surface: str, plan: Plan, request: Request, decision_id: str, arrived: float) -> Story:
        """Raises UnknownModel."""
        decision = self._decide(plan, request, decision_id, time.time())
        self._rooms.bus.publish(DecisionMade(decision))
        preparation = Preparation(self._rooms.large, arrived + decision.bounds.deadline_s)
        return Story(surface, plan, request, decision, Clock(arrived), Record(), preparation)

    def _decided_anew(self, story: Story, request: Request, now: float) -> Story:
        """More is known, or the world has moved on."""
        decision = self._decide(story.plan, request, story.decision.id, now)
        self._rooms.bus.publish(DecisionMade(decision))
        return msgspec.structs.replace(story, request=request, decision=decision)

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

    # -- admit

    async def _admitted(self, story: Story) -> Story:
        """With room; who had to wait for it is decided anew, for the world has moved on. Raises AttemptFailed if there is none."""
        if self._admission.enter_at_once():
            return msgspec.structs.replace(story, has_room=True)
        priority, since = story.rule.priority, time.monotonic()
        if priority is None or story.request.facts.batch is not None:
            priority = story.request.priority
        try:
            await self._admission.wait(priority, story.deadline)
        finally:
            story.clock.queued_s = time.monotonic() - since
        try:
            story = self._decided_anew(story, story.request, time.time())
        except BaseException:
            self._admission.leave()
            raise
        return msgspec.structs.replace(story, has_room=True)

    # -- count

    async def _counted(self, story: Story) -> Story:
        """Where the rule wants the tokens of the prompt exact they are counted, and it is decided anew, as of the same moment."""
        if not story.rule.exact_tokens:
            return story
        return self._decided_anew(story, await self._counts.counted(story), story.decision.at)

    # -- translate

    async def _translated(self, story: Story) -> Story:
        """Where nothing may be lost it is found out what each candidate's translation loses, and it is decided anew, as of
        the same moment. What was translated serves the attempts.
        """
        decision = story.decision
        if not decision.attempts or not is_lossless(story.plan, decision):
            return story
        found = await self._translations.of(story.request, decision, story.preparation)
        return self._decided_anew(story, with_losses(story.request, found), decision.at)

    # -- finish

    def _finish(
        self, story: Story, outcome: Outcome, *, answered_by: str | None = None, output_started: bool = False
    ) -> None:
        """The end, however it came: the room is free, and the bus is told."""
        if story.has_room:
            self._admission.leave()
        self._rooms.bus.publish(story.finished(outcome, answered_by, output_started=output_started))

    def _stream_ended(self, story: Story, end: StreamEnd) -> None:
        self._finish(story, end.outcome, answered_by=end.answered_by, output_started=end.output_started)

    def _failed(self, story: Story, failed: AttemptFailed) -> RequestFailed:
        self._finish(story, failed.outcome)
        return RequestFailed(story, self._with_wait(story, failed))

    def _with_wait(self, story: Story, failed: AttemptFailed) -> AttemptFailed:
        """It says not when the last that was asked takes requests again, but when the first of all does."""
        is_a_wait = failed.outcome in TOLD_OVERLOAD | LASTING or failed.retry_after_s is not None
        if not is_a_wait or CONSEQUENCES[failed.outcome].then is not Then.NEXT:
            return failed
        now = time.time()
        readings = self._rooms.readings.snapshot(now)
        return failed.replaced(retry_after_s=able_again_s(story.decision, story.attempts, readings.of, now))


def _outcome_of(end: BaseException) -> Outcome:
    return of_cancellation(end) if isinstance(end, asyncio.CancelledError) else Outcome.INTERNAL_ERROR


def _may_be_able_again(candidate: Candidate) -> bool:
    """Whether only the moment stands against it: that is no reason not to say how long a prompt is."""
    return bool(candidate.against) and all(reason.cause in PASSING for reason in candidate.against)
