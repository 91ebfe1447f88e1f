"""Room in the gateway: a bounded number runs, a bounded number waits, and the others are told at once."""

import asyncio
import itertools
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.flow.admission import Admission
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.priority import Priority

LATER = 1e9


class Room:
    """An admission, and who came in, in turn."""

    def __init__(self, most_running: int, most_waiting: int) -> None:
        self.admission = Admission(most_running, most_waiting)
        self.came_in: list[str] = []
        self.refused: list[str] = []
        self.failures: list[AttemptFailed] = []

    async def come(self, name: str, priority: Priority = Priority.NORMAL, deadline: float = LATER) -> None:
        try:
            if not self.admission.enter_at_once():
                await self.admission.wait(priority, deadline)
        except AttemptFailed as failed:
            self.refused.append(name)
            self.failures.append(failed)
        else:
            self.came_in.append(name)

    async def send(
        self, name: str, priority: Priority = Priority.NORMAL, deadline: float = LATER
    ) -> asyncio.Task[None]:
        task = asyncio.create_task(self.come(name, priority, deadline))
        await asyncio.sleep(0)
        return task


async def test_a_higher_priority_goes_first_and_equals_in_turn() -> None:
    room = Room(1, 10)
    for name, priority in [("first", 1), ("low", 0), ("a", 1), ("b", 1), ("high", 2)]:
        await room.send(name, Priority(priority))
    for _ in range(4):
        room.admission.leave()
        await asyncio.sleep(0)
    assert room.came_in == ["first", "high", "a", "b", "low"]


async def test_a_full_queue_gives_up_its_last_of_a_lower_priority() -> None:
    room = Room(1, 2)
    for name, priority in [("first", 1), ("low", 0), ("lower", 0), ("normal", 1), ("another low", 0), ("high", 2)]:
        await room.send(name, Priority(priority))
    await asyncio.sleep(0)
    assert room.refused == ["lower", "another low", "low"]
    assert {failure.outcome for failure in room.failures} == {Outcome.GATEWAY_BUSY}
    assert all((failure.retry_after_s or 0) >= 1 for failure in room.failures)
    assert room.admission.waiting == 2


async def test_one_that_would_come_too_late_is_told_at_once() -> None:
    room = Room(1, 10)
    await room.send("first")
    await room.send("second")
    await room.send("third")
    for _ in range(2):
        await asyncio.sleep(0.1)
        room.admission.leave()
    await room.send("fourth")
    await room.send("hasty", deadline=time.monotonic() + 0.05)
    assert room.refused == ["hasty"]
    assert room.came_in == ["first", "second", "third"]


async def test_a_deadline_that_passes_in_the_queue_ends_the_wait() -> None:
    room = Room(1, 10)
    await room.send("first")
    task = await room.send("second", deadline=time.monotonic() + 0.05)
    await task
    assert room.refused == ["second"]
    assert (room.admission.running, room.admission.waiting) == (1, 0)


async def test_a_turn_that_comes_as_the_deadline_passes_is_not_lost() -> None:
    room, loop = Room(1, 10), asyncio.get_running_loop()
    await room.send("first")
    deadline = loop.time() + 0.05
    task = await room.send("late", deadline=deadline)
    loop.call_at(deadline - 0.01, room.admission.leave)
    time.sleep(0.1)  # so that the loop finds both at once: the turn first, then the deadline
    await task
    assert room.refused == ["late"]
    assert (room.admission.running, room.admission.waiting) == (0, 0)


async def test_how_slow_it_was_is_forgotten_when_nobody_waits() -> None:
    room = Room(1, 10)
    for name in ("first", "second", "third"):
        await room.send(name)
    for _ in range(3):
        await asyncio.sleep(0.1)
        room.admission.leave()
    await room.send("quick")
    hasty = await room.send("hasty", deadline=time.monotonic() + 0.05)
    room.admission.leave()
    await hasty
    assert room.refused == []


Act = tuple[str, int]


@settings(max_examples=300, deadline=None)
@given(
    st.integers(1, 4),
    st.integers(0, 4),
    st.lists(st.tuples(st.sampled_from(["come", "leave", "cancel", "pass"]), st.integers(0, 2)), max_size=60),
)
def test_no_more_run_or_wait_than_may_and_none_is_lost(running: int, waiting: int, acts: list[Act]) -> None:
    asyncio.run(_play(running, waiting, acts))


async def _play(running: int, waiting: int, acts: list[Act]) -> None:
    room, names = Room(running, waiting), itertools.count()
    tasks: list[asyncio.Task[None]] = []
    held = 0
    do: dict[str, Callable[[int], Any]] = {"cancel": lambda at: tasks and tasks[at * 7 % len(tasks)].cancel()}
    for act, number in acts:
        if act == "come":
            tasks.append(await room.send(str(next(names)), Priority(number)))
        elif act == "leave" and len(room.came_in) > held:
            held += 1
            room.admission.leave()
        elif act in do:
            do[act](number)
        else:
            await asyncio.sleep(0)
        assert 0 <= room.admission.running <= running
        assert 0 <= room.admission.waiting <= waiting
    for _ in range(5):
        await asyncio.sleep(0)
    while len(room.came_in) > held:
        held += 1
        room.admission.leave()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    await asyncio.gather(*tasks, return_exceptions=True)
    assert (room.admission.running, room.admission.waiting) == (0, 0)


@pytest.mark.parametrize("room", [(1, 0), (3, 0)])
async def test_without_a_queue_the_next_is_told_at_once(room: tuple[int, int]) -> None:
    there = Room(*room)
    for number in range(room[0] + 1):
        await there.send(str(number))
    assert there.refused == [str(room[0])]
