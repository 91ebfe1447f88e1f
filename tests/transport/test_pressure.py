"""A reader that is slow makes the upstream wait; memory does not grow with what the upstream would like to send."""

import asyncio

from gateway.values.outcome import Outcome
from tests.transport.raw_server import CALL, Peer, client, serving

PIECE = b"x" * 65536
TOTAL = 200_000_000 // len(PIECE) * len(PIECE)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % TOTAL
HIGH_WATER = 256 * 1024
ONE_READ = 256 * 1024  # what an event loop hands over at once, on either loop
KERNEL = 16 * 1024 * 1024  # both sockets' buffers, at their largest


async def test_a_slow_reader_of_a_large_stream() -> None:
    sent = 0

    async def script(peer: Peer) -> None:
        nonlocal sent
        await peer.request()
        await peer.send(HEAD)
        while sent < TOTAL:
            await peer.send(PIECE)
            sent += len(PIECE)

    async with serving(script) as server, client(server.port, max_body_bytes=TOTAL) as transport:
        exchange = await transport.send("d", CALL, connect_s=1.0)
        exchange.expect(asyncio.get_running_loop().time() + 20.0, Outcome.TOTAL_TIMEOUT)
        await exchange.head()
        got, largest = 0, 0
        for _ in range(5):  # slow
            await asyncio.sleep(0.1)
            assert exchange.bytes_received - got <= HIGH_WATER + ONE_READ + len(HEAD)
            assert sent - got <= KERNEL
            got += len(await exchange.read())
        while data := await exchange.read():  # fast
            got += len(data)
            largest = max(largest, len(data))
        exchange.close()
        assert got == TOTAL
        assert largest <= HIGH_WATER + ONE_READ
        assert transport.stats() == {"d": (1, 1)}
