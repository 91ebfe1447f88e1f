"""Two attempts side by side: if the first has no answer in time, a second one starts; the first real output wins, and
the other is cancelled at once.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

from gateway.flow.story import Story
from gateway.routing.plan import CompiledRule
from gateway.routing.recheck import Recheck
from gateway.routing.ways_on import moves_on
from gateway.state.hedge_budget import HedgeBudget
from gateway.values.outcome import AttemptFailed, Outcome


class Won(Protocol):
    """What an attempt gives that has succeeded."""

    def give_up(self) -> None:
        """Another one is used instead."""


Answered = TypeVar("Answered", bound=Won)


class Hedging(Generic[Answered]):
    """Of one request. `attempt` makes one at a deployment, by its name. `failures` receives what failed, in turn."""

    def __init__(  # noqa: PLR0913, PLR0917 - what a hedge touches
        self,
        attempt: Callable[[str], Awaitable[Answered]],
        recheck: Recheck,
        story: Story,
        rule: CompiledRule,
        budget: HedgeBudget,
        failures: list[tuple[str, AttemptFailed]],
    ) -> None:
        self._failures = failures
        self._attempt = attempt
        self._recheck = recheck
        self._story = story
        self._rule = rule
        self._budget = budget
        self._running: dict[asyncio.Task[Answered], str] = {}

    async def answer(self) -> Answered:
        """The first answer of the two. Raises AttemptFailed as the last of them did, when none is left."""
        story, loop = self._story, asyncio.get_running_loop()
        waited, since = story.waited_s, loop.time()
        try:
            first = story.decision.attempts[0]
            self._start(first)
            await asyncio.wait(self._running, timeout=story.decision.hedge_after_s)
            if self._first_is_late() and (second := self._second(first)) is not None:
                self._start(second)
            return await self._winner()
        except asyncio.CancelledError as cancelled:
            await self._stop(*cancelled.args)
            raise
        finally:
            await self._stop(Outcome.HEDGE_LOST.value)
            story.waited_s = min(story.waited_s, waited + loop.time() - since)  # two waits at once are one

    def _start(self, name: str) -> None:
        self._running[asyncio.ensure_future(self._attempt(name))] = name

    def _first_is_late(self) -> bool:
        return not any(task.done() for task in self._running)

    def _second(self, first: str) -> str | None:
        """Where a second attempt goes, if one may and the rule's share allows it."""
        second = self._recheck.second(first, time.time())
        return second if second is not None and self._budget.spend(self._rule.name) else None

    async def _winner(self) -> Answered:
        while self._running:
            done, _ = await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            answers = [task.result() for task in done if task.exception() is None]
            failed = [(self._running.pop(task), task.exception()) for task in done]
            if answers:
                for late in answers[1:]:
                    late.give_up()
                return answers[0]
            for name, failure in failed:
                if not isinstance(failure, AttemptFailed):
                    raise failure or RuntimeError("an attempt ended without an end")
                self._failures.append((name, failure))
                if not moves_on(self._rule.fallback, failure.outcome):
                    raise failure
        raise self._failures[-1][1]

    async def _stop(self, *why: str) -> None:
        """Cancel what runs, and see it settled."""
        for task in self._running:
            task.cancel(*why)
        if self._running:
            await asyncio.wait(self._running)
            for task in self._running:
                if not task.cancelled() and task.exception() is None:
                    task.result().give_up()
        self._running = {}
