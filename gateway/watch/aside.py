"""Work that may never come back, as on a file system that hangs: neither the loop nor the end of the process waits for it."""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Aside:
    """One work at a time, on a daemon thread of its own: an executor's threads are waited for when the process ends."""

    def __init__(self, within_s: float) -> None:
        self._within_s = within_s
        self._last: threading.Thread | None = None

    async def run(self, work: Callable[[], T]) -> T:
        """What it returns or raises. Raises TimeoutError if that takes too long, or if the one before still hangs."""
        if self._last is not None and self._last.is_alive():
            raise TimeoutError
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def told(result: T | None, error: Exception | None) -> None:
            if done.done():
                return
            if error is None:
                done.set_result(result)  # type: ignore[arg-type]
            else:
                done.set_exception(error)

        def worked() -> None:
            result: T | None = None
            error: Exception | None = None
            try:
                result = work()
            except Exception as raised:  # noqa: BLE001 - it is raised where it is awaited
                error = raised
            try:
                loop.call_soon_threadsafe(told, result, error)
            except RuntimeError:  # the loop has ended
                return

        self._last = threading.Thread(target=worked, name="aside", daemon=True)
        self._last.start()
        async with asyncio.timeout(self._within_s):
            return await done
