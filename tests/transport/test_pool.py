"""Which connection is used, when it is used again, and when a request is sent a second time: once, or never."""

import asyncio
import socket
import struct
import threading
import time

import pytest

from gateway.transport import Origin
from gateway.values.call import Call
from gateway.values.outcome import AttemptFailed, Outcome
from tests.transport.raw_server import (
    CALL,
    OK,
    Peer,
    always,
    ask,
    begin,
    body,
    client,
    once,
    outcome_of,
    serving,
    silent,
    until,
)

BIG_CALL = Call("POST", "/", (), b"z" * 20_000_000)


async def test_one_connection_serves_one_request_after_another() -> None:
    async with serving(always(OK)) as server, client(server.port) as transport:
        reused = []
        for _ in range(5):
            exchange = await begin(transport)
            await exchange.head()
            await body(exchange)
            reused.append(exchange.reused)
            exchange.close()
        assert reused == [False, True, True, True, True]
        assert len(server.peers) == 1


async def test_the_connection_used_last_is_used_next() -> None:
    async with serving(always(OK)) as server, client(server.port) as transport:
        exchanges = [await begin(transport) for _ in range(3)]
        for exchange in exchanges:
            await exchange.head()
            await body(exchange)
            exchange.close()
        assert transport.stats() == {"d": (3, 3)}
        for _ in range(4):
            await ask(transport)
        assert [peer.asked for peer in server.peers] == [1, 1, 5]


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
    ],
)
async def test_a_connection_that_the_peer_will_close_is_not_used_again(response: bytes) -> None:
    async with serving(always(response)) as server, client(server.port) as transport:
        for _ in range(2):
            assert await ask(transport) == (200, b"ok")
        assert [peer.asked for peer in server.peers] == [1, 1]
        assert transport.stats() == {"d": (0, 0)}


async def test_an_idle_connection_that_the_peer_closes_is_dropped() -> None:
    async with serving(once(OK)) as server, client(server.port) as transport:
        assert await ask(transport) == (200, b"ok")
        await until(lambda: transport.stats() == {"d": (0, 0)})
        exchange = await begin(transport)
        assert not exchange.reused
        await exchange.head()
        exchange.close()
        assert len(server.requests) == 2


async def test_an_idle_connection_is_closed_when_it_is_too_old() -> None:
    async with serving(always(OK)) as server, client(server.port, max_idle_s=1.0) as transport:
        await ask(transport)
        await asyncio.sleep(0.3)
        assert transport.stats() == {"d": (1, 1)}
        await until(lambda: transport.stats() == {"d": (0, 0)}, within_s=2.0)


async def test_a_connection_that_is_too_old_is_not_used_even_before_it_is_swept() -> None:
    async with serving(always(OK)) as server, client(server.port, max_idle_s=0.8) as transport:
        await ask(transport)
        await asyncio.sleep(0.6)
        await ask(transport)  # idle since now: the sweep at 0.8 s leaves it, the next is at 1.2 s
        time.sleep(1.0)  # the event loop is held up, so nothing can be swept
        await ask(transport)
        assert [peer.asked for peer in server.peers] == [2, 1]


async def test_no_more_connections_than_allowed_and_no_queue() -> None:
    async with serving(silent) as server, client(server.port, max_connections=2) as transport:
        held = [await begin(transport) for _ in range(2)]
        with pytest.raises(AttemptFailed) as caught:
            begin(transport).send(None)  # at once: it does not even come to wait
        assert caught.value.outcome is Outcome.OVERLOADED
        held[0].close()
        (await begin(transport)).close()
        held[1].close()
        assert transport.stats() == {"d": (0, 0)}


async def test_connections_that_are_being_made_count() -> None:
    async with serving(silent) as server, client(server.port, max_connections=2) as transport:
        made = await asyncio.gather(*(begin(transport) for _ in range(5)), return_exceptions=True)
        failures = [one for one in made if isinstance(one, AttemptFailed)]
        assert [failure.outcome for failure in failures] == [Outcome.OVERLOADED] * 3


async def test_each_deployment_has_a_pool_of_its_own() -> None:
    async with (
        serving(silent) as dead,
        serving(always(OK)) as alive,
        client(alive.port, max_connections=1) as transport,
    ):
        transport.place("dead", Origin("http", "127.0.0.1", dead.port, ""))
        held = await transport.send("dead", CALL, connect_s=1.0)
        assert await ask(transport) == (200, b"ok")
        assert transport.stats() == {"d": (1, 1), "dead": (1, 0)}
        held.close()


async def test_a_backend_that_takes_and_drops_connections_uses_up_none() -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def drop() -> None:
        while True:
            try:
                taken, _ = listener.accept()
            except OSError:
                return
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            taken.close()

    thread = threading.Thread(target=drop, daemon=True)
    thread.start()
    async with client(listener.getsockname()[1], max_connections=3) as transport:
        for _ in range(100):
            assert await outcome_of(transport) in (Outcome.CONNECTION_LOST, Outcome.CONNECT_FAILED)
        assert transport.stats() == {"d": (0, 0)}
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    await asyncio.to_thread(thread.join, 2.0)


async def test_an_answer_before_the_request_was_taken_frees_no_connection() -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(OK)
        await asyncio.sleep(5)

    async with serving(script) as server, client(server.port) as transport:
        answer = await ask(transport, BIG_CALL)
        assert answer == (200, b"ok")
        assert transport.stats() == {"d": (0, 0)}


async def test_an_unread_body_does_not_spoil_the_next_exchange() -> None:
    large = b"HTTP/1.1 200 OK\r\ncontent-length: 400000\r\n\r\n" + b"x" * 400_000
    async with serving(always(large)) as server, client(server.port) as transport:
        for _ in range(5):
            exchange = await begin(transport)
            await exchange.head()
            await until(lambda exchange=exchange: exchange.bytes_received > 256 * 1024)
            await asyncio.sleep(0.02)
            exchange.close()
        assert await ask(transport) == (200, b"x" * 400_000)
