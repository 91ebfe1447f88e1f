"""Several addresses of one deployment: each with connections and limits of its own, all with its credential, and no other."""

import asyncio
import time

import pytest

from gateway.transport import Origin, Transport, TransportLimits
from gateway.transport.signers import bearer
from gateway.values.outcome import AttemptFailed, Outcome
from tests.transport.raw_server import CALL, OK, Peer, always, body, serving, silent


def origins(*ports: int) -> list[Origin]:
    return [Origin("http", "127.0.0.1", port, "/v1") for port in ports]


async def test_each_address_is_its_own_server_and_gets_the_deployments_key() -> None:
    async with serving(always(OK)) as first, serving(always(OK)) as second, serving(always(OK)) as other:
        transport = Transport(TransportLimits())
        transport.place("d", origins(first.port, second.port), bearer("of-d"))
        transport.place("e", origins(other.port), bearer("of-e"))
        for deployment, address in (("d", 0), ("d", 1), ("d", 1), ("e", 0)):
            exchange = await transport.send(deployment, CALL, connect_s=1.0, address=address)
            await exchange.head()
            await body(exchange)
            exchange.close()
        assert [len(server.requests) for server in (first, second, other)] == [1, 2, 1]
        for server, key in ((first, b"of-d"), (second, b"of-d"), (other, b"of-e")):
            assert all(b"authorization: Bearer " + key in request for request in server.requests)
            assert all(f"host: 127.0.0.1:{server.port}".encode() in request for request in server.requests)
        assert transport.stats() == {"d": (2, 2), "e": (1, 1)}
        assert transport.redact("d", "said of-d") == "said [redacted]"
        await transport.close()
        assert transport.stats() == {}


async def test_one_that_is_full_or_dead_does_not_hold_up_another() -> None:
    async with serving(silent) as hanging, serving(always(OK)) as good:
        transport = Transport(TransportLimits(max_connections=2))
        transport.place("d", origins(hanging.port, good.port, 1))
        held = [await transport.send("d", CALL, connect_s=1.0, address=0) for _ in range(2)]
        since = time.monotonic()
        for address, outcome in ((0, Outcome.OVERLOADED), (2, Outcome.CONNECT_FAILED)):
            with pytest.raises(AttemptFailed) as caught:
                await transport.send("d", CALL, connect_s=1.0, address=address)
            assert caught.value.outcome is outcome
        exchange = await transport.send("d", CALL, connect_s=1.0, address=1)
        assert (await exchange.head()).status == 200
        exchange.close()
        assert time.monotonic() - since < 0.5
        for one in held:
            one.close()
        await transport.close()


async def once_open(peer: Peer) -> None:
    """Answers one request, then sees when the client closes."""
    await peer.request()
    await peer.send(OK)
    await peer.watch()


async def test_moving_a_deployment_closes_what_is_idle_at_all_its_addresses() -> None:
    async with serving(once_open) as first, serving(once_open) as second:
        transport = Transport(TransportLimits())
        transport.place("d", origins(first.port, second.port))
        for address in (0, 1):
            exchange = await transport.send("d", CALL, connect_s=1.0, address=address)
            await exchange.head()
            await body(exchange)
            exchange.close()
        transport.place("d", origins(first.port)[0])
        await asyncio.wait_for(asyncio.gather(first.peers[0].left.wait(), second.peers[0].left.wait()), 2)
        assert transport.stats() == {"d": (0, 0)}
        await transport.close()
