"""Heartbeats: a stream that has nothing to send for a while sends a comment, or its dialect's event for that, or what lies
between takes it for dead.

They begin before the first output, and leave the gateway free to try another deployment. One timer looks at all streams:
one for each would cost every request.
"""

import asyncio
import time

from gateway.http.reply import Reply
from gateway.http.wire import RawHeaders

_LOOKS = 8  # within the interval
_SOONEST_S = 0.01


class Heartbeats:
    """The open streams of a process. At most `every_s` passes between two things that are sent; None: no heartbeats."""

    def __init__(self, every_s: float | None) -> None:
        self._look_s = max((every_s or 0.0) / _LOOKS, _SOONEST_S)
        self._silent_s = (every_s or 0.0) - self._look_s
        self._is_on = bool(every_s)
        self._open: dict[Reply, RawHeaders] = {}
        self._beats: set[asyncio.Task[None]] = set()  # the loop itself keeps no task
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, reply: Reply, early: RawHeaders) -> None:
        """Of this stream, which has sent nothing yet; `early` are its headers if a heartbeat is the first thing it sends."""
        if self._is_on:
            self._open[reply] = early
            if self._timer is None:
                self._look_later()

    def end(self, reply: Reply) -> None:
        """No more heartbeats; one that is on its way still goes."""
        self._open.pop(reply, None)

    def _look_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._look_s, self._look)

    def _look(self) -> None:
        self._timer = None
        now = time.monotonic()
        for reply, early in self._open.items():
            if reply.is_silent(now - self._silent_s):
                reply.beat = beat = asyncio.get_running_loop().create_task(reply.send_heartbeat(early, now))
                self._beats.add(beat)
                beat.add_done_callback(self._beats.discard)
        if self._open:
            self._look_later()
