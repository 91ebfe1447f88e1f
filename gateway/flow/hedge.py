"""Two attempts side by side: if the first has no answer in time, a second one starts; the first real output wins, and
the other is cancelled at once.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from gateway.flow.story import Story
from gateway.learning.hedge_budget import HedgeBudget
from gateway.routing.eligibility import Eligibility
from gateway.routing.fallback_plan import moves_on
from gateway.routing.plan import CompiledRule
from gateway.values.outcome import AttemptFailed, Outcome, of_cancellation


class Won(Protocol):
    """What an attempt gives that has succeeded."""

    def give_up(self, why: Outcome) -> None:
        """It is not used."""


Answered = TypeVar("Answered", bound=Won)


class Hedging(Generic[Answered]):
    """Of one request. `attempt` begins one at a deployment, by its name: it counts there from then on, or many hedged
    requests would all find the same room. `failures` receives what failed, in turn.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what a hedge touches
        self,
        attempt: Callable[[str], Coroutine[Any, Any, Answered]],
        eligibility: Eligibility,
        story: Story,
        rule: CompiledRule,
        budget: HedgeBudget,
        failures: list[tuple[str, AttemptFailed]],
    ) -> None:
        self._failures = failures
        self._attempt = attempt
        self._eligibility = eligibility
        self._story = story
        self._rule = rule
        self._budget = budget
        self._running: dict[asyncio.Task[Answered], str] = {}
        self._first: asyncio.Task[Answered] | None = None

    async def answer(self) -> Answered:
        """The first answer of the two. Raises AttemptFailed as the last of them did, when none is left."""
        story, loop = self._story, asyncio.get_running_loop()
        waited, since = story.waited_s, loop.time()
        won: Answered | None = None
        try:
            first = story.decision.attempts[0]
            self._first = self._start(first)
            await asyncio.wait(self._running, timeout=story.decision.hedge_after_s)
            if not self._first.done() and (second := self._second(first)) is not None:
                self._start(second)
            won = await self._winner()
            await self._stop(Outcome.HEDGE_LOST)
        except asyncio.CancelledError as cancelled:
            why = of_cancellation(cancelled)
            if won is not None:  # while it was waited for the other
                won.give_up(why)
            await self._stop(why)
            raise
        else:
            return won
        finally:
            await self._stop(Outcome.HEDGE_LOST)
            story.waited_s = min(story.waited_s, waited + loop.time() - since)  # two waits at once are one

    def _start(self, name: str) -> asyncio.Task[Answered]:
        task = asyncio.get_running_loop().create_task(self._attempt(name))
        self._running[task] = name
        return task

    def _second(self, first: str) -> str | None:
        """Where a second attempt goes, if one may and the rule's share allows it."""
        second = self._eligibility.second(first, time.time())
        return second if second is not None and self._budget.spend(self._rule.name) else None

    async def _winner(self) -> Answered:
        """What ends the request ends it if the first attempt met it; what the second met leaves the first its time."""
        while self._running:
            done, _ = await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            answers = [task.result() for task in done if task.exception() is None]
            failed = [(task, self._running.pop(task), task.exception()) for task in done]
            if answers:
                for late in answers[1:]:
                    late.give_up(Outcome.HEDGE_LOST)
                return answers[0]
            for task, name, failure in failed:
                if not isinstance(failure, AttemptFailed):
                    raise failure or RuntimeError("an attempt ended without an end")
                self._failures.append((name, failure))
                if task is self._first and not moves_on(self._rule.fallback, failure.outcome):
                    raise failure
        # what ends the request has the last word
        self._failures.sort(key=lambda one: not moves_on(self._rule.fallback, one[1].outcome))
        raise self._failures[-1][1]

    async def _stop(self, why: Outcome) -> None:
        """Cancel what runs, and see it settled; an answer that comes all the same is given up."""
        for task in self._running:
            task.cancel(why.value)
            task.add_done_callback(partial(_give_up, why))
        if self._running:
            await asyncio.wait(self._running)
        self._running = {}


def _give_up(why: Outcome, task: asyncio.Task[Answered]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().give_up(why)
