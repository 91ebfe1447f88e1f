"""What the other side, and who waits, see of connections that are closed, moved and left."""

import asyncio
import time

import pytest

from gateway.transport import Origin
from gateway.transport.signers import bearer
from gateway.values.call import Call
from gateway.values.outcome import Outcome
from tests.transport.raw_server import (
    OK,
    Peer,
    always,
    ask,
    begin,
    body,
    client,
    outcome_of,
    serving,
    silent,
    until,
)

BIG_CALL = Call("POST", "/", (), b"z" * 20_000_000)
CHUNK = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n"


async def test_leaving_in_the_middle_of_a_body_is_seen_at_once() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(CHUNK)
        await peer.watch()

    async with serving(script) as server, client(server.port) as transport:
        exchange = await begin(transport)
        await exchange.head()
        assert await exchange.read() == b"ok"
        closed_at = time.monotonic()
        exchange.close()
        await asyncio.wait_for(server.peers[0].left.wait(), 1.0)
        assert server.peers[0].left_at - closed_at < 0.1
        assert transport.stats() == {"d": (0, 0)}


async def test_leaving_while_the_request_is_still_written_does_not_write_the_rest() -> None:
    left = asyncio.Event()

    async def script(peer: Peer) -> None:
        await left.wait()
        while data := await peer.reader.read(1 << 20):
            taken.append(len(data))

    taken: list[int] = []
    async with serving(script) as server, client(server.port) as transport:
        exchange = await begin(transport, BIG_CALL)
        await until(lambda: len(server.peers) == 1)
        exchange.close()
        left.set()
        await until(lambda: all(task.done() for task in server.tasks))
        assert sum(taken) < len(BIG_CALL.body)
        assert transport.stats() == {"d": (0, 0)}


async def test_a_deployment_that_moves_takes_its_address_and_its_credential_along() -> None:
    async with serving(always(OK)) as old, serving(always(OK)) as new, client(old.port) as transport:
        await ask(transport)
        transport.place("d", Origin("http", "127.0.0.1", new.port, ""), bearer("other"))
        assert transport.stats() == {"d": (0, 0)}
        await ask(transport)
        assert (len(old.requests), len(new.requests)) == (1, 1)
        assert b"Bearer secret" in old.requests[0]
        assert b"Bearer other" in new.requests[0]
        assert b"secret" not in new.requests[0]
        with pytest.raises(asyncio.IncompleteReadError):
            await asyncio.wait_for(old.peers[0].reader.readexactly(1), 0.5)


async def test_an_exchange_in_progress_goes_on_when_its_deployment_moves() -> None:
    answer = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await answer.wait()
        await peer.send(OK)
        await peer.watch()

    async with serving(script) as old, serving(always(OK)) as new, client(old.port) as transport:
        exchange = await begin(transport)
        transport.place("d", Origin("http", "127.0.0.1", new.port, ""))
        answer.set()
        assert (await exchange.head()).status == 200
        assert await body(exchange) == b"ok"
        exchange.close()
        await asyncio.wait_for(old.peers[0].left.wait(), 0.5)
        assert transport.stats() == {"d": (0, 0)}


@pytest.mark.parametrize("moved", [False, True])
async def test_closing_tells_who_waits_and_sends_nothing_more(moved: bool) -> None:
    async with serving(silent) as server, client(server.port) as transport:
        waiting = asyncio.ensure_future(outcome_of(transport))
        await until(lambda: len(server.requests) == 1)
        if moved:
            transport.place("d", Origin("http", "127.0.0.1", 1, ""))
        await transport.close()
        assert await asyncio.wait_for(waiting, 0.5) is Outcome.CONNECTION_LOST
        await asyncio.wait_for(server.peers[0].left.wait(), 0.5)
        transport.place("d", Origin("http", "127.0.0.1", server.port, ""))
        assert await outcome_of(transport) is Outcome.CONNECT_FAILED
        assert len(server.requests) == 1


async def test_a_connection_that_is_made_while_closing_is_closed() -> None:
    async with serving(silent) as server, client(server.port) as transport:
        sending = asyncio.ensure_future(outcome_of(transport))
        await asyncio.sleep(0)
        assert transport._places["d"][0].pending == 1
        await transport.close()
        assert await asyncio.wait_for(sending, 0.5) is Outcome.CONNECTION_LOST
        assert server.requests == []


async def test_a_thousand_exchanges_of_every_kind_leave_nothing() -> None:
    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            if peer.asked == 4:
                return
            if peer.number % 3 == 1:
                await peer.send(CHUNK)
                await peer.watch()
                return
            await peer.send(OK)

    async with serving(script) as server, client(server.port, max_connections=16) as transport:
        before = len(asyncio.all_tasks()) - len(server.tasks)

        async def some(kind: int) -> None:
            for _ in range(125):
                exchange = await begin(transport)
                waiting = asyncio.ensure_future(exchange.head())
                await asyncio.sleep(0.001 * (kind % 3))
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)
                exchange.close()

        await asyncio.gather(*(some(kind) for kind in range(8)))
        opened, idle = transport.stats()["d"]
        assert opened == idle
        await transport.close()
        await until(lambda: all(task.done() for task in server.tasks))
        assert len([task for task in asyncio.all_tasks() if task not in server.tasks]) <= before
