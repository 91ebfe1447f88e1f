"""Large answers: read and joined off the event loop, in steps, and no more of them in memory than there is room for."""

import asyncio
import threading

import pytest

from gateway.flow.answer_room import AnswerRoom
from gateway.flow.fair_threads import FairThreads
from gateway.flow.large import LARGE_BYTES, in_steps, large_work
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.pause import Pause


def where(pause: Pause) -> int:
    pause()
    return threading.get_ident()


async def test_a_large_answer_is_worked_on_elsewhere_and_a_small_one_here() -> None:
    large = large_work()
    try:
        here = threading.get_ident()
        assert await in_steps(large, None, LARGE_BYTES, 30, where) == here
        assert await in_steps(large, None, LARGE_BYTES + 1, 30, where) != here
    finally:
        large.close()


async def test_the_loop_goes_on_while_a_large_answer_is_worked_on() -> None:
    large, until = large_work(), threading.Event()

    def work(pause: Pause) -> str:
        while not until.is_set():
            pause()
        return "done"

    try:
        task = asyncio.create_task(in_steps(large, None, LARGE_BYTES + 1, 60, work))
        for _ in range(10):
            await asyncio.sleep(0)
        assert not task.done()
        until.set()
        assert await task == "done"
    finally:
        until.set()
        large.close()


async def test_work_ends_with_the_deadline_and_with_the_caller() -> None:
    large, at_work, ended = large_work(), threading.Event(), threading.Event()

    def work(pause: Pause) -> None:
        at_work.set()
        try:
            while True:
                pause()
        finally:
            ended.set()

    try:
        with pytest.raises(AttemptFailed) as caught:
            await in_steps(large, None, LARGE_BYTES + 1, 0.05, work)
        assert caught.value.outcome is Outcome.DEADLINE_EXCEEDED
        assert await asyncio.to_thread(ended.wait, 30)
        at_work.clear()
        ended.clear()
        task = asyncio.create_task(in_steps(large, None, LARGE_BYTES + 1, 600, work))
        assert await asyncio.to_thread(at_work.wait, 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(ended.wait, 30)
    finally:
        large.close()


async def test_who_would_wait_too_long_is_told_when_to_come_again() -> None:
    large, until = FairThreads("large", threads=1, most_waiting=4, longest_wait_s=0.05), threading.Event()
    try:
        task = asyncio.create_task(in_steps(large, "a", LARGE_BYTES + 1, 60, lambda _: until.wait(60)))
        await asyncio.sleep(0)
        with pytest.raises(AttemptFailed) as caught:
            await in_steps(large, "b", LARGE_BYTES + 1, 60, where)
        assert caught.value.outcome is Outcome.GATEWAY_BUSY
        assert caught.value.retry_after_s is not None
        until.set()
        await task
    finally:
        until.set()
        large.close()


async def test_a_room_holds_so_much_and_gives_it_back_with_the_request() -> None:
    room = AnswerRoom(100)
    end = asyncio.Event()

    async def request(*sizes: int) -> None:
        for size in sizes:
            room.hold(size)
        await end.wait()

    first = asyncio.create_task(request(20, 60))
    await asyncio.sleep(0)
    assert room.held == 60  # an answer grows: it is not held twice
    second = asyncio.create_task(request(40, 41))
    with pytest.raises(AttemptFailed) as caught:
        await second
    await asyncio.sleep(0)
    assert (caught.value.outcome, room.held) == (Outcome.GATEWAY_BUSY, 60)
    end.set()
    await first
    await asyncio.sleep(0)
    assert room.held == 0


async def test_a_request_that_is_cancelled_leaves_room() -> None:
    room = AnswerRoom(100)

    async def request() -> None:
        room.hold(100)
        await asyncio.sleep(3600)

    task = asyncio.create_task(request())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    await asyncio.sleep(0)
    assert room.held == 0
