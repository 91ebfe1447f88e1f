"""The attempts of one request: the deployments of its decision in order, under one deadline. What may be tried after a
failure, and when, is in `gateway.flow.retry`.
"""

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import Any

from tenacity import AsyncRetrying, retry_if_exception

from gateway.flow.answer_room import AnswerRoom
from gateway.flow.answered import AnsweredWhole
from gateway.flow.attempt import Refused, RunningAttempt, begin
from gateway.flow.beginning import Beginning
from gateway.flow.continuation import Continuation
from gateway.flow.field_refusal import last_word
from gateway.flow.hedge import Hedging
from gateway.flow.parts import Parts, limits_of
from gateway.flow.relay import Relay
from gateway.flow.retry import Retry
from gateway.flow.rooms import Rooms
from gateway.flow.story import Story
from gateway.routing.eligibility import Eligibility
from gateway.routing.fallback_plan import moves_on
from gateway.values.answer import StreamSummary
from gateway.values.decision import Decision
from gateway.values.deployment import Deployment
from gateway.values.outcome import CONSEQUENCES, AttemptFailed, Outcome, of_cancellation

Success = AnsweredWhole | Relay  # how an attempt ends well, or a stream begins to
Pending = Coroutine[Any, Any, Success]  # an attempt that counts already, and has to be awaited


class Attempts:
    """Makes them. One per process."""

    def __init__(self, rooms: Rooms, deployments: dict[str, Deployment]) -> None:
        self._rooms = rooms
        self._deployments = deployments
        self._room = AnswerRoom()

    async def until_success(self, story: Story) -> Success:
        """What the first attempt gives that succeeds, or those of all parts. Raises AttemptFailed as the last attempt did that
        says something of the request, or if none could be made.
        """
        if (hedge := story.rule.hedge) is not None:
            self._rooms.readings.hedges.earn(story.rule.name, hedge.share)
        if not story.decision.attempts:
            raise none_of(story.decision)
        try:
            return await self._whole_or_in_parts(story)
        except AttemptFailed as failed:
            raise last_word(story, failed) from None

    def continuation(self, story: Story) -> Continuation | None:
        """What goes on with this request's stream if that breaks; None where the rule does not want it."""
        if not story.decision.continues:
            return None
        translators = self._rooms.translators[story.request.facts.surface]
        return Continuation(
            partial(self._continue_at, story), self._eligibility(story), story, self._deployments, translators
        )

    async def _whole_or_in_parts(self, story: Story) -> Success:
        if story.request.inputs > 1:
            most = limits_of(story, self._rooms.translators[story.request.facts.surface])
            if most is not None:
                moves = partial(moves_on, story.rule.fallback)
                parts = Parts(story, self._until_one_succeeds, moves, self._rooms, self._deployments, self._room)
                return await parts.answer(most)
        return await self._until_one_succeeds(story)

    async def _until_one_succeeds(self, story: Story) -> Success:
        """The request, or the part that the story is of: by its first attempt, or one beside it, else by its fallback plan."""
        failures: list[tuple[str, AttemptFailed]] = []
        race = self._hedging(story, failures) if story.decision.hedge_after_s is not None else None
        name, first = await self._first(story)
        try:
            return await (first if race is None else race.winner(name, first))
        except AttemptFailed as failed:
            return await self._fall_back(story, failures or [(name, failed)])

    async def _first(self, story: Story) -> tuple[str, Pending]:
        """The first attempt that can be begun, and where. Raises AttemptFailed if none can."""
        refused: Refused | None = None
        for name in story.decision.attempts:
            attempt = await self._begin(story, name)
            if not isinstance(attempt, Refused):
                return name, attempt
            refused = refused or attempt
        raise none_of(story.decision) if refused is None else refused.failure

    async def _fall_back(self, story: Story, failures: list[tuple[str, AttemptFailed]]) -> Success:
        """After failures. Raises AttemptFailed when nothing is left to be tried."""
        retry = Retry(self._rooms.readings, self._deployments, self._eligibility(story), story)
        for name, failure in failures:
            retry.failed(name, failure)
        rounds = AsyncRetrying(
            retry=retry_if_exception(retry.may_come_round),
            wait=retry.wait,
            stop=retry.is_too_long,
            sleep=story.clock.pause,
            reraise=True,
        )
        return await rounds(self._round, story, retry)

    async def _round(self, story: Story, retry: Retry) -> Success:
        """One attempt after the other. Raises AttemptFailed as the last of them did."""
        retry.begin_round()
        refused: set[str] = set()
        while (deployment := retry.next()) is not None and deployment.name not in refused:
            attempt = await self._begin(story, deployment.name)
            if isinstance(attempt, Refused):
                refused.add(deployment.name)
                continue
            try:
                return await attempt
            except AttemptFailed as failed:
                retry.failed(deployment.name, failed)
        raise retry.failure

    async def _continue_at(self, story: Story, name: str, beginning: Beginning) -> Relay | Refused:
        attempt = await self._begin(story, name, beginning)
        if isinstance(attempt, Refused):
            return attempt
        relay = await attempt
        if not isinstance(relay, Relay):
            raise TypeError("only streams are continued")
        return relay

    async def _begin(self, story: Story, name: str, beginning: Beginning | None = None) -> Pending | Refused:
        is_first = all(one.deployment != name for one in story.attempts)
        attempt = await begin(self._rooms, story, self._deployments[name], beginning)
        if isinstance(attempt, Refused):
            return attempt
        if is_first:
            self._rooms.readings.retries.earn(name)
        return _carried_out(attempt)

    def _hedging(self, story: Story, failures: list[tuple[str, AttemptFailed]]) -> Hedging[Success]:
        begin_at, budget = partial(self._begin, story), self._rooms.readings.hedges
        return Hedging(begin_at, self._eligibility(story), story, budget, failures)

    def _eligibility(self, story: Story) -> Eligibility:
        return Eligibility(self._rooms.readings, self._deployments, story)


def none_of(decision: Decision) -> AttemptFailed:
    """Why no attempt can be made."""
    none = Outcome.REFUSED_BY_RULE if decision.refused else Outcome.NO_CANDIDATE
    return AttemptFailed(none, CONSEQUENCES[none].sentence)


async def _carried_out(attempt: RunningAttempt) -> Success:
    """An attempt that was begun, to its end. It is settled on every way out but one: an open stream is settled by its relay."""
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
        attempt.story.record.add_failure(failed)
        raise
    except asyncio.CancelledError as cancelled:
        attempt.settle(of_cancellation(cancelled), said=_so_far(relay))
        raise
    except Exception:
        attempt.settle(Outcome.INTERNAL_ERROR)
        raise
    record = attempt.settle(Outcome.OK, said=whole)
    return AnsweredWhole(
        attempt.story, record.deployment, whole.body, record.cost_usd, attempt.deviations, media=whole.media
    )


def _so_far(relay: Relay | None) -> StreamSummary | None:
    return None if relay is None else relay.summary()
