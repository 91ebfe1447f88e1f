"""Threads for work that would hold up the event loop, shared fairly between keys.

Each key has a queue of its own, and they take turns; no key has all threads, nor all places to wait. Work that would
wait too long is turned away when it comes. What nobody waits for any more is told to stop.
"""

import asyncio
import contextlib
import itertools
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import TypeVar

T = TypeVar("T")
_KEEP = 0.9  # of what is known of how long work takes, with each new one
_LEAST_RETRY_S = 1.0
_AT_WORK_S = 0.0005  # then the interpreter's lock is given up
_PAUSE_S = 0.00002


class TooBusy(Exception):
    """There is no room, nor will there be in time. `retry_after_s` is when there may be."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__("too much waits for a thread")
        self.retry_after_s = retry_after_s


class TimeSlice:
    """One work's time on its thread. `is_over` is to be asked often: it also lets the event loop go on."""

    def __init__(self, limit_s: float, stop: Event, closing: Event) -> None:
        now = time.monotonic()
        self._until = now + limit_s
        self._pause_at = now + _AT_WORK_S
        self._stop, self._closing = stop, closing

    def is_over(self) -> bool:
        """True when its time is up, or nobody waits for it."""
        now = time.monotonic()
        if now >= self._pause_at:
            time.sleep(_PAUSE_S)
            now = time.monotonic()
            self._pause_at = now + _AT_WORK_S
        return now >= self._until or self._stop.is_set() or self._closing.is_set()


@dataclass(frozen=True, slots=True, eq=False)
class _Work:
    """What is asked for: its size in bytes, the seconds that it may take, and its turn."""

    size: int
    limit_s: float
    turn: asyncio.Future[None]


class FairThreads:
    """One per process; used on one event loop. A key has at most all threads but one, and a quarter of the places."""

    def __init__(self, name: str, *, threads: int, most_waiting: int, longest_wait_s: float) -> None:
        self.waiting = 0
        self._threads = threads
        self._most_waiting = most_waiting
        self._longest_wait_s = longest_wait_s
        self._executor = ThreadPoolExecutor(threads, name)
        self._queues: OrderedDict[str | None, deque[_Work]] = OrderedDict()
        self._running: Counter[str | None] = Counter()
        self._took_s = self._took_bytes = 0.0  # of the latest work: how long a byte takes
        self._closing = Event()

    async def run(
        self,
        key: str | None,
        work: Callable[[TimeSlice], T],
        limit_s: float,
        wait_s: float | None = None,
        *,
        size: int = 1,
    ) -> T:
        """What `work` returns. Its `limit_s` begins when it is on a thread; it waits for one for `wait_s` at most. `size`:
        the bytes that it works on, from which its time is told before.

        Raises TooBusy. Cancelled, it stops the work.
        """
        within_s = self._longest_wait_s if wait_s is None else min(wait_s, self._longest_wait_s)
        await self._wait(key, size, limit_s, within_s)
        stop = Event()
        began = time.monotonic()
        try:
            job = self._executor.submit(lambda: work(TimeSlice(limit_s, stop, self._closing)))
        except BaseException:
            self._leave(key)
            raise
        loop = asyncio.get_running_loop()
        job.add_done_callback(lambda done: self._done(loop, key, size, began, done))
        try:
            return await asyncio.wrap_future(job)
        finally:
            stop.set()

    def close(self) -> None:
        """Leave no thread: what runs is told to stop."""
        self._closing.set()
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _wait(self, key: str | None, size: int, limit_s: float, within_s: float) -> None:
        """Until a thread is free for this key; then it is taken."""
        if not self.waiting and self._may_run(key):
            self._running[key] += 1
            return
        queue = self._queues.get(key, ())
        share = max(self._most_waiting // 4, 1)
        if self.waiting >= self._most_waiting or len(queue) >= share or self._expected_s(key) > within_s:
            raise self._busy(key)
        asked = _Work(size, limit_s, asyncio.get_running_loop().create_future())
        self._queues.setdefault(key, deque()).append(asked)
        self.waiting += 1
        self._next()
        try:
            async with asyncio.timeout(within_s):
                await asked.turn
        except BaseException as gone:
            if asked.turn.done() and not asked.turn.cancelled():
                self._leave(key)  # its turn had come
            else:
                self._forget(key, asked)
            if isinstance(gone, TimeoutError):
                raise self._busy(key) from None
            raise

    def _may_run(self, key: str | None) -> bool:
        most = max(self._threads - 1, 1)
        return self._running.total() < self._threads and self._running[key] < most

    def _next(self) -> None:
        """The free threads go to the keys that wait, in turns."""
        for key in list(self._queues):
            while self._queues.get(key) and self._may_run(key):
                queue = self._queues[key]
                turn = queue.popleft().turn
                self.waiting -= 1
                if queue:
                    self._queues.move_to_end(key)
                else:
                    del self._queues[key]
                if not turn.done():
                    self._running[key] += 1
                    turn.set_result(None)
                    break

    def _leave(self, key: str | None) -> None:
        self._running[key] -= 1
        if not self._running[key]:
            del self._running[key]
        self._next()

    def _learn_and_leave(self, key: str | None, size: int, took_s: float) -> None:
        self._took_s = _KEEP * self._took_s + took_s
        self._took_bytes = _KEEP * self._took_bytes + size
        self._leave(key)

    def _done(
        self, loop: asyncio.AbstractEventLoop, key: str | None, size: int, began: float, job: "Future[T]"
    ) -> None:
        """On the thread. A loop that is closed has nobody who waits."""
        with contextlib.suppress(RuntimeError):
            if job.cancelled():
                loop.call_soon_threadsafe(self._leave, key)
            else:
                loop.call_soon_threadsafe(self._learn_and_leave, key, size, time.monotonic() - began)

    def _forget(self, key: str | None, asked: _Work) -> None:
        queue = self._queues.get(key)
        if queue is not None and asked in queue:
            queue.remove(asked)
            self.waiting -= 1
            if not queue:
                del self._queues[key]

    def _expected_s(self, key: str | None) -> float:
        """How long one of this key would wait: others get one turn for each of its own, and it never has all threads."""
        own = self._queues.get(key, ())
        own_s = self._takes_s(own)
        turns = len(own) + 1
        others_s = sum(
            self._takes_s(itertools.islice(queue, turns)) for other, queue in self._queues.items() if other != key
        )
        return max((own_s + others_s) / self._threads, own_s / max(self._threads - 1, 1))

    def _takes_s(self, queue: Iterable[_Work]) -> float:
        """Of threads together, by the time that a byte took lately. 0 while nothing is known."""
        a_byte_s = self._took_s / self._took_bytes if self._took_bytes else 0.0
        return sum(min(asked.size * a_byte_s, asked.limit_s) for asked in queue)

    def _busy(self, key: str | None) -> TooBusy:
        return TooBusy(max(self._expected_s(key), _LEAST_RETRY_S))
