"""One request and its response, with a deadline that can be moved at any time. The owner calls `close` on every way out."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from gateway.transport.connection import Connection
from gateway.transport.decompress import PLAIN, Decompressor
from gateway.transport.limits import TransportLimits
from gateway.values.outcome import AttemptFailed, Outcome

UNHEARD_S = 1.0  # longer than a lost segment takes to be sent again, twice


class Head(msgspec.Struct, frozen=True):
    """The response's status and header fields (lower-case names)."""

    status: int
    headers: dict[str, str]


class Exchange:
    """`again` gives a fresh connection on which the request has been written: used once, for a stale one.

    `distrust` closes the others that were kept: where one leads nowhere, they may not either.
    """

    def __init__(
        self,
        connection: Connection,
        limits: TransportLimits,
        again: Callable[[], Awaitable[Connection]],
        release: Callable[[Connection], None],
        distrust: Callable[[], None],
    ) -> None:
        self.distrust = distrust
        self.reused = connection.used > 1
        self.resent = False
        self._connection = connection
        self._limits = limits
        self._again = again
        self._release = release
        self._loop = asyncio.get_running_loop()
        # a kept connection may lead nowhere: when it is looked at whether anything of the request has arrived
        self._doubt_at = self._loop.time() + UNHEARD_S if self.reused else None
        self._at: float | None = None
        self._late = Outcome.TOTAL_TIMEOUT
        self._timer: asyncio.TimerHandle | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._decompressor: Decompressor | None = None
        self._ended = False
        self._closed = False

    def expect(self, at: float, outcome: Outcome) -> None:
        """From `at` (of the loop's clock) on, waiting for the response fails as `outcome`. Replaces what was expected.

        What arrived before `at` is still handed out, so a slow reader is not taken for a slow upstream.
        """
        self._at, self._late = at, outcome
        if self._timer is not None and self._timer.when() <= at:
            return  # it looks then for how long more, as nearly always: an answer's parts move the moment on and on
        at = self._next_at(at)
        if self._timer is not None and self._timer.when() > at:
            self._timer.cancel()
            self._timer = None
        if self._timer is None and self._waiter is not None and not self._waiter.done():
            self._timer = self._loop.call_at(at, self._on_timer)

    async def head(self) -> Head:
        """The response's head. Raises AttemptFailed. A stale pooled connection is replaced once, unseen."""
        connection = self._connection
        while connection.status is None:
            if connection.failure is not None:
                if not self._is_stale(connection):
                    raise connection.failure
                self.reused, self.resent = False, True
                connection = await self._replace()
                continue
            await self._news()
        connection.wakes_at_head = False
        coding = connection.fields.get("content-encoding", "").strip().lower()
        if coding not in PLAIN:
            self._decompressor = Decompressor(coding, self._limits.max_body_bytes)
        return Head(connection.status, connection.fields)

    async def read(self) -> bytes:
        """All that has arrived; empty only at the body's proper end. Raises AttemptFailed."""
        connection = self._connection
        while not self._ended:
            if self._at is not None and connection.has_unread and connection.unread_since > self._at:
                raise self._lateness()
            data = await self._take() if self._decompressor else connection.take()
            if data:
                return data
            if connection.failure is not None:
                raise connection.failure
            if connection.complete:
                self._ended = True
                if self._decompressor is not None:
                    self._decompressor.end()
                break
            await self._news()
        return b""

    def close(self) -> None:
        """Give the connection back if the response was read to its end, else close it at once."""
        if self._closed:
            return
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._connection.is_reusable:
            self._release(self._connection)
        else:
            self._connection.abort()

    @property
    def delimited(self) -> bool:
        """Once the head is there: does the response say where its body ends? If not, a cut looks like the end."""
        return self._connection.is_delimited

    @property
    def is_heard(self) -> bool:
        """True once anything of the response has come."""
        return self._connection.received > 0

    @property
    def bytes_received(self) -> int:
        """Of the response, head included, as they came over the wire."""
        return self._connection.received

    async def _replace(self) -> Connection:
        """A fresh connection for a stale one, within the time that is expected of the response."""
        try:
            async with asyncio.timeout_at(self._at):
                connection = await self._again()
        except TimeoutError:
            raise self._lateness() from None
        self._connection = connection
        if self._closed:
            connection.abort()
        return connection

    async def _take(self) -> bytes:
        """What has arrived, decompressed; empty if more has to arrive."""
        decompressor = self._decompressor
        if decompressor is None:
            return self._connection.take()
        while decompressor.has_more or self._connection.has_unread:
            if decompressor.has_more:
                await asyncio.sleep(0)
            if data := decompressor.feed(b"" if decompressor.has_more else self._connection.take()):
                return data
        return b""

    def _is_stale(self, connection: Connection) -> bool:
        """What the peer may have worked on is never sent again here: that is the flow's to decide (law 2)."""
        return self.reused and connection.lost_at_once and not self._closed

    def _news(self) -> "asyncio.Future[None]":
        """What to wait for: news of the connection, or the moment that was expected. Raises AttemptFailed if that has passed."""
        if self._at is not None:
            if self._loop.time() >= self._at:
                raise self._lateness()
            if self._timer is None:
                self._timer = self._loop.call_at(self._next_at(self._at), self._on_timer)
        waiter = self._waiter = self._loop.create_future()
        self._connection.wait(waiter)
        return waiter

    def _on_timer(self) -> None:
        """The moment may have been moved since the timer was set."""
        self._timer = None
        waiter, now = self._waiter, self._loop.time()
        if self._at is None or waiter is None or waiter.done():
            return
        if self._doubt_at is not None and now >= self._doubt_at:
            self._doubt(now)
            if waiter.done():
                return
        if now < self._at:
            self._timer = self._loop.call_at(self._next_at(self._at), self._on_timer)
        else:
            waiter.set_exception(self._lateness())

    def _next_at(self, at: float) -> float:
        return at if self._doubt_at is None else min(at, self._doubt_at)

    def _doubt(self, now: float) -> None:
        """A kept connection on which nothing arrives is replaced, as one that was closed is; a peer that takes its time
        has acknowledged the request.
        """
        self._doubt_at = None
        connection = self._connection
        if connection.received or not self.reused:
            return
        if connection.is_unheard(UNHEARD_S):
            self.distrust()
            connection.give_up_unheard()
        else:
            self._doubt_at = now + UNHEARD_S

    def _lateness(self) -> AttemptFailed:
        return AttemptFailed(self._late, "waited too long")
