"""The policy's file: how it is noticed that it is another one."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from gateway.values.revision import Via
from gateway.watch.aside import Aside

LOOK_EVERY_S = 1.0
STAMP_WITHIN_S = 5.0  # a file system that hangs
_log = logging.getLogger(__name__)


class PolicyFile:
    """`reload` is awaited with how the change came. `path` is None where there is no file to watch."""

    def __init__(self, path: Path | None, reload: Callable[[Via], Awaitable[None]]) -> None:
        self._path, self._reload = path, reload
        self._stamp = self._read_stamp()
        self._aside = Aside(STAMP_WITHIN_S)
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Look for changes from now on, until `stop`."""
        if self._path is not None:
            self._begin(self._watch())

    async def stop(self) -> None:
        """Stop; leaves no task."""
        for task in tuple(self._tasks):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def signalled(self) -> None:
        """SIGHUP came."""
        self._begin(self._look(Via.SIGNAL))

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            with contextlib.suppress(TimeoutError):
                if await self._aside.run(self._read_stamp) != self._stamp:
                    await self._look(Via.WATCH)

    async def _look(self, via: Via) -> None:
        try:
            self._stamp = await self._aside.run(self._read_stamp)
            await self._reload(via)
        except Exception:  # noqa: BLE001 - whatever it is, the next change is looked at too
            _log.exception("the policy could not be reloaded")

    def _begin(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _read_stamp(self) -> tuple[int, int, int] | None:
        """What tells that the file is another one: replaced, grown or touched."""
        try:
            found = self._path.stat() if self._path else None
        except OSError:
            return None
        return (found.st_ino, found.st_size, found.st_mtime_ns) if found else None
