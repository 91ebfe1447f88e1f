"""What one caller is sent, in order: headers, then a whole answer, a stream or an error; and heartbeats while a stream is
silent. The request's own task and a heartbeat never send at once.
"""

import asyncio
import logging
import math
from collections.abc import Sequence

from gateway.dialects.contract import Beating, Dialect
from gateway.flow.stream import Stream
from gateway.http.errors import ApiError
from gateway.http.wire import RawHeaders, Send, raw_headers, send_whole

JSON = (b"content-type", b"application/json")
# nginx and its like hold an answer back unless they are told not to
_UNHELD = ((b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no"))
EVENTS = ((b"content-type", b"text/event-stream; charset=utf-8"), *_UNHELD)
_COMMENT = b": heartbeat\n\n"  # a comment, between events: clients pass over it (HTML, Server-sent events, 9.2.6)
_log = logging.getLogger(__name__)


class Reply:
    """`dialect` is the caller's. `since` is of the monotonic clock."""

    def __init__(self, send: Send, request_id: str, since: float, dialect: Dialect) -> None:
        raw = request_id.encode("latin-1")
        self.headers: RawHeaders = [(b"x-request-id", raw)]
        if dialect.id_header != "x-request-id":
            self.headers.append((dialect.id_header.encode("latin-1"), raw))
        self.request_id = request_id
        self.dialect = dialect
        self.beat: asyncio.Task[None] | None = None  # a heartbeat on its way
        self._send = send
        self._started = False  # status and headers have gone
        self._stream: Stream | None = None
        self._since = since  # when something was last sent but for the stream's own data
        self._over = False

    # -- what the request's own task sends

    async def begin_stream(self, headers: RawHeaders, stream: Stream) -> None:
        """Status and headers. Where a heartbeat came first, those that it could not know go as comments."""
        self._stream = stream
        await self.beat_is_sent()
        if self._started:
            comments = b"".join(b": %s: %s\n" % pair for pair in headers)
            await self._send({"type": "http.response.body", "body": comments + b"\n", "more_body": True})
        else:
            self._started = True
            kind = EVENTS if stream.media is None else ((b"content-type", stream.media.encode("latin-1")), *_UNHELD)
            start = {"type": "http.response.start", "status": 200, "headers": [*self.headers, *headers, *kind]}
            await self._send(start)

    async def end_stream(self, last: bytes) -> None:
        """The last bytes of a stream, or none."""
        self._over = True
        await self.beat_is_sent()
        await self._send({"type": "http.response.body", "body": last, "more_body": False})

    async def whole(
        self, headers: RawHeaders, body: bytes, more: Sequence[bytes] = (), media: str = "application/json"
    ) -> None:
        """A whole answer; of a large one `more`, in blocks."""
        kind = (b"content-type", media.encode("latin-1"))
        await send_whole(self._send, 200, [*self.headers, *headers, kind], body, more)

    async def error(self, error: ApiError, headers: RawHeaders | None = None) -> None:
        """An error with its status, or once a heartbeat has sent a status, as an event."""
        if self._started or self.beat is not None:
            await self.end_stream(self.error_event(error))
            return
        self._over = True
        every = [*self.headers, *(headers or ()), JSON, *raw_headers(error.headers.items())]
        await send_whole(self._send, error.status, every, self.dialect.error(error.view(self.request_id)))

    def error_event(self, error: ApiError) -> bytes:
        """An error as the last event of a stream."""
        return self.dialect.error_event(error.view(self.request_id))

    async def beat_is_sent(self) -> None:
        """Wait for the heartbeat that is on its way. Cancelling the wait leaves it whole."""
        while self.beat is not None:
            await asyncio.wait((self.beat,))

    # -- heartbeats

    def is_silent(self, since: float) -> bool:
        """Whether nothing has been sent since then, and nothing is just being sent: that is the caller's time."""
        last, stream = self._since, self._stream
        if stream is not None:
            last = math.inf if stream.handed_over is not None else max(last, stream.waits_since)
        return last <= since and self.beat is None and not self._over

    async def send_heartbeat(self, early: RawHeaders, now: float) -> None:
        """`early`: the headers that are known by now, where none have gone."""
        self._since = now
        heartbeat = self.dialect.heartbeat if isinstance(self.dialect, Beating) else _COMMENT
        try:
            if not self._started:
                self._started = True
                start = {"type": "http.response.start", "status": 200, "headers": [*self.headers, *early, *EVENTS]}
                await self._send(start)
            await self._send({"type": "http.response.body", "body": heartbeat, "more_body": True})
        except Exception:  # noqa: BLE001 - a caller that has left is noticed where its connection is watched
            _log.debug("a heartbeat could not be sent", exc_info=True)
        finally:
            self.beat = None
