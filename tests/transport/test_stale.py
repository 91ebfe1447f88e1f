"""When a request is sent a second time: once, on a fresh connection, if the pooled one had gone; else never."""

import asyncio

import pytest

from gateway.values.call import Call
from gateway.values.outcome import Outcome
from tests.transport.raw_server import (
    OK,
    Peer,
    ask,
    begin,
    body,
    client,
    outcome_of,
    serving,
    until,
)


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_a_stale_connection_is_replaced_once_unseen(how: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()  # taken, and never answered, as by a server that was about to close
        peer.reset() if how == "reset" else peer.writer.close()

    async with serving(script) as server, client(server.port) as transport:
        assert await ask(transport) == (200, b"ok")
        exchange = await begin(transport)
        assert exchange.reused
        assert (await exchange.head()).status == 200
        assert exchange.resent
        assert not exchange.reused
        assert await body(exchange) == b"ok"
        exchange.close()
        assert (len(server.peers), len(server.requests)) == (2, 3)
        assert server.requests[1] == server.requests[2]
        assert transport.stats() == {"d": (1, 1)}


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_what_the_peer_worked_on_is_not_sent_again(how: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()
        await asyncio.sleep(0.3)
        peer.reset() if how == "reset" else peer.writer.close()

    async with serving(script) as server, client(server.port) as transport:
        assert await ask(transport) == (200, b"ok")
        assert await outcome_of(transport) is Outcome.CONNECTION_LOST
        assert (len(server.peers), len(server.requests)) == (1, 2)


async def test_what_never_arrived_whole_is_sent_again_however_late() -> None:
    large = Call("POST", "/chat", (), b"x" * 30_000_000)

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        if peer.number == 0:
            await asyncio.sleep(0.3)
            peer.reset()

    async with serving(script) as server, client(server.port) as transport:
        assert await ask(transport) == (200, b"ok")
        exchange = await transport.send("d", large, connect_s=1)
        assert (await exchange.head()).status == 200
        assert exchange.resent
        exchange.close()
        assert (len(server.peers), len(server.requests)) == (2, 2)


async def test_a_stale_connection_is_replaced_no_more_than_once() -> None:
    async def script(peer: Peer) -> None:
        if peer.number == 0:
            await peer.request()
            await peer.send(OK)
        await peer.request()

    async with serving(script) as server, client(server.port) as transport:
        assert await ask(transport) == (200, b"ok")
        assert await outcome_of(transport) is Outcome.CONNECTION_LOST
        assert (len(server.peers), len(server.requests)) == (2, 3)


async def test_a_fresh_connection_is_not_replaced() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()

    async with serving(script) as server, client(server.port) as transport:
        assert await outcome_of(transport) is Outcome.CONNECTION_LOST
        await asyncio.sleep(0.05)
        assert (len(server.peers), len(server.requests)) == (1, 1)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (b"H", Outcome.CONNECTION_LOST),
        (b"HTTP/1.1 100 Continue\r\n\r\n", Outcome.CONNECTION_LOST),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n", Outcome.CONNECTION_LOST),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n", Outcome.TRUNCATED),
    ],
)
async def test_nothing_is_sent_again_once_a_byte_has_come(part: bytes, expected: Outcome) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()
        await peer.send(part)

    async with serving(script) as server, client(server.port) as transport:
        assert await ask(transport) == (200, b"ok")
        assert await outcome_of(transport) is expected
        await asyncio.sleep(0.05)
        assert (len(server.peers), len(server.requests)) == (1, 2)


async def test_a_replacement_that_cannot_be_made() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()
        peer.server.stop_listening()
        peer.reset()

    async with serving(script) as server, client(server.port) as transport:
        assert await ask(transport) == (200, b"ok")
        assert await outcome_of(transport) is Outcome.CONNECT_FAILED
        assert (len(server.peers), len(server.requests)) == (1, 2)
        assert transport.stats() == {"d": (0, 0)}


async def test_a_stale_connection_is_not_replaced_after_closing() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()
        await peer.watch()

    async with serving(script) as server, client(server.port) as transport:
        assert await ask(transport) == (200, b"ok")
        waiting = asyncio.ensure_future(outcome_of(transport))
        await until(lambda: len(server.requests) == 2)
        await transport.close()
        assert await asyncio.wait_for(waiting, 0.5) is Outcome.CONNECT_FAILED
        assert len(server.peers) == 1
