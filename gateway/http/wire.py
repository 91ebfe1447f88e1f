"""The ASGI side of the hot path: headers, a bounded body, an answer in as few sends as possible, and who has left.

Neither granian nor uvicorn cancels a handler whose client left, so `OpenRequests` watches for it (law 4).
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, MutableMapping, Sequence
from typing import Any

from gateway.http.body_budget import BodyBudget
from gateway.http.errors import ApiError, encoded
from gateway.values.outcome import Outcome

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
RawHeaders = list[tuple[bytes, bytes]]

_WATCH_AFTER_S = (
    0.05  # to twice that: a fast answer is not worth a watcher; that it has left must be noticed within a second
)
_ONCE = frozenset({"authorization", "x-api-key", "host", "origin", "x-request-id", "content-encoding"})
PLAIN_CODINGS = ("", "identity")  # content codings that change nothing
_BODY_S = 60.0


def headers_of(raw: Collection[tuple[bytes, bytes]]) -> dict[str, str]:
    """Request headers by lower-case name; the last of a name counts. `refuse_repeats` says where that is no matter."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in raw}


def refuse_repeats(raw: Collection[tuple[bytes, bytes]], headers: dict[str, str]) -> None:
    """Raises ApiError 400 if a header came twice that says who calls or what is meant: which counts is no guess."""
    if len(headers) == len(raw):
        return
    for key, times in Counter(name for name, _ in raw).items():
        name = key.decode("latin-1")
        if times > 1 and (name in _ONCE or name.startswith("x-gateway-")):
            raise ApiError(400, "invalid_header", f"Invalid header {name!r}: it was sent more than once.", param=name)


def headers_once(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Both."""
    pairs = tuple(raw)
    headers = headers_of(pairs)
    refuse_repeats(pairs, headers)
    return headers


class Bodies:
    """Reads bodies, of at most `limit` bytes each. One that takes longer than `within_s` is given up.

    Now and then all that are on their way are looked at: a timer for each would cost every request more.
    """

    def __init__(self, limit: int, within_s: float = _BODY_S) -> None:
        self._limit = limit
        self._budget = BodyBudget(limit)
        self._within_s = within_s
        self._started_at: dict[asyncio.Task[Any], float] = {}  # of the loop's clock
        self._late: set[asyncio.Task[Any]] = set()
        self._looks = False

    async def read(self, receive: Receive, headers: dict[str, str], key: str | None = None) -> bytes:
        """The body. Raises ApiError 415 if it is encoded, 413 if it is too large, 408 if it is too late; ClientGone or
        BodyBroken if it never ends; 503 if `key`, or all callers, have too much in memory.
        """
        if headers.get("content-encoding", "").strip().lower() not in PLAIN_CODINGS:
            raise encoded()
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        if task is None:
            raise RuntimeError("bodies are read in tasks")
        self._started_at[task] = loop.time()
        if not self._looks:
            self._looks = True
            loop.call_later(self._within_s / 10, self._look, loop)
        try:
            return await _read(receive, headers, self._limit, self._budget, key)
        except asyncio.CancelledError:
            if task not in self._late:
                raise
            task.uncancel()
            raise ApiError(408, "request_timeout", f"The body did not arrive within {self._within_s:.0f} s.") from None
        finally:
            del self._started_at[task]
            if self._late:
                self._late.discard(task)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        since = loop.time() - self._within_s
        for task in [task for task, at in self._started_at.items() if at <= since and task not in self._late]:
            self._late.add(task)
            task.cancel()
        self._looks = bool(self._started_at)
        if self._looks:
            loop.call_later(self._within_s / 10, self._look, loop)


async def _read(receive: Receive, headers: dict[str, str], limit: int, budget: BodyBudget, key: str | None) -> bytes:
    announced = headers.get("content-length", "")
    length = int(announced) if announced.isdecimal() else None
    if length is not None and length > limit:
        raise too_large(limit)
    message = await receive()
    body: bytes = message.get("body", b"")
    if length is not None and len(body) == length:  # the usual case; granian would still send an empty rest
        return body
    whole = await _read_parts(receive, message, limit, lambda size: budget.hold(key, size, length or 0))
    if whole is None:
        raise BodyBroken if length is None else ClientGone
    return whole


async def _read_parts(receive: Receive, message: Message, limit: int, hold: Callable[[int], None]) -> bytes | None:
    """None if it never ends."""
    parts: list[bytes] = []
    size = 0
    while message["type"] == "http.request":
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise too_large(limit)
        hold(size)
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)
        message = await receive()
    return None


def too_large(limit: int) -> ApiError:
    """413."""
    return ApiError(413, "request_too_large", f"The body is larger than {limit} bytes.")


class ClientGone(Exception):
    """The client left before its request was whole."""


class BodyBroken(Exception):
    """A body in chunks that are malformed, or whose client left: the server does not tell them apart."""


async def send_whole(send: Send, status: int, headers: RawHeaders, body: bytes, more: Sequence[bytes] = ()) -> None:
    """A whole answer; of a large one `more`, in blocks."""
    if not more:
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        return
    length = len(body) + sum(map(len, more))
    headers = [*headers, (b"content-length", str(length).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    for block in more:
        await send({"type": "http.response.body", "body": block, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def raw_headers(pairs: Iterable[tuple[str, str]]) -> RawHeaders:
    """Header pairs as ASGI wants them."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs]


class OpenRequests:
    """The tasks of requests in progress: those whose client leaves are cancelled, and all of them where the gateway stops.

    One timer looks at all: one for each would cost every request.
    """

    def __init__(self) -> None:
        self._open: dict[asyncio.Task[Any], InProgress] = {}  # the oldest first
        self._unwatched: dict[InProgress, float] = {}  # since when; the oldest first
        self._looks = False

    def begin(self, receive: Receive) -> "InProgress":
        """The present task works on a request; a block follows, and its end is the request's."""
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        if task is None:
            raise RuntimeError("requests are worked on in tasks")
        one = self._open[task] = InProgress(task, receive, self._end)
        self._unwatched[one] = loop.time()
        if not self._looks:
            self._looks = True
            loop.call_later(_WATCH_AFTER_S, self._look, loop)
        return one

    def cancel_all(self) -> None:
        """Cancel them, saying why."""
        for task in tuple(self._open):
            task.cancel(Outcome.GATEWAY_STOPPED.value)

    def _end(self, one: "InProgress") -> None:
        del self._open[one.task]
        self._unwatched.pop(one, None)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Whose answer is not there by now is watched."""
        before = loop.time() - _WATCH_AFTER_S
        for one in [one for one, since in self._unwatched.items() if since <= before]:
            del self._unwatched[one]
            one.watch(loop)
        self._looks = bool(self._unwatched)
        if self._looks:
            loop.call_later(_WATCH_AFTER_S, self._look, loop)


class InProgress:
    """One request, a block. Once its client leaves its task is cancelled, and the block ends quietly then: nobody is there
    to be told.
    """

    __slots__ = ("_ended", "_left", "_receive", "_watcher", "task")

    def __init__(self, task: asyncio.Task[Any], receive: Receive, ended: Callable[["InProgress"], None]) -> None:
        self.task = task
        self._receive = receive
        self._ended = ended
        self._left = False
        self._watcher: asyncio.Task[None] | None = None

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        self._ended(self)
        if self._watcher is not None:
            self._watcher.cancel()
        if not self._left or kind is not asyncio.CancelledError:
            return False
        self.task.uncancel()
        return True

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on it is noticed when the client leaves."""
        self._watcher = loop.create_task(self._until_gone())

    async def _until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._left = True
        self.task.cancel()
