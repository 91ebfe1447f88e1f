"""Connections that are open and lead nowhere: kept ones are replaced, and a peer that takes its time is not disturbed."""

import asyncio
import os
import signal
import socket
import sys

import pytest

from gateway.transport import exchange, liveness
from gateway.values.outcome import AttemptFailed, Outcome
from tests.support import dead_link
from tests.transport.raw_server import OK, Peer, ask, begin, body, client, serving, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's filters and figures")


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "UNHEARD_S", 0.3)


async def answers_at_first(peer: Peer) -> None:
    """Every request of the first connection but the first meets a dead link."""
    await peer.request()
    await peer.send(OK)
    if peer.number == 0:
        dead_link.cut(peer.writer.get_extra_info("socket"))
        await asyncio.sleep(3600)
    while True:
        await peer.request()
        await peer.send(OK)


async def test_a_kept_connection_that_leads_nowhere_is_replaced() -> None:
    async with serving(answers_at_first) as server, client(server.port) as transport:
        assert await ask(transport) == (200, b"ok")
        await asyncio.sleep(0.05)
        one = await begin(transport, within_s=30.0)
        assert one.reused
        assert (await one.head()).status == 200
        assert await body(one) == b"ok"
        assert (one.reused, one.resent) == (False, True)
        one.close()
        assert len(server.peers) == 2
        assert transport.stats() == {"d": (1, 1)}


async def test_so_are_the_others_that_were_kept() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await until(lambda: len(server.requests) >= 3)
        await peer.send(OK)
        if peer.number < 3:
            dead_link.cut(peer.writer.get_extra_info("socket"))
            await asyncio.sleep(3600)
        await peer.watch()

    async with serving(script) as server, client(server.port) as transport:
        assert await asyncio.gather(*(ask(transport) for _ in range(3))) == [(200, b"ok")] * 3
        assert transport.stats() == {"d": (3, 3)}
        assert await ask(transport) == (200, b"ok")
        assert transport.stats() == {"d": (1, 1)}


async def test_nothing_is_sent_twice_to_one_that_takes_its_time() -> None:
    """It has acknowledged the request, and works on it."""

    async def script(peer: Peer) -> None:
        for pause_s in (0.0, 1.5):
            await peer.request()
            await asyncio.sleep(pause_s)
            await peer.send(OK)

    async with serving(script) as server, client(server.port) as transport:
        assert await ask(transport) == (200, b"ok")
        assert await ask(transport) == (200, b"ok")
        assert (len(server.peers), len(server.requests)) == (1, 2)


async def test_a_stopped_process_acknowledges_and_is_waited_for() -> None:
    """Its kernel takes the request: whether it is worked on, only time tells; the moment that is expected holds."""
    code = (
        "import socket\nl = socket.create_server(('127.0.0.1', 0)); print(l.getsockname()[1], flush=True)\n"
        f"c, _ = l.accept()\nwhile c.recv(65536): c.sendall({OK!r})"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        async with client(int(await process.stdout.readline())) as transport:
            assert await ask(transport) == (200, b"ok")
            os.kill(process.pid, signal.SIGSTOP)
            one = await begin(transport, within_s=1.0)
            with pytest.raises(AttemptFailed) as caught:
                await one.head()
            assert caught.value.outcome is Outcome.TOTAL_TIMEOUT
            assert (one.reused, one.resent, one.is_heard) == (True, False, False)
            one.close()
    finally:
        process.kill()
        await process.wait()


async def test_what_stays_unacknowledged_is_ended_by_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also on a new connection, and under a stream that has begun."""
    monkeypatch.setattr(exchange, "UNHEARD_S", 600.0)
    async with serving(answers_at_first) as server, client(server.port) as transport:
        assert await ask(transport) == (200, b"ok")
        await asyncio.sleep(0.05)
        one = await begin(transport, within_s=600.0)
        kernel = one._connection._transport.get_extra_info("socket")  # type: ignore[union-attr]
        assert kernel.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert kernel.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == liveness.DROPPED_AFTER_S * 1000
        kernel.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 500)
        with pytest.raises(AttemptFailed) as caught:
            await one.head()
        assert caught.value.outcome is Outcome.CONNECTION_LOST
        one.close()
