"""How many lines are asked at once: of all batches together, and of each model as many as it takes.

A model that asks to be left alone (429, 503, Retry-After) is: nothing more goes to it until then, and half as many at once
afterwards; each answer lets one more in, up to the bound (additive increase, multiplicative decrease, as in TCP).
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_LESS = 0.5
_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 60.0


class Pace:
    """Of one process, on its event loop. `at_once`: of all models together."""

    def __init__(self, at_once: int) -> None:
        self._all = asyncio.Semaphore(at_once)
        self._at_once = at_once
        self._models: dict[str, _Model] = {}

    @asynccontextmanager
    async def turn(self, model: str) -> AsyncIterator[None]:
        """One line may be asked while it lasts."""
        lane = self._models.get(model)
        if lane is None:
            lane = self._models[model] = _Model(self._at_once)
        lane.users += 1
        try:
            async with lane.turn(), self._all:
                yield
        finally:
            lane.users -= 1
            if not lane.users and lane.is_as_new:
                del self._models[model]

    def answered(self, model: str) -> None:
        """A line of it was."""
        if (lane := self._models.get(model)) is not None:
            lane.answered()

    def leave_alone(self, model: str, seconds: float) -> None:
        """It has too much to do; within a turn."""
        if (lane := self._models.get(model)) is not None:
            lane.leave_alone(time.monotonic() + seconds)


class _Model:
    """`until` is of the monotonic clock."""

    def __init__(self, most: int) -> None:
        self.users = 0
        self._most = self._limit = float(most)
        self._running = 0
        self._until = 0.0
        self._in_a_row = 0  # times that it had too much to do
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def is_as_new(self) -> bool:
        return self._limit >= self._most and self._until <= time.monotonic()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        while True:
            if (rest := self._until - time.monotonic()) > 0:
                await asyncio.sleep(rest)
            elif self._running >= int(self._limit):
                await self._until_one_leaves()
            else:
                break
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1
            self._wake()

    def answered(self) -> None:
        self._in_a_row = 0
        self._limit = min(self._limit + 1.0 / self._limit, self._most)
        self._wake()

    def leave_alone(self, until: float) -> None:
        """What was under way together counts once. The longer it goes on the longer nothing is tried."""
        now = time.monotonic()
        if now >= self._until:
            self._limit = max(self._limit * _LESS, 1.0)
            self._in_a_row += 1
        least = now + min(_FIRST_WAIT_S * 2 ** (self._in_a_row - 1), _LONGEST_WAIT_S)
        self._until = max(self._until, until, least)

    async def _until_one_leaves(self) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._wake()
            raise

    def _wake(self) -> None:
        free = int(self._limit) - self._running
        while self._waiting and free > 0:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                free -= 1
