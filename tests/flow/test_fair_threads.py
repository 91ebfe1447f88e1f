"""Threads that keys share: turns, shares, places, and work that nobody waits for."""

import asyncio
import threading
import time
from collections.abc import Callable

import pytest

from gateway.flow.fair_threads import FairThreads, TimeSlice, TooBusy


class Bench:
    """Work that goes on until it is let go, and what was started, in order."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.go = threading.Event()
        self.ended: list[str] = []

    def work(self, name: str) -> Callable[[TimeSlice], str]:
        def run(_: TimeSlice) -> str:
            self.started.append(name)
            self.go.wait(20)
            return name

        return run

    def until_over(self, name: str) -> Callable[[TimeSlice], str]:
        def run(time_slice: TimeSlice) -> str:
            self.started.append(name)
            while not time_slice.is_over():
                pass
            self.ended.append(name)
            return name

        return run

    async def has(self, count: int, what: list[str] | None = None) -> None:
        while len(self.started if what is None else what) < count:
            await asyncio.sleep(0.001)


def threads(number: int = 3, most_waiting: int = 16, longest_wait_s: float = 30) -> FairThreads:
    return FairThreads("test", threads=number, most_waiting=most_waiting, longest_wait_s=longest_wait_s)


async def test_one_key_leaves_a_thread_for_others() -> None:
    pool, bench = threads(), Bench()
    tasks = [asyncio.create_task(pool.run("huge", bench.work(f"huge {n}"), 30)) for n in range(4)]
    await bench.has(2)
    other = asyncio.create_task(pool.run("small", bench.work("small"), 30))
    await bench.has(3)
    assert sorted(bench.started) == ["huge 0", "huge 1", "small"]
    assert pool.waiting == 2
    bench.go.set()
    assert await other == "small"
    assert await asyncio.gather(*tasks) == [f"huge {n}" for n in range(4)]
    pool.close()


async def test_keys_take_turns() -> None:
    pool, bench = threads(1), Bench()
    tasks = [asyncio.create_task(pool.run("a", bench.work("first"), 30))]
    await bench.has(1)
    for key in ("a", "a", "a", "b", "b", "c"):
        tasks.append(asyncio.create_task(pool.run(key, bench.work(key), 30)))
        await asyncio.sleep(0)
    bench.go.set()
    await asyncio.gather(*tasks)
    assert bench.started == ["first", "a", "b", "c", "a", "b", "a"]
    pool.close()


async def test_a_key_has_a_quarter_of_the_places() -> None:
    pool, bench = threads(1, most_waiting=8), Bench()
    tasks = [asyncio.create_task(pool.run("a", bench.work("a"), 30)) for _ in range(3)]
    await bench.has(1)
    with pytest.raises(TooBusy) as told:
        await pool.run("a", bench.work("too many"), 30)
    assert told.value.retry_after_s >= 1
    tasks += [asyncio.create_task(pool.run(f"{n}", bench.work("other"), 30)) for n in range(6)]
    await asyncio.sleep(0)
    with pytest.raises(TooBusy):
        await pool.run("one more", bench.work("too many"), 30)
    bench.go.set()
    await asyncio.gather(*tasks)
    assert "too many" not in bench.started
    assert pool.waiting == 0
    pool.close()


async def test_a_wait_that_is_too_long_ends() -> None:
    pool, bench = threads(1, longest_wait_s=0.05), Bench()
    task = asyncio.create_task(pool.run("a", bench.work("a"), 30))
    await bench.has(1)
    with pytest.raises(TooBusy):
        await pool.run("b", bench.work("b"), 30)
    assert (pool.waiting, bench.started) == (0, ["a"])
    bench.go.set()
    assert await task == "a"
    assert await pool.run("b", bench.work("b"), 30) == "b"
    pool.close()


async def test_the_limit_begins_when_the_work_does() -> None:
    pool, bench = threads(1), Bench()
    first = asyncio.create_task(pool.run("a", bench.work("first"), 30))
    await bench.has(1)
    over: list[bool] = []

    def asks(time_slice: TimeSlice) -> None:
        over.append(time_slice.is_over())

    second = asyncio.create_task(pool.run("b", asks, 5.0))
    await asyncio.sleep(0.3)
    bench.go.set()
    await asyncio.gather(first, second)
    assert over == [False]
    assert await pool.run("a", bench.until_over("limited"), 0.01) == "limited"
    pool.close()


async def test_work_that_nobody_waits_for_stops_and_gives_its_thread_back() -> None:
    pool, bench = threads(1), Bench()
    task = asyncio.create_task(pool.run("a", bench.until_over("left"), 60))
    await bench.has(1)
    waits = asyncio.create_task(pool.run("a", bench.work("waits"), 60))
    await asyncio.sleep(0)
    task.cancel()
    bench.go.set()
    assert await waits == "waits"
    assert bench.ended == ["left"]
    with pytest.raises(asyncio.CancelledError):
        await task
    pool.close()


async def test_one_that_leaves_the_queue_leaves_nothing() -> None:
    pool, bench = threads(1), Bench()
    first = asyncio.create_task(pool.run("a", bench.work("first"), 30))
    await bench.has(1)
    gone = asyncio.create_task(pool.run("b", bench.work("gone"), 30))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    assert pool.waiting == 0
    bench.go.set()
    await first
    assert await pool.run("b", bench.work("b"), 30) == "b"
    assert bench.started == ["first", "b"]
    pool.close()


async def test_what_work_raises_is_raised_and_gives_its_thread_back() -> None:
    pool = threads(1)

    def fails(_: TimeSlice) -> None:
        raise ValueError

    for _ in range(3):
        with pytest.raises(ValueError):
            await pool.run("a", fails, 30)
    pool.close()


async def test_closed_it_stops_what_runs() -> None:
    pool, bench = threads(1), Bench()
    task = asyncio.create_task(pool.run("a", bench.until_over("runs"), 60))
    await bench.has(1)
    pool.close()
    assert await task == "runs"


async def test_what_waits_is_bounded_by_its_time_and_that_is_told_by_bytes() -> None:
    pool = threads(3, most_waiting=4096, longest_wait_s=2.0)
    await pool.run("a", lambda _: time.sleep(0.1), 30, size=100_000)  # a byte takes a microsecond, or more under load
    bench = Bench()
    tasks = [asyncio.create_task(pool.run("a", bench.work("held"), 30, size=1)) for _ in range(2)]
    await bench.has(2)
    tasks += [asyncio.create_task(pool.run("a", bench.work("small"), 30, size=100)) for _ in range(300)]
    await asyncio.sleep(0)
    assert pool.waiting == 300
    tasks += [asyncio.create_task(pool.run("a", bench.work("huge"), 30, size=8_000_000))]
    await asyncio.sleep(0)
    with pytest.raises(TooBusy) as told:  # 8 s of work on the two threads that it may have
        await pool.run("a", bench.work("too many"), 30, size=100)
    assert told.value.retry_after_s >= 4
    other = asyncio.create_task(pool.run("b", bench.work("other"), 30, size=8_000_000))
    await bench.has(3)
    bench.go.set()
    await asyncio.gather(*tasks, other)
    assert "too many" not in bench.started
    pool.close()


async def test_one_slow_work_is_no_more_than_its_limit_in_the_forecast() -> None:
    pool = threads(2, longest_wait_s=2.0)
    await pool.run("a", lambda _: time.sleep(0.05), 30, size=1)
    bench = Bench()
    tasks = [asyncio.create_task(pool.run("a", bench.work("held"), 0.1, size=1000)) for _ in range(3)]
    await bench.has(1)
    tasks.append(asyncio.create_task(pool.run("a", bench.work("next"), 0.1, size=1000)))  # 50 s by its bytes
    await asyncio.sleep(0)
    assert pool.waiting == 3
    bench.go.set()
    await asyncio.gather(*tasks)
    pool.close()
