"""Bounds how long a caller may leave its stream unread: it holds a connection upstream, and what is buffered for it."""

import asyncio
import time
from typing import Any

from gateway.flow.stream import Stream
from gateway.values.outcome import Outcome

_LOOKS = 4  # within the bound


class SlowClientGuard:
    """The open streams of a process; a block is one stream. Nothing runs while there are none."""

    def __init__(self, unread_s: float) -> None:
        self._unread_s = unread_s
        self._streams: dict[asyncio.Task[Any], Stream] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, stream: Stream) -> None:
        """The present task reads this stream."""
        task = asyncio.current_task()
        if task is not None:
            self._streams[task] = stream
            if self._timer is None:
                self._look_later()

    def end(self) -> None:
        """The present task has done with its stream."""
        self._streams.pop(asyncio.current_task(), None)  # type: ignore[arg-type]

    def _look_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._unread_s / _LOOKS, self._look)

    def _look(self) -> None:
        self._timer = None
        now = time.monotonic()
        for task, stream in self._streams.items():
            if stream.handed_over is not None and now - stream.handed_over > self._unread_s:
                task.cancel(Outcome.CALLER_STALLED.value)
        if self._streams:
            self._look_later()
