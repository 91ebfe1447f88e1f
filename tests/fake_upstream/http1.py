"""Reading HTTP/1.1 requests. Strict and bounded: what is not a request is refused, and the server goes on."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

MAX_HEAD = 64 * 1024
MAX_BODY = 64 * 1024 * 1024


class BadRequest(Exception):
    """Not a request that can be read; `status` says how to refuse it. The connection is of no use after it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Request:
    """Header names are lower case, in the order they came; `body` is without transfer coding."""

    method: str
    path: str
    version: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    body_bytes: int
    body_sha256: str

    def header(self, name: str) -> str:
        """The first value, or an empty text."""
        return next((value for key, value in self.headers if key == name), "")

    def remembered(self, most: int) -> "Request":
        """The same with no more than `most` bytes of its body."""
        return replace(self, body=self.body[:most]) if self.body_bytes > most else self

    def weight(self) -> int:
        """About how many bytes it holds."""
        return len(self.body) + len(self.path) + sum(len(name) + len(value) for name, value in self.headers)

    def keeps_alive(self) -> bool:
        """Does the client want the connection kept (RFC 9112 section 9.3)?"""
        wish = self.header("connection").lower()
        return "close" not in wish and (self.version == "HTTP/1.1" or "keep-alive" in wish)


class WatchedReader(asyncio.StreamReader):
    """A stream reader that tells, without being read, that the other side has closed."""

    def __init__(self) -> None:
        super().__init__(limit=MAX_HEAD)
        self.gone = asyncio.Event()

    def feed_eof(self) -> None:
        """A FIN, or the loss of the connection."""
        super().feed_eof()
        self.gone.set()

    def set_exception(self, exc: BaseException) -> None:
        """A RST."""
        super().set_exception(exc)  # type: ignore[arg-type]
        self.gone.set()


async def read_request(reader: asyncio.StreamReader, go_on: Callable[[], Awaitable[None]]) -> Request | None:
    """The next request, None at the end of the connection. `go_on` sends 100 Continue. Raises BadRequest."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError:
        raise BadRequest(431, "the request's head is too large") from None
    method, path, version, headers = _parse_head(head)
    fields = dict(headers)
    if fields.get("expect", "").lower() == "100-continue":
        await go_on()
    body = await _read_body(reader, fields)
    return Request(method, path, version, headers, body, len(body), hashlib.sha256(body).hexdigest())


def _parse_head(head: bytes) -> tuple[str, str, str, tuple[tuple[str, str], ...]]:
    first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or words[2] not in ("HTTP/1.1", "HTTP/1.0"):
        raise BadRequest(400, "not an HTTP/1.1 request line")
    headers = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise BadRequest(400, "not a header line")
        headers.append((name.lower(), value.strip()))
    return words[0], words[1], words[2], tuple(headers)


async def _read_body(reader: asyncio.StreamReader, fields: dict[str, str]) -> bytes:
    if "chunked" in fields.get("transfer-encoding", "").lower():
        return await _read_chunks(reader)
    size = fields.get("content-length", "0")
    if not size.isascii() or not size.isdigit():
        raise BadRequest(400, "content-length is not a number")
    return await _read_exactly(reader, int(size), 0)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    parts: list[bytes] = []
    held = 0
    while True:
        try:  # readline raises ValueError for a line beyond the reader's limit
            size = int((await reader.readline()).partition(b";")[0], 16)
            part = await _read_exactly(reader, size, held)
            await reader.readline()
        except ValueError:
            raise BadRequest(400, "not a chunk") from None
        if not size:
            return b"".join(parts)
        parts.append(part)
        held += size


async def _read_exactly(reader: asyncio.StreamReader, size: int, held: int) -> bytes:
    if size < 0 or held + size > MAX_BODY:
        raise BadRequest(413, "the request's body is too large")
    try:
        return await reader.readexactly(size)
    except asyncio.IncompleteReadError:
        raise ConnectionResetError("the client left within its request") from None
