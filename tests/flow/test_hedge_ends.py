"""A caller that leaves in any moment of a hedged request: no attempt and no answer is left that nobody ends."""

import asyncio
from collections.abc import Coroutine
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.flow.hedge import Hedging
from gateway.routing.document import Fallback
from gateway.values.outcome import Outcome

MANY = 1000  # turns of the loop: more than a race takes


class Won:
    """An answer that somebody has to end."""

    def __init__(self) -> None:
        self.given_up: Outcome | None = None

    def give_up(self, why: Outcome) -> None:
        assert self.given_up is None
        self.given_up = why


class Race:
    """Two attempts, the second of which is quicker; the first takes some turns of the loop to be settled."""

    def __init__(self, *, settling: int) -> None:
        self.won: list[Won] = []
        self.why: list[str] = []
        self.running = 0
        self._settling = settling
        everything = SimpleNamespace(
            second=lambda *_: "second", spend=lambda _: True,
            decision=SimpleNamespace(hedge_after_s=0.0), rule=SimpleNamespace(name="rule", fallback=Fallback()),
        )  # fmt: skip
        self._hedging: Hedging[Won] = Hedging(self._begin, everything, everything, everything, [])  # type: ignore[arg-type]

    async def winner(self) -> Won:
        return await self._hedging.winner("first", await self._begin("first"))

    async def _begin(self, name: str) -> Coroutine[Any, Any, Won]:
        self.running += 1
        return self._answer(name)

    async def _answer(self, name: str) -> Won:
        try:
            for _ in range(MANY if name == "first" else 5):
                await asyncio.sleep(0)
        except asyncio.CancelledError as cancelled:
            self.why.append(*cancelled.args)
            for _ in range(self._settling):
                await asyncio.sleep(0)
            raise
        finally:
            self.running -= 1
        self.won.append(Won())
        return self.won[-1]


@pytest.mark.parametrize("settling", [0, 3])
@pytest.mark.parametrize("why", [Outcome.CALLER_LEFT, Outcome.GATEWAY_STOPPED])
async def test_whenever_the_caller_leaves_all_is_ended(settling: int, why: Outcome) -> None:
    lost = 0
    for turns in range(MANY):
        race = Race(settling=settling)
        task = asyncio.create_task(race.winner())
        for _ in range(turns):
            await asyncio.sleep(0)
        was_given = task.done()
        task.cancel(why.value)
        await asyncio.wait([task])
        assert race.running == 0
        if was_given:
            assert task.result().given_up is None
            break
        assert task.cancelled()
        assert {one.given_up for one in race.won} <= {why}
        lost += len(race.won)
    assert lost > 0  # answers that came, and that nobody was there for


async def test_the_one_that_loses_knows_why() -> None:
    race = Race(settling=3)
    assert await race.winner() is race.won[0]
    assert race.won[0].given_up is None
    assert race.why == [Outcome.HEDGE_LOST.value]
