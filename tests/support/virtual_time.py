"""Time that tests move: an event loop that waits for nothing, since its clock jumps to the next timer when all else is done.

Everything under test runs in one process and on this one loop, upstreams and clients included, over real sockets of the
loopback. What is computed takes as long on every machine, a turn of the loop `TURN_S`, so a minute of traffic takes a second
or two, and a busy machine changes nothing.
"""

import asyncio
import functools
import selectors
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, Self, TypeVar

T = TypeVar("T")
P = ParamSpec("P")
TURN_S = 20e-6
_LEAVE_S = 0.0005  # real: a thread that ends has told the loop by then
_ARRIVE_S = 0.00005  # real: what was sent over the loopback is there
_WORKERS = frozenset({"aside"})  # the gateway's threads that are no executor's, and end with their work


class VirtualTime:
    """`with VirtualTime() as virtual: virtual.run(...)`: until the block ends, this process's `time.time` and
    `time.monotonic` are the loop's, which move only while something runs. Threads that work are waited for, and so are
    processes that the loop has started, to their end. One at a time.
    """

    def __init__(self) -> None:
        self.passed_s = 0.0  # since the start
        self._real = {name: getattr(time, name) for name in ("time", "monotonic")}
        self._working = _Working()
        self.loop = _Loop(_Jumping(self._jump, self._working), self._working)

    def __enter__(self) -> Self:
        for name, clock in self._real.items():
            setattr(time, name, _moved(clock(), self))
        self._working.watch()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            for task in asyncio.all_tasks(self.loop):
                task.cancel()
            self.loop.run_until_complete(asyncio.sleep(0))
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
            self.loop.close()
        finally:
            self._working.forget()
            for name, clock in self._real.items():
                setattr(time, name, clock)

    def run(self, work: Awaitable[T]) -> T:
        """What it returns or raises. What else is to happen meanwhile happens; afterwards the clock stands still."""
        return self.loop.run_until_complete(_awaited(work))

    def sleep(self, seconds: float) -> None:
        """Let so much time pass."""
        self.run(asyncio.sleep(seconds))

    def wait_for(self, what: Callable[[], Any], *, within_s: float, every_s: float = 0.02) -> float:
        """Seconds until it held; looks every `every_s`, and fails if it takes too long."""
        since = self.passed_s
        while not what():
            assert self.passed_s - since < within_s, f"it did not come within {within_s} s"
            self.sleep(every_s)
        return self.passed_s - since

    def _jump(self, seconds: float) -> None:
        self.passed_s += seconds


def on_virtual_time(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Decorator: the whole of this test runs on virtual time."""

    @functools.wraps(test)
    def run(*args: P.args, **more: P.kwargs) -> None:
        with VirtualTime() as virtual:
            virtual.run(test(*args, **more))

    return run


def _moved(start: float, virtual: VirtualTime) -> Callable[[], float]:
    return lambda: start + virtual.passed_s


async def _awaited(work: Awaitable[T]) -> T:
    return await work


class _Working:
    """Whether a thread works for the loop: then time must not pass, as it would not with a computer that is quick enough."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs = 0
        self.processes: set[asyncio.SubprocessTransport] = set()
        self._left_at = 0.0
        self._clock = time.perf_counter
        self._submit = ThreadPoolExecutor.submit

    def watch(self) -> None:
        counted, submit = self._count, self._submit

        def counting(self: ThreadPoolExecutor, /, *work: Any, **more: Any) -> "Future[Any]":
            counted(1)
            try:
                job = submit(self, *work, **more)
            except BaseException:
                counted(-1)
                raise
            job.add_done_callback(lambda _: counted(-1))
            return job

        ThreadPoolExecutor.submit = counting  # type: ignore[method-assign,assignment]

    def forget(self) -> None:
        ThreadPoolExecutor.submit = self._submit  # type: ignore[method-assign]

    def is_any(self) -> bool:
        if self._jobs or self._clock() - self._left_at < _LEAVE_S:
            return True
        self.processes -= {one for one in self.processes if one.get_returncode() is not None}
        if self.processes:
            return True
        return any(one.name in _WORKERS for one in threading.enumerate())

    def _count(self, change: int) -> None:
        with self._lock:
            self._jobs += change
            self._left_at = self._clock()


class _Loop(asyncio.SelectorEventLoop):
    """Says which processes it has started."""

    def __init__(self, selector: selectors.BaseSelector, working: _Working) -> None:
        super().__init__(selector)
        self._working = working

    async def subprocess_exec(self, *command: Any, **more: Any) -> Any:  # type: ignore[override]
        started = await super().subprocess_exec(*command, **more)
        self._working.processes.add(started[0])
        return started


class _Jumping(selectors.BaseSelector):
    """A selector whose waits are jumps of the clock, unless something is there to be read, written or waited for."""

    def __init__(self, jump: Callable[[float], None], working: _Working) -> None:
        self._real = selectors.DefaultSelector()
        self._jump, self._working = jump, working

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._jump(TURN_S)
        while True:
            works = self._working.is_any()
            found = self._real.select(0)
            if found or (timeout is not None and timeout <= 0):
                return found
            if timeout is None:
                return self._real.select(None)
            if works:
                if found := self._real.select(_LEAVE_S):
                    return found
                continue
            if found := self._real.select(_ARRIVE_S):
                return found
            self._jump(timeout)
            return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()
