"""One HTTP/1.1 connection as an asyncio protocol: writes a request, parses the response with llhttp, holds what is unread.

It knows nothing of pools, deadlines or retries. After `abort` it tells nobody anything. One reader waits at a time.
"""

import asyncio
from collections.abc import Callable
from typing import cast

import httptools

from gateway.transport.limits import TransportLimits
from gateway.values.outcome import AttemptFailed, Outcome


class Connection(asyncio.Protocol):
    """`forget` is called once when the connection can never be used again."""

    def __init__(self, limits: TransportLimits, forget: Callable[["Connection"], None]) -> None:
        self.idle_since = 0.0
        self.used = 0  # requests that were written to it
        self._limits = limits
        self._forget = forget
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._closed = False
        self.begin()

    def begin(self) -> None:
        """Make ready for the next response."""
        self._parser = httptools.HttpResponseParser(self)
        self._parts: list[bytes] = []
        self._unread = 0
        self._head_bytes = 0
        self._body_bytes = 0
        self._paused = False
        self._fields: dict[str, str] = {}
        self.status: int | None = None  # set once the head is complete
        self.complete = False
        self.keep_alive = False
        self.failure: AttemptFailed | None = None
        self.any_bytes = False
        self.wakes_at_head = True

    # -- what the exchange calls

    def write(self, data: bytes) -> None:
        """Write a whole request."""
        self.used += 1
        if self._transport is not None:
            self._transport.write(data)

    @property
    def fields(self) -> dict[str, str]:
        """The response's header fields: lower-case names, several of a name joined by comma."""
        return self._fields

    @property
    def has_news(self) -> bool:
        """True if a reader would get something without waiting: bytes, the end or a failure."""
        return bool(self._parts) or self.complete or self.failure is not None

    @property
    def has_unread(self) -> bool:
        """True if bytes of the body wait to be taken."""
        return bool(self._parts)

    def take(self) -> bytes:
        """What has arrived of the body and was not taken yet."""
        parts = self._parts
        if not parts:
            return b""
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        parts.clear()
        self._unread = 0
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return data

    def wait(self, waiter: "asyncio.Future[None]") -> None:
        """Resolve this future at the next news."""
        self._waiter = waiter

    def abort(self) -> None:
        """Close at once: the peer sees it now, not when buffers are written."""
        self._waiter = None
        if not self._closed:
            self._closed = True
            self._forget(self)
            if self._transport is not None:
                self._transport.abort()

    @property
    def is_open(self) -> bool:
        """False once it cannot be used any more."""
        return not self._closed

    # -- what the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio.Protocol."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """asyncio.Protocol."""
        if self._closed:
            return
        if self.complete or self.used == 0:
            self.abort()  # nobody asked for this
            return
        self.any_bytes = True
        if self.status is None:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail(Outcome.MALFORMED_ANSWER, "a switch of protocols that was not asked for")
        except httptools.HttpParserError as error:
            if not self.complete:
                self._fail(Outcome.MALFORMED_ANSWER, f"not HTTP/1.1: {str(error)[:100]}")
            self.keep_alive = False
        if self.status is None and self._head_bytes > self._limits.max_head_bytes:
            self._fail(Outcome.MALFORMED_ANSWER, "the response head is larger than allowed")
        if self._unread > self._limits.high_water_bytes and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        if self.has_news or (self.status is not None and self.wakes_at_head):
            self._wake()

    def eof_received(self) -> bool:
        """asyncio.Protocol: a half-closed connection is of no use."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio.Protocol."""
        if not self._closed:
            self._closed = True
            self._forget(self)
        if self.complete or self.failure is not None or self.used == 0:
            return
        if self.status is None:
            why = "the connection was reset" if exc else "the connection was closed"
            self._fail(Outcome.CONNECTION_LOST, f"{why} before a response")
        elif exc is None and self._ends_at_eof():
            self.complete = True
        else:
            self._fail(Outcome.TRUNCATED, "the connection was lost in the middle of the body")
        self._wake()

    # -- what the parser calls

    def on_message_begin(self) -> None:
        """httptools: also after a 1xx response, and for bytes beyond the response's end."""
        if self.complete:
            self.keep_alive = False
        else:
            self._fields = {}

    def on_header(self, name: bytes, value: bytes) -> None:
        """httptools."""
        if self.complete:
            return
        key = name.decode("latin-1").lower()
        text = value.decode("latin-1")
        self._fields[key] = f"{self._fields[key]}, {text}" if key in self._fields else text

    def on_headers_complete(self) -> None:
        """httptools."""
        status = self._parser.get_status_code()
        if status >= 200 and not self.complete:
            self.status = status

    def on_body(self, body: bytes) -> None:
        """httptools."""
        if self.complete:
            return
        self._body_bytes += len(body)
        if self._body_bytes > self._limits.max_body_bytes:
            self._fail(Outcome.ANSWER_TOO_LARGE, "the body is larger than allowed")
            return
        self._parts.append(body)
        self._unread += len(body)

    def on_message_complete(self) -> None:
        """httptools."""
        if self.status is not None and self.failure is None and not self.complete:
            self.complete = True
            self.keep_alive = self._parser.should_keep_alive()

    # --

    def _ends_at_eof(self) -> bool:
        return "content-length" not in self._fields and "chunked" not in self._fields.get("transfer-encoding", "")

    def _fail(self, outcome: Outcome, detail: str) -> None:
        if self.failure is None:
            self.failure = AttemptFailed(outcome, detail)

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
