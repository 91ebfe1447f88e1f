"""Large bodies in memory are bounded, for all callers together and for each key."""

import asyncio
from collections import Counter

import pytest

from gateway.http import body_budget
from gateway.http.body_budget import BodyBudget
from gateway.http.errors import ApiError

MIB = 1024 * 1024


async def test_bodies_are_bounded_and_given_back() -> None:
    budget, go = BodyBudget(MIB, 8 * MIB), asyncio.Event()

    async def body(key: str) -> None:
        for size in range(0, MIB + 1, MIB // 4):
            budget.hold(key, size)
            await asyncio.sleep(0)
        await go.wait()

    greedy = [asyncio.create_task(body("greedy")) for _ in range(30)]
    done, _ = await asyncio.wait(greedy, timeout=0.2)
    assert all(isinstance(one.exception(), ApiError) for one in done)
    assert budget.held <= 4 * MIB
    other = asyncio.create_task(body("other"))
    await asyncio.sleep(0.05)
    assert not other.done()
    go.set()
    await asyncio.gather(*greedy, other, return_exceptions=True)
    await asyncio.sleep(0)
    assert budget.held == 0


async def test_small_bodies_are_not_counted() -> None:
    budget = BodyBudget(MIB)
    budget.hold("key", 1000)
    assert budget.held == 0
    with pytest.raises(ApiError) as caught:
        budget.hold("key", 1024 * MIB)
    assert (caught.value.status, caught.value.code) == (503, "gateway_busy")


class Callers:
    """Bodies of 1 MiB that stay so many seconds of a clock of their own; who is told to wait comes back when it was told."""

    def __init__(self, budget_mib: int) -> None:
        self.now = 0.0
        self.refused: Counter[str] = Counter()
        self.served: dict[str, float] = {}
        self._budget = BodyBudget(MIB, budget_mib * MIB, lambda: self.now)
        self._ends: list[tuple[float, asyncio.Event]] = []
        self._tasks: list[asyncio.Task[None]] = []

    def come(self, name: str, key: str, stays_s: float) -> None:
        self._tasks.append(asyncio.create_task(self._body(name, key, stays_s)))

    async def pass_time(self, seconds: float) -> None:
        until = self.now + seconds
        while self.now < until:
            self.now += 0.5
            for _, event in [one for one in self._ends if one[0] <= self.now]:
                event.set()
            self._ends = [one for one in self._ends if one[0] > self.now]
            for _ in range(5):
                await asyncio.sleep(0)
        for task in self._tasks:
            if task.done():
                task.result()

    async def _body(self, name: str, key: str, stays_s: float) -> None:
        while True:
            try:
                await asyncio.create_task(self._stays(key, stays_s))
            except ApiError as error:
                self.refused[name] += 1
                await self._after(int(error.headers["retry-after"]))
            else:
                self.served[name] = self.now
                return

    async def _stays(self, key: str, stays_s: float) -> None:
        self._budget.hold(key, MIB)
        await self._after(stays_s)

    async def _after(self, seconds: float) -> None:
        event = asyncio.Event()
        self._ends.append((self.now + seconds, event))
        await event.wait()


@pytest.mark.parametrize("keys", [["one"], ["a", "b", "c"]], ids=["one key", "three keys"])
@pytest.mark.parametrize("stays_s", [0.5, 4.0, 90.0])
async def test_who_waits_as_long_as_it_was_told_is_served(keys: list[str], stays_s: float) -> None:
    callers = Callers(8)
    for n in range(12):
        callers.come(f"before {n}", keys[n % len(keys)], stays_s)
        await callers.pass_time(stays_s)
    callers.refused.clear()
    for n in range(30):
        callers.come(f"burst {n}", keys[n % len(keys)], stays_s)
    await callers.pass_time(stays_s * 20 + 60)
    assert len(callers.served) == 42
    assert max(callers.refused.values()) == 1  # each is told once, and then it is its turn
    at_once = 4 if len(keys) == 1 else 8
    in_turns = 30 / at_once * stays_s
    assert max(callers.served.values()) < 12 * stays_s + 2 * in_turns + 40  # none is put off for ever


async def test_what_nobody_knows_yet_is_asked_for_less_and_less_often() -> None:
    callers = Callers(4)
    for n in range(3):
        callers.come(f"{n}", "key", 300.0)
    await callers.pass_time(900)
    assert len(callers.served) == 3
    assert 1 <= callers.refused["2"] <= 10


async def test_one_that_stays_for_hours_is_not_what_others_wait_for() -> None:
    callers = Callers(8)
    callers.come("stays", "key", 7200.0)
    for n in range(20):
        callers.come(f"quick {n}", "key", 1.0)
        await callers.pass_time(1.0)
    await callers.pass_time(60)
    for n in range(6):
        callers.come(f"burst {n}", "key", 1.0)
    await callers.pass_time(20)
    assert len(callers.served) == 26
    assert max(callers.refused.values()) == 1


async def test_memory_is_given_back_once_there_are_no_large_bodies(monkeypatch: pytest.MonkeyPatch) -> None:
    given_back = asyncio.Event()
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(body_budget, "_QUIET_S", 0.01)
    monkeypatch.setattr(body_budget, "give_back", lambda: loop.call_soon_threadsafe(given_back.set))
    budget, go = BodyBudget(MIB, 8 * MIB), asyncio.Event()

    async def body(size: int) -> None:
        budget.hold("key", size)
        await go.wait()

    small, large = asyncio.create_task(body(1000)), asyncio.create_task(body(MIB))
    await asyncio.sleep(0.1)
    assert not given_back.is_set()
    go.set()
    await asyncio.gather(small, large)
    await asyncio.wait_for(given_back.wait(), 20)
