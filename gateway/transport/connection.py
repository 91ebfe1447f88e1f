"""One HTTP/1.1 connection as an asyncio protocol: writes a request, parses the response with llhttp, holds what is unread.

It knows nothing of pools, deadlines or retries. One reader waits at a time.
"""

import asyncio
import math
from collections.abc import Callable, Sequence
from typing import cast

import httptools

from gateway.transport.limits import TransportLimits
from gateway.transport.liveness import is_unacknowledged, watch
from gateway.transport.sending import SLICE_BYTES, Sending
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.upload import Piece

_AT_ONCE_S = 0.1  # a round trip: the peer had closed an idle connection before the request reached it


class Connection(asyncio.Protocol):
    """`forget` is called once when the connection can never be used again."""

    def __init__(self, limits: TransportLimits, forget: Callable[["Connection"], None]) -> None:
        self.used = 0  # requests that were written to it
        self._written_at = math.inf  # of the loop's clock; when the last of them was out of our hands
        self._limits = limits
        self._forget = forget
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._idle_since = 0.0
        self._closed = False
        self._sending: Sending | None = None  # a large request, until it is written
        self.begin()

    def begin(self) -> None:
        """Make ready for the next response."""
        self._parser = httptools.HttpResponseParser(self)
        self._parts: list[bytes] = []
        self._unread = 0
        self._field_bytes = 0
        self._barren_bytes = 0  # since the body last grew
        self._body_bytes = 0
        self._paused = False
        self._fields: dict[str, str] = {}
        self.status: int | None = None  # set once the head is complete
        self.complete = False
        self.keep_alive = False
        self.failure: AttemptFailed | None = None
        self.lost_at_once = False  # before the peer can have worked on the request: it may be sent again
        self.received = 0  # bytes of this response, as they came over the wire
        self.unread_since = 0.0  # of the loop's clock; of the oldest byte that waits to be taken
        self.wakes_at_head = True

    # -- what the exchange calls

    def write(self, data: bytes, more: Sequence[bytes | Piece] = ()) -> None:
        """Write a whole request; `more` follows the data."""
        self.used += 1
        if self._transport is None:
            return
        if more or len(data) > SLICE_BYTES:
            self._written_at = math.inf
            self._sending = Sending(self._transport, (data, *more), self._sent, self._no_longer_held)
            self._sending.go_on()
            return
        self._transport.write(data)
        self._written_at = math.inf if self._transport.get_write_buffer_size() else self._now()

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
        """Close at once: the peer sees it now, not when buffers are written. A reader that waits is told."""
        if self._transport is not None:
            self._transport.abort()
        self._lost("was closed by the gateway")

    def is_unheard(self, since_s: float) -> bool:
        """True if the peer's kernel has acknowledged nothing for so long, though something is to be acknowledged."""
        return not self.received and self._transport is not None and is_unacknowledged(self._transport, since_s)

    def give_up_unheard(self) -> None:
        """It leads nowhere: what was written on it has not arrived, and may be sent again."""
        if self._transport is not None:
            self._transport.abort()
        self._lost("was no longer heard")
        self.lost_at_once = True

    @property
    def is_open(self) -> bool:
        """False once it cannot be used any more."""
        return not self._closed

    def rest(self) -> None:
        """From now on it is idle."""
        self._idle_since = self._now()

    @property
    def idle_s(self) -> float:
        """How long it has been idle, in seconds."""
        return self._now() - self._idle_since

    @property
    def is_delimited(self) -> bool:
        """True if the response itself says where its body ends; else only the end of the connection does."""
        chunked = "chunked" in self._fields.get("transfer-encoding", "")
        return chunked or "content-length" in self._fields or self.status in (204, 304)

    @property
    def is_reusable(self) -> bool:
        """True if another request may follow: all was sent, all was received, and reading goes on."""
        done = self.complete and self.keep_alive and self.failure is None and not self._closed and not self._paused
        if not done or self._transport is None or self._sending is not None:
            return False
        return not self._transport.get_write_buffer_size()

    def _sent(self) -> None:
        self._sending, self._written_at = None, self._now()

    def _no_longer_held(self) -> None:
        self._fail(Outcome.INTERNAL_ERROR, "the request's files are no longer held")
        self._wake()
        self.abort()

    # -- what the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio.Protocol."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=0)
        watch(self._transport)
        self._loop = asyncio.get_running_loop()
        self._now = self._loop.time

    def data_received(self, data: bytes) -> None:
        """asyncio.Protocol."""
        if self._closed or self.failure is not None:
            return
        if self.complete or self.used == 0:
            self.abort()  # nobody asked for this
            return
        self.received += len(data)
        self._barren_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail(Outcome.MALFORMED_ANSWER, "a switch of protocols that was not asked for")
        except httptools.HttpParserError as error:
            if not self.complete:
                self._fail(Outcome.MALFORMED_ANSWER, f"not HTTP/1.1: {str(error)[:100]}")
            self.keep_alive = False
        if self._barren_bytes > self._limits.max_head_bytes and not self.complete:
            self._fail(Outcome.MALFORMED_ANSWER, "a response head, or what stands between its chunks, is too large")
        self._hold_back()
        if self.has_news or (self.status is not None and self.wakes_at_head):
            self._wake()

    def resume_writing(self) -> None:
        """asyncio.Protocol: all that was handed over is written."""
        if self._sending is not None:
            self._sending.go_on()
        else:
            self._written_at = self._now()

    def eof_received(self) -> bool:
        """asyncio.Protocol: a half-closed connection is of no use, and what is still to be written must not keep it."""
        self._lost("was closed", may_end_body=True)
        if self._transport is not None:
            self._transport.abort()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio.Protocol."""
        self._lost("was reset" if exc else "was closed", may_end_body=exc is None)

    # -- what the parser calls

    def on_message_begin(self) -> None:
        """httptools: also after a 1xx response, and for bytes beyond the response's end."""
        if self.complete:
            self.keep_alive = False
        else:
            self._fields = {}

    def on_header(self, name: bytes, value: bytes) -> None:
        """httptools: also for trailers, which nobody reads; all count."""
        self._field_bytes += len(name) + len(value)
        if self._field_bytes > self._limits.max_head_bytes:
            self._fail(Outcome.MALFORMED_ANSWER, "the header fields are larger than allowed")
        if self.status is not None or self.failure is not None:
            return
        key = name.decode("latin-1").lower()
        text = value.decode("latin-1")
        self._fields[key] = f"{self._fields[key]}, {text}" if key in self._fields else text

    def on_headers_complete(self) -> None:
        """httptools."""
        status = self._parser.get_status_code()
        if status >= 200 and not self.complete and self.failure is None:
            self.status = status

    def on_body(self, body: bytes) -> None:
        """httptools."""
        if self.complete or self.failure is not None:
            return
        self._body_bytes += len(body)
        if self._body_bytes > self._limits.max_body_bytes:
            self._fail(Outcome.ANSWER_TOO_LARGE, "the body is larger than allowed")
            return
        if not self._parts:
            self.unread_since = self._now()
        self._parts.append(body)
        self._unread += len(body)
        self._barren_bytes = 0

    def on_message_complete(self) -> None:
        """httptools."""
        if self.status is not None and self.failure is None and not self.complete:
            self.complete = True
            self.keep_alive = self._parser.should_keep_alive()

    # --

    def _hold_back(self) -> None:
        """Too much is unread: let the peer wait."""
        full = self._unread > self._limits.high_water_bytes
        if full and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def _lost(self, how: str, *, may_end_body: bool = False) -> None:
        """The connection is gone: forgotten once, and the reader learns what that means for the response."""
        if self._closed:
            return
        self._closed = True
        if self._sending is not None:
            self._sending.stop()
        self._forget(self)
        if self.complete or self.failure is not None:
            return
        if self.status is None:
            self.lost_at_once = self._now() - self._written_at < _AT_ONCE_S and not self.received
            self._fail(Outcome.CONNECTION_LOST, f"the connection {how} before a response")
        elif may_end_body and not self.is_delimited:
            self.complete = True
        else:
            self._fail(Outcome.TRUNCATED, f"the connection {how} in the middle of the body")
        self._wake()

    def _fail(self, outcome: Outcome, detail: str) -> None:
        if self.failure is None:
            self.failure = AttemptFailed(outcome, detail)

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
