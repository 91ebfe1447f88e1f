"""Large bodies in memory are bounded, for all callers together and for each key."""

import asyncio

import pytest

from gateway.api.body_budget import BodyBudget
from gateway.api.errors import ApiError

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
    assert (caught.value.status, caught.value.headers["retry-after"]) == (503, "5")
