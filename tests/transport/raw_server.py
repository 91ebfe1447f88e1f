"""A server that sends exactly the bytes a test says, over real sockets, and counts what it sees."""

import asyncio
import contextlib
import socket
import ssl
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from gateway.transport import Exchange, Origin, Transport, TransportLimits
from gateway.transport.signers import bearer
from gateway.values.call import Call
from gateway.values.outcome import AttemptFailed, Outcome

CALL = Call("POST", "/chat", (("content-type", "application/json"),), b'{"a":1}')
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Peer:
    """One accepted connection."""

    def __init__(self, server: "Server", reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server, self.reader, self.writer = server, reader, writer
        self.number = len(server.peers)  # from 0
        self.asked = 0
        self.left = asyncio.Event()
        self.left_at = 0.0

    async def request(self) -> bytes:
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        request = head + await self.reader.readexactly(length)
        self.asked += 1
        self.server.requests.append(request)
        return request

    async def send(self, *pieces: bytes, pause_s: float = 0.0) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            if pause_s:
                await asyncio.sleep(pause_s)

    def reset(self) -> None:
        """RST instead of FIN."""
        linger = struct.pack("ii", 1, 0)
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.transport.abort()

    async def watch(self) -> None:
        """Until the client closes."""
        with contextlib.suppress(ConnectionError):
            while await self.reader.read(65536):
                pass
        self.left_at = time.monotonic()
        self.left.set()


Script = Callable[[Peer], Awaitable[None]]


class Server:
    def __init__(self, script: Script) -> None:
        self.script = script
        self.port = 0
        self.peers: list[Peer] = []
        self.requests: list[bytes] = []
        self.tasks: set[asyncio.Task[None]] = set()
        self.stop_listening: Callable[[], None] = lambda: None

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(self, reader, writer)
        self.peers.append(peer)
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await self.script(peer)
        writer.close()


@contextlib.asynccontextmanager
async def serving(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    server = Server(script)
    listener = await asyncio.start_server(server.accept, "127.0.0.1", 0, ssl=tls)
    server.stop_listening = listener.close
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for task in server.tasks:
            task.cancel()
        await asyncio.gather(*server.tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def client(port: int, **limits: float) -> AsyncIterator[Transport]:
    """A transport with one deployment, `d`."""
    transport = Transport(TransportLimits(**limits))  # type: ignore[arg-type]
    transport.place("d", Origin("http", "127.0.0.1", port, "/v1"), bearer("secret"))
    try:
        yield transport
    finally:
        await transport.close()


async def begin(transport: Transport, call: Call = CALL, within_s: float = 60.0) -> Exchange:
    """An exchange that does not hang the test, and that a busy machine does not end."""
    exchange = await transport.send("d", call, connect_s=30.0)
    exchange.expect(asyncio.get_running_loop().time() + within_s, Outcome.TOTAL_TIMEOUT)
    return exchange


async def body(exchange: Exchange) -> bytes:
    parts = []
    while data := await exchange.read():
        parts.append(data)
    return b"".join(parts)


async def ask(transport: Transport, call: Call = CALL) -> tuple[int, bytes]:
    exchange = await begin(transport, call)
    try:
        return (await exchange.head()).status, await body(exchange)
    finally:
        exchange.close()


async def outcome_of(transport: Transport) -> Outcome:
    """OK, or how it failed."""
    try:
        await ask(transport)
    except AttemptFailed as failure:
        return failure.outcome
    return Outcome.OK


async def until(condition: Callable[[], bool], within_s: float = 2.0) -> None:
    """Of the time that a busy machine keeps the loop from looking, no more than a hundredth of a second a look counts."""
    left_s = within_s
    while not condition():
        assert left_s > 0, "it did not come to be in time"
        since = time.monotonic()
        await asyncio.sleep(0.002)
        left_s -= min(time.monotonic() - since, 0.01)


def always(response: bytes) -> Script:
    """Answers every request so."""

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send(response)

    return script


def once(response: bytes) -> Script:
    """Answers one request so, then closes."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(response)

    return script


async def silent(peer: Peer) -> None:
    """Takes one request and never answers."""
    await peer.request()
    await peer.watch()
