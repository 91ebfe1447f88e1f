"""The story of one request on one screen: decide, then try the deployments of the decision in order, under one deadline;
what may be tried after a failure, and when, is in `gateway.flow.retry`.

What must happen is here and in what it calls; what is nice to know is on the bus.
"""

import asyncio
import time
import zlib
from functools import partial

import msgspec
from tenacity import AsyncRetrying, retry_if_exception

from gateway.flow.admission import Admission
from gateway.flow.attempt import Rooms, RunningAttempt
from gateway.flow.classify import Classifier
from gateway.flow.continuation import Continuation
from gateway.flow.count import TokenCounts
from gateway.flow.hedge import Hedging
from gateway.flow.relay import Relay
from gateway.flow.retry import Retry
from gateway.flow.story import Story
from gateway.flow.stream import Stream
from gateway.routing.counterfactual import with_counterfactuals
from gateway.routing.decide import decide
from gateway.routing.plan import CompiledRule, Plan, PlanSource
from gateway.routing.recheck import Recheck
from gateway.values.answer import Beginning, StreamSummary, WholeAnswer
from gateway.values.decision import Decision
from gateway.values.deployment import Deployment
from gateway.values.outcome import CONSEQUENCES, AttemptFailed, Outcome, of_cancellation
from gateway.values.records import Attempt
from gateway.values.request import ChatRequest


class RequestFailed(Exception):
    """No answer was had. `failure` is how the last attempt ended, or that none could be made."""

    def __init__(self, story: Story, failure: AttemptFailed) -> None:
        super().__init__(str(failure))
        self.decision = story.decision
        self.attempts = len(story.attempts)
        self.deployment = story.attempts[-1].deployment if story.attempts else None
        self.failure = failure


