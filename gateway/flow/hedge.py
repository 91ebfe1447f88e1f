"""Two attempts side by side: if the first has no answer in time, a second one starts; the first real output wins, and
the other is cancelled at once.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from gateway.flow.attempt import Refused
from gateway.flow.story import Story
from gateway.learning.hedge_budget import HedgeBudget
from gateway.routing.eligibility import Eligibility
from gateway.routing.fallback_plan import moves_on
from gateway.values.outcome import AttemptFailed, Outcome, of_cancellation


class Won(Protocol):
    """What an attempt gives that has succeeded."""

    def give_up(self, why: Outcome) -> None:
        """It is not used. Called at most once."""


Success = TypeVar("Success", bound=Won)


class Hedging(Generic[Success]):
    """Of one request. `begin` begins an attempt at a deployment, by its name, and gives the rest of it: it counts there from
    then on, or many hedged requests would all find the same room. `failures` receives what failed, in turn.
    """

    def __init__(
        self,
        begin: Callable[[str], Awaitable[Coroutine[Any, Any, Success] | Refused]],
        eligibility: Eligibility,
        story: Story,
        budget: HedgeBudget,
        failures: list[tuple[str, AttemptFailed]],
    ) -> None:
        self._failures = failures
        self._begin = begin
        self._eligibility = eligibility
        self._story = story
        self._budget = budget
        self._running: dict[asyncio.Task[Success], str] = {}
        self._stopped: set[asyncio.Task[Success]] = set()
        self._first: asyncio.Task[Success] | None = None

    async def winner(self, name: str, first: Coroutine[Any, Any, Success]) -> Success:
        """What the quicker of the two gives: of the first, which was begun at the deployment of this name, and of the second.

        Raises AttemptFailed as the last of them did, when none is left.
        """
        won: Success | None = None
        try:
            self._first = self._run(name, first)
            await asyncio.wait(self._running, timeout=self._story.decision.hedge_after_s)
            if not self._first.done():
                await self._begin_second(name)
            won = await self._first_success()
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

    def _run(self, name: str, attempt: Coroutine[Any, Any, Success]) -> asyncio.Task[Success]:
        task = asyncio.get_running_loop().create_task(attempt)
        self._running[task] = name
        return task

    async def _begin_second(self, first: str) -> None:
        """If one may be made beside the first, and the rule's share allows it."""
        name = self._eligibility.second(first, time.time())
        if name is not None and self._budget.spend(self._story.rule.name):
            second = await self._begin(name)
            if not isinstance(second, Refused):
                self._run(name, second)

    async def _first_success(self) -> Success:
        """What ends the request ends it if the first attempt met it; what the second met leaves the first its time."""
        fallback = self._story.rule.fallback
        while self._running:
            done, _ = await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            successes = [task.result() for task in done if task.exception() is None]
            failed = [(task, self._running.pop(task), task.exception()) for task in done]
            if successes:
                for late in successes[1:]:
                    late.give_up(Outcome.HEDGE_LOST)
                return successes[0]
            for task, name, failure in failed:
                if not isinstance(failure, AttemptFailed):
                    raise failure or RuntimeError("an attempt ended without an end")
                self._failures.append((name, failure))
                if task is self._first and not moves_on(fallback, failure.outcome):
                    raise failure
        # what ends the request has the last word
        self._failures.sort(key=lambda one: not moves_on(fallback, one[1].outcome))
        raise self._failures[-1][1]

    async def _stop(self, why: Outcome) -> None:
        """Cancel what runs, and see it settled; an answer that comes all the same is given up, once."""
        for task in self._running:
            task.cancel(why.value)
            if task not in self._stopped:
                self._stopped.add(task)
                task.add_done_callback(partial(_give_up, why))
        if self._running:
            await asyncio.wait(self._running)
        self._running = {}


def _give_up(why: Outcome, task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().give_up(why)
