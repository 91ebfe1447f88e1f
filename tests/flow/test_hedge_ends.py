"""A caller that leaves in any moment of a hedged request: no answer is left that nobody ends."""

import asyncio
from types import SimpleNamespace

import pytest

from gateway.flow.hedge import Hedging
from gateway.routing.document import Fallback
from gateway.values.outcome import Outcome

MANY = 100  # turns of the loop: more than a race takes once its first answer is here


class Won:
    """An answer that somebody has to end."""

    def __init__(self) -> None:
        self.given_up: Outcome | None = None

    def give_up(self, why: Outcome) -> None:
        self.given_up = why


class Race:
    """Two attempts, the second of which is quicker; the first takes some turns of the loop to be settled."""

    def __init__(self, *, settling: int) -> None:
        self.won: list[Won] = []
        self.why: list[str] = []
        self._settling = settling
        everything = SimpleNamespace(
            waited_s=0.0, has_another_address=lambda _: False, may=lambda *_, **__: True, spend=lambda _: True,
            decision=SimpleNamespace(attempts=("first", "second"), hedge_after_s=0.0, bounds=SimpleNamespace(max_attempts=2)),
        )  # fmt: skip
        rule = SimpleNamespace(name="rule", fallback=Fallback())
        self.hedging: Hedging[Won] = Hedging(self._attempt, everything, everything, rule, everything, [])  # type: ignore[arg-type]

    async def _attempt(self, name: str) -> Won:
        try:
            await asyncio.sleep(3600 if name == "first" else 0.001)
        except asyncio.CancelledError as cancelled:
            self.why.append(*cancelled.args)
            for _ in range(self._settling):
                await asyncio.sleep(0)
            raise
        self.won.append(Won())
        return self.won[-1]


@pytest.mark.parametrize("settling", [0, 3])
@pytest.mark.parametrize("why", [Outcome.CALLER_LEFT, Outcome.GATEWAY_STOPPED])
async def test_whenever_the_caller_leaves_the_answer_is_given_up_or_given(settling: int, why: Outcome) -> None:
    was_given = False
    for turns in range(MANY):
        race = Race(settling=settling)
        task = asyncio.create_task(race.hedging.answer())
        while not race.won:
            await asyncio.sleep(0)
        for _ in range(turns):
            await asyncio.sleep(0)
        was_given = task.done()
        task.cancel(why.value)
        await asyncio.wait([task])
        (won,) = race.won
        assert (won.given_up is None) is was_given
        if was_given:
            break
        assert task.cancelled()
        assert won.given_up is why
        assert race.why
    assert was_given


async def test_the_one_that_loses_knows_why() -> None:
    race = Race(settling=3)
    assert await race.hedging.answer() is race.won[0]
    assert race.won[0].given_up is None
    assert race.why == [Outcome.HEDGE_LOST.value]