class Answer(msgspec.Struct, frozen=True):
    """An answer, whole or as a stream; exactly one of the two is set."""

    story: Story
    deployment: str
    whole: WholeAnswer | None = None
    attempt: Attempt | None = None  # the one that gave the whole answer
    stream: Stream | None = None

    @property
    def decision(self) -> Decision:
        """What the answer follows from."""
        return self.story.decision

    @property
    def attempts(self) -> int:
        """Made so far, that of an open stream included."""
        return len(self.story.attempts) + (self.stream is not None)

    def give_up(self) -> None:
        """Another answer is used: end the stream."""
        if self.stream is not None:
            self.stream.give_up()


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

    async def answer(self, surface: str, request: ChatRequest, decision_id: str, arrived: float) -> Answer:
        """The answer; a stream is returned once its first output is here. `arrived` is of the monotonic clock.

        Raises RequestFailed; before there is a decision routing's UnknownModel and TooBusy. If the caller leaves, cancel the task.
        """
        plan = self._plans(request.facts.session, decision_id)
        request, decision = await self._facts_and_decision(plan, request, decision_id)
        waited_s = 0.0
        if plan.by_name[decision.rule].exact_tokens:
            since = time.monotonic()
            request = await self._counts.counted(plan, request, decision, arrived)
            waited_s = time.monotonic() - since
            decision = self._decide(plan, request, decision_id, decision.at)
        rule = plan.by_name[decision.rule]
        if rule.hedge is not None:
            self._rooms.readings.hedges.earn(rule.name, rule.hedge.share)
        story = Story(self._rooms.bus, surface, request, decision, arrived, waited_s)
        try:
            if not self._admission.enter_at_once():
                rule = await self._wait_for_room(story, plan, rule)
            story.leave = self._admission.leave
            answer = await self._try_in_order(story, rule)
        except asyncio.CancelledError as cancelled:
            story.finish(of_cancellation(cancelled))
            raise
        except RequestFailed as failed:
            story.finish(failed.failure.outcome)
            raise
        except Exception:
            story.finish(Outcome.INTERNAL_ERROR)
            raise
        if answer.stream is None:
            story.finish(Outcome.OK, answered_by=answer.deployment)
        return answer

    async def _wait_for_room(self, story: Story, plan: Plan, rule: CompiledRule) -> CompiledRule:
        """Until its turn; then it is decided anew, for the world has moved on. Raises RequestFailed if there is no room."""
        since = time.monotonic()
        try:
            await self._admission.wait(
                story.request.priority if rule.priority is None else rule.priority, story.deadline
            )
        except AttemptFailed as busy:
            raise RequestFailed(story, busy) from None
        finally:
            story.queued_s = time.monotonic() - since
        try:
            story.decision = self._decide(plan, story.request, story.decision.id, time.time())
        except BaseException:
            self._admission.leave()
            raise
        return plan.by_name[story.decision.rule]

    async def _facts_and_decision(
        self, plan: Plan, request: ChatRequest, decision_id: str
    ) -> tuple[ChatRequest, Decision]:
        """The request with all its facts, and the decision. Raises UnknownModel and TooBusy."""
        request = await self._classifier.classify(request, plan.detection)
        return request, self._decide(plan, request, decision_id, time.time())

    async def explain(self, plan: Plan, request: ChatRequest, decision_id: str) -> Decision:
        """The decision, with what the request would cost and take at each candidate. Raises UnknownModel and TooBusy."""
        _, decision = await self._facts_and_decision(plan, request, decision_id)
        return with_counterfactuals(decision, self._deployments, self._rooms.readings.snapshot(decision.at))

    def _decide(self, plan: Plan, request: ChatRequest, decision_id: str, now: float) -> Decision:
        return decide(
            plan,
            request.facts,
            self._rooms.readings.snapshot(now, plan.revision),
            decision_id=decision_id,
            seed=zlib.crc32(decision_id.encode()),
            deadline_s=request.deadline_s,
            max_cost_usd=request.max_cost_usd,
        )

    async def _try_in_order(self, story: Story, rule: CompiledRule) -> Answer:
        names = story.decision.attempts
        if not names:
            none = Outcome.REFUSED_BY_RULE if story.decision.refused else Outcome.NO_CANDIDATE
            raise RequestFailed(story, AttemptFailed(none, CONSEQUENCES[none].sentence))
        failures: list[tuple[str, AttemptFailed]] = []
        try:
            if story.decision.hedge_after_s is None:
                return await self._attempt(story, rule, names[0])
            return await self._hedged(story, rule, failures)
        except AttemptFailed as failed:
            return await self._go_on(story, rule, failures or [(names[0], failed)])

    async def _hedged(self, story: Story, rule: CompiledRule, failures: list[tuple[str, AttemptFailed]]) -> Answer:
        readings = self._rooms.readings
        recheck = Recheck(readings, self._deployments, story)
        return await Hedging(
            partial(self._attempt, story, rule), recheck, story, rule, readings.hedges, failures
        ).answer()

    async def _go_on(self, story: Story, rule: CompiledRule, failures: list[tuple[str, AttemptFailed]]) -> Answer:
        """After failures. Raises RequestFailed when there is no way on."""
        readings, recheck = self._rooms.readings, Recheck(self._rooms.readings, self._deployments, story)
        retry = Retry(readings, self._deployments, recheck, story, rule)
        for name, failure in failures:
            retry.failed(name, failure)
        rounds = AsyncRetrying(
            retry=retry_if_exception(retry.may_come_round),
            wait=retry.wait,
            stop=retry.is_too_long,
            sleep=story.pause,
            reraise=True,
        )
        try:
            return await rounds(self._round, story, rule, retry)
        except AttemptFailed as failed:
            raise RequestFailed(story, failed) from None

    async def _round(self, story: Story, rule: CompiledRule, retry: Retry) -> Answer:
        """One attempt after the other. Raises AttemptFailed as the last of them did."""
        retry.begin_round()
        while (deployment := retry.next()) is not None:
            try:
                return await self._attempt(story, rule, deployment.name)
            except AttemptFailed as failed:
                retry.failed(deployment.name, failed)
        raise retry.failure

    async def _attempt(self, story: Story, rule: CompiledRule, name: str) -> Answer:
        """One attempt at an answer from its beginning."""
        made = await self._made(story, name)
        if isinstance(made, Relay):
            go_on = self._continuation(story, rule).go_on if story.decision.continues else None
            return Answer(story, name, stream=Stream(story, made, go_on))
        whole, record = made
        return Answer(story, name, whole, record)

    def _continuation(self, story: Story, rule: CompiledRule) -> Continuation:
        recheck = Recheck(self._rooms.readings, self._deployments, story)
        return Continuation(
            partial(self._go_on_at, story), recheck, story, rule, self._deployments, self._rooms.translators
        )

    async def _go_on_at(self, story: Story, name: str, begun: Beginning) -> Relay:
        made = await self._made(story, name, begun)
        if not isinstance(made, Relay):
            raise TypeError("only streams go on")
        return made

    async def _made(
        self, story: Story, name: str, begun: Beginning | None = None
    ) -> Relay | tuple[WholeAnswer, Attempt]:
        """One attempt. It is settled here on every way out but one: an open stream is settled by its relay."""
        if all(one.deployment != name for one in story.attempts):
            self._rooms.readings.retries.earn(name)
        attempt = RunningAttempt(self._rooms, story, self._deployments[name], begun)
        relay: Relay | None = None
        try:
            exchange = await attempt.open()
            if story.request.facts.stream:
                relay = Relay(attempt, exchange, attempt.decoder())
                await relay.open()
                return relay
            whole = await attempt.whole(exchange)
        except AttemptFailed as failed:
            attempt.settle(failed.outcome, said=_so_far(relay), detail=failed.detail)
            raise
        except asyncio.CancelledError as cancelled:
            attempt.settle(of_cancellation(cancelled), said=_so_far(relay))
            raise
        except Exception:
            attempt.settle(Outcome.INTERNAL_ERROR)
            raise
        return whole, attempt.settle(Outcome.OK, said=whole)


def _so_far(relay: Relay | None) -> StreamSummary | None:
    return None if relay is None else relay.summary()
