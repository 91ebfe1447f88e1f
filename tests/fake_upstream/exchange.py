"""What a behaviour has in hand: the request, the parameter of its name, and the socket, byte by byte."""

import asyncio
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from tests.fake_upstream import wire
from tests.fake_upstream.call import Call
from tests.fake_upstream.wire import CHUNKED, EVENTS, JSON, LAST_CHUNK, Header, Headers, length

_LINGER_0 = struct.pack("ii", 1, 0)


class Counts(Protocol):
    """Where the bytes handed to the kernel are counted."""

    answered_bytes: int


@dataclass
class Meter:
    """What one server has taken, for those that take so much and no more."""

    second: int = 0  # since the epoch
    in_second: int = 0  # requests
    at_once: int = 0
    failed: set[str] = field(default_factory=set)  # digests of the requests that failed once


class Exchange:
    """One request and the answer to it. After a behaviour returns the connection is kept unless it said otherwise.

    `elsewhere` is the address of a second port of the same server, for redirects: who comes there is recorded too.
    `turn` is held by one exchange of the server at a time; `meter` is the server's.
    """

    def __init__(self, call: Call, parameter: int, writer: asyncio.StreamWriter, counts: Counts) -> None:
        self.call = call
        self.parameter = parameter
        self.authorization = ""
        self.elsewhere = ""
        self.keep = True
        self.close_on_next = False
        self.turn = asyncio.Lock()
        self.meter = Meter()
        self._writer = writer
        self._counts = counts

    async def send(self, *writes: bytes) -> None:
        """Each piece is a write of its own, with the kernel when this returns."""
        for data in writes:
            self._writer.write(data)
            await self._writer.drain()
            self._counts.answered_bytes += len(data)

    async def whole(self, body: bytes, *, status: int = 200, kind: Header | None = JSON, headers: Headers = ()) -> None:
        """A complete answer with a content-length, in one write."""
        await self.send(self.head(status, (*((kind,) if kind else ()), *headers, length(body))) + body)

    async def open(self, *, status: int = 200, kind: Header | None = EVENTS, headers: Headers = ()) -> None:
        """The head of a chunked answer."""
        await self.send(self.head(status, (*((kind,) if kind else ()), *headers, CHUNKED)))

    async def chunks(self, pieces: Iterable[bytes]) -> None:
        """Each piece is an HTTP chunk and a write of its own."""
        for piece in pieces:
            await self.send(wire.chunk(piece))

    async def events(self, payloads: Iterable[bytes]) -> None:
        """Each payload is an event, an HTTP chunk and a write of its own."""
        await self.chunks(map(wire.event, payloads))

    async def end(self) -> None:
        """The end of a chunked answer, well formed."""
        await self.send(LAST_CHUNK)

    def head(self, status: int, headers: Headers) -> bytes:
        """A head that says `connection: close` where that is what follows."""
        return wire.head(status, headers if self.keep else (*headers, ("connection", "close")))

    def fin(self) -> None:
        """Nothing more comes: the connection ends with a FIN after what was sent."""
        self.keep = False

    def reset(self) -> None:
        """The connection ends with a RST, at once."""
        self.keep = False
        connection: socket.socket = self._writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_0)
        self._writer.transport.abort()

    async def pause(self, ms: float) -> None:
        """Wait, in milliseconds."""
        await asyncio.sleep(ms / 1000)

    async def hang(self) -> None:
        """Say nothing until the client leaves."""
        await asyncio.get_running_loop().create_future()
