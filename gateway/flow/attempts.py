"""The attempts of one request: the deployments of its decision in order, under one deadline. What may be tried after a
failure, and when, is in `gateway.flow.retry`.
"""

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import Any

from tenacity import AsyncRetrying, retry_if_exception

from gateway.flow.answer_room import AnswerRoom
from gateway.flow.answered import Answered, AnsweredStream, AnsweredWhole
from gateway.flow.attempt import RunningAttempt
from gateway.flow.continuation import Continuation
from gateway.flow.field_refusal import last_word
from gateway.flow.hedge import Hedging
from gateway.flow.parts import Parts, limits_of
from gateway.flow.relay import Relay
from gateway.flow.retry import Retry
from gateway.flow.rooms import Rooms
from gateway.flow.story import Story
from gateway.flow.stream import Stream
from gateway.routing.eligibility import Eligibility
from gateway.routing.fallback_plan import moves_on
from gateway.routing.plan import CompiledRule
from gateway.values.answer import PartialAnswer, StreamSummary, WholeAnswer
from gateway.values.decision import Decision
from gateway.values.deployment import Deployment
from gateway.values.outcome import CONSEQUENCES, AttemptFailed, Outcome, of_cancellation
from gateway.values.records import Attempt


class Attempts:
    """Makes them. One per process."""

    def __init__(self, rooms: Rooms, deployments: dict[str, Deployment]) -> None:
        self._rooms = rooms
        self._deployments = deployments
        self._room = AnswerRoom()

    async def answer(self, story: Story, rule: CompiledRule) -> Answered:
        """The first answer. Raises AttemptFailed as the last attempt did that says something of the request, or if none
        could be made.
        """
        if not story.decision.attempts:
            raise none_of(story.decision)
        try:
            return await self._whole_or_in_parts(story, rule)
        except AttemptFailed as failed:
            raise last_word(story, failed) from None

    async def _whole_or_in_parts(self, story: Story, rule: CompiledRule) -> Answered:
        if story.request.inputs > 1:
            most = limits_of(story, self._rooms.translators[story.request.facts.surface])
            if most is not None:
                first, moves = partial(self._first, rule), partial(moves_on, rule.fallback)
                return await Parts(story, first, moves, self._rooms, self._deployments, self._room).answer(most)
        return await self._first(rule, story)

    async def _first(self, rule: CompiledRule, story: Story) -> Answered:
        """The first answer to the story's request, or to the part that it is about."""
        names = story.decision.attempts
        failures: list[tuple[str, AttemptFailed]] = []
        try:
            if story.decision.hedge_after_s is None:
                return await self._attempt(story, rule, names[0])
            return await self._hedged(story, rule, failures)
        except AttemptFailed as failed:
            return await self._go_on(story, rule, failures or [(names[0], failed)])

    async def _hedged(self, story: Story, rule: CompiledRule, failures: list[tuple[str, AttemptFailed]]) -> Answered:
        attempt, budget = partial(self._attempt, story, rule), self._rooms.readings.hedges
        return await Hedging(attempt, self._recheck(story), story, rule, budget, failures).answer()

    async def _go_on(self, story: Story, rule: CompiledRule, failures: list[tuple[str, AttemptFailed]]) -> Answered:
        """After failures. Raises AttemptFailed when there is no way on."""
        retry = Retry(self._rooms.readings, self._deployments, self._recheck(story), story, rule)
        for name, failure in failures:
            retry.failed(name, failure)
        rounds = AsyncRetrying(
            retry=retry_if_exception(retry.may_come_round),
            wait=retry.wait,
            stop=retry.is_too_long,
            sleep=story.pause,
            reraise=True,
        )
        return await rounds(self._round, story, rule, retry)

    async def _round(self, story: Story, rule: CompiledRule, retry: Retry) -> Answered:
        """One attempt after the other. Raises AttemptFailed as the last of them did."""
        retry.begin_round()
        while (deployment := retry.next()) is not None:
            try:
                return await self._attempt(story, rule, deployment.name)
            except AttemptFailed as failed:
                retry.failed(deployment.name, failed)
        raise retry.failure

    def _attempt(self, story: Story, rule: CompiledRule, name: str) -> Coroutine[Any, Any, Answered]:
        """One attempt at an answer from its beginning. It counts from now on, not only once it is awaited."""
        return self._answered(story, rule, self._begun(story, rule, name))

    async def _answered(self, story: Story, rule: CompiledRule, attempt: RunningAttempt) -> Answered:
        made = await _made(attempt)
        if isinstance(made, Relay):
            go_on = self._continuation(story, rule).go_on if story.decision.continues else None
            return AnsweredStream(story, made.deployment, Stream(story, made, go_on), made.lost)
        whole, record = made
        return AnsweredWhole(story, record.deployment, whole.body, record.cost_usd, record.lost)

    def _continuation(self, story: Story, rule: CompiledRule) -> Continuation:
        open_at = partial(self._go_on_at, story, rule)
        translators = self._rooms.translators[story.request.facts.surface]
        return Continuation(open_at, self._recheck(story), story, rule, self._deployments, translators)

    async def _go_on_at(self, story: Story, rule: CompiledRule, name: str, begun: PartialAnswer) -> Relay:
        made = await _made(self._begun(story, rule, name, begun))
        if not isinstance(made, Relay):
            raise TypeError("only streams go on")
        return made

    def _begun(self, story: Story, rule: CompiledRule, name: str, begun: PartialAnswer | None = None) -> RunningAttempt:
        if all(one.deployment != name for one in story.attempts):
            self._rooms.readings.retries.earn(name)
        pool = rule.pools[story.request.facts.model]
        return RunningAttempt(self._rooms, story, self._deployments[name], pool, begun)

    def _recheck(self, story: Story) -> Eligibility:
        return Eligibility(self._rooms.readings, self._deployments, story)


def none_of(decision: Decision) -> AttemptFailed:
    """Why no attempt can be made."""
    none = Outcome.REFUSED_BY_RULE if decision.refused else Outcome.NO_CANDIDATE
    return AttemptFailed(none, CONSEQUENCES[none].sentence)


async def _made(attempt: RunningAttempt) -> Relay | tuple[WholeAnswer, Attempt]:
    """The rest of an attempt. It is settled here on every way out but one: an open stream is settled by its relay."""
    relay: Relay | None = None
    try:
        exchange = await attempt.open()
        if attempt.story.request.facts.stream:
            relay = Relay(attempt, exchange, attempt.decoder())
            await relay.open()
            return relay
        whole = await attempt.whole(exchange)
    except AttemptFailed as failed:
        attempt.settle(failed.outcome, said=_so_far(relay), detail=failed.detail)
        attempt.story.failures.append(failed)
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
