"""Says in the log when the configuration's file changes in what only a start reads; the policy in it is read by itself."""

import asyncio
import contextlib
import logging
from pathlib import Path
from typing import Any

from gateway.documents import parse
from gateway.values.problem import InvalidDocument

_EVERY_S = 5.0
_READ_AT_ONCE = "policy"
_log = logging.getLogger(__name__)
_Stat = tuple[int, int, int]


class ConfigurationFile:
    """Of one process; `path` None: there is no file to look at."""

    def __init__(self, path: Path | None, every_s: float = _EVERY_S) -> None:
        self._path = path
        self._every_s = every_s
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Look from now on, until `stop`."""
        if self._path is not None:
            self._task = asyncio.get_running_loop().create_task(self._run(self._path))

    async def stop(self) -> None:
        """Stop; leaves no task."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _run(self, path: Path) -> None:
        stat, loaded = await asyncio.to_thread(_read, path)
        told = loaded
        while True:
            await asyncio.sleep(self._every_s)
            newer = await asyncio.to_thread(_stat, path)
            if newer == stat:
                continue
            stat, found = await asyncio.to_thread(_read, path)
            if found is None or found == told:
                continue
            told = found
            changed = sorted(name for name in {*(loaded or {}), *found} if (loaded or {}).get(name) != found.get(name))
            if changed:
                _log.warning("%s: %s changed, which is read at a start only", path, ", ".join(changed))


def _stat(path: Path) -> _Stat | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read(path: Path) -> tuple[_Stat | None, dict[str, Any] | None]:
    """Its sections but the policy; None while it cannot be read, or is no document."""
    stat = _stat(path)
    try:
        data = parse(path.read_text("utf-8"), str(path)).data
    except (OSError, ValueError, InvalidDocument):
        return stat, None
    if not isinstance(data, dict):
        return stat, None
    return stat, {
        str(name): section for name, section in data.items() if name != _READ_AT_ONCE or isinstance(section, str)
    }
