"""Moments at which waiting ends: on time, wherever they are moved; and connecting, which has a limit of its own."""

import asyncio
import contextlib
import gc
import socket
import time
import weakref
from collections.abc import Iterator

import pytest

from gateway.transport import Exchange, Origin
from gateway.values.outcome import AttemptFailed, Outcome
from tests.transport.raw_server import CALL, OK, Peer, always, ask, body, client, serving, silent, until

LATE_S = 0.1  # how late a moment may be noticed on a busy machine
EARLY_S = 0.002  # uvloop's timers count milliseconds
FIRST, IDLE, TOTAL = Outcome.FIRST_OUTPUT_TIMEOUT, Outcome.IDLE_TIMEOUT, Outcome.TOTAL_TIMEOUT


def now() -> float:
    return asyncio.get_running_loop().time()


async def silent_after_head(peer: Peer) -> None:
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n")
    await peer.watch()


async def failing_at(exchange: Exchange, *, head: bool = True) -> tuple[float, Outcome]:
    with pytest.raises(AttemptFailed) as caught:
        await asyncio.wait_for(exchange.head() if head else exchange.read(), 3.0)
    return time.monotonic(), caught.value.outcome


def on_time(at: float, due: float) -> bool:
    return due - EARLY_S <= at <= due + LATE_S


@pytest.mark.parametrize("part", ["head", "body"])
async def test_it_ends_on_time(part: str) -> None:
    script = silent if part == "head" else silent_after_head
    async with serving(script) as server, client(server.port) as transport:
        exchange = await transport.send("d", CALL, connect_s=1.0)
        if part == "body":
            await exchange.head()
        due = time.monotonic() + 0.2
        exchange.expect(now() + 0.2, IDLE)
        at, outcome = await failing_at(exchange, head=part == "head")
        exchange.close()
        assert outcome is IDLE
        assert on_time(at, due)


@pytest.mark.parametrize("first_s", [0.05, 0.3, 60.0], ids=["later", "nearer", "much_nearer"])
@pytest.mark.parametrize("pending", [False, True], ids=["before_waiting", "while_waiting"])
async def test_it_moves(first_s: float, pending: bool) -> None:
    async with serving(silent) as server, client(server.port) as transport:
        exchange = await transport.send("d", CALL, connect_s=1.0)
        due = time.monotonic() + 0.15
        exchange.expect(now() + first_s, TOTAL)
        if pending:
            asyncio.get_running_loop().call_later(0.02, exchange.expect, now() + 0.15, FIRST)
        else:
            exchange.expect(now() + 0.15, FIRST)
        at, outcome = await failing_at(exchange)
        exchange.close()
        assert outcome is FIRST
        assert on_time(at, due)


async def test_it_can_be_set_for_the_first_time_while_waiting() -> None:
    async with serving(silent) as server, client(server.port) as transport:
        exchange = await transport.send("d", CALL, connect_s=1.0)
        asyncio.get_running_loop().call_later(0.05, lambda: exchange.expect(now() + 0.1, IDLE))
        due = time.monotonic() + 0.15
        at, outcome = await failing_at(exchange)
        exchange.close()
        assert outcome is IDLE
        assert on_time(at, due)


async def test_it_moves_back_and_forth_and_sets_few_timers() -> None:
    async with serving(silent) as server, client(server.port) as transport:
        exchange = await transport.send("d", CALL, connect_s=1.0)
        due = time.monotonic() + 0.2
        for number in range(2000):
            exchange.expect(now() + 10 + number % 7, TOTAL)
        exchange.expect(now() + 0.2, IDLE)
        at, outcome = await failing_at(exchange)
        exchange.close()
        assert outcome is IDLE
        assert on_time(at, due)


async def test_a_moment_that_has_passed() -> None:
    async with serving(silent) as server, client(server.port) as transport:
        exchange = await transport.send("d", CALL, connect_s=1.0)
        exchange.expect(now() - 1, IDLE)
        started = time.monotonic()
        at, outcome = await failing_at(exchange)
        exchange.close()
        assert outcome is IDLE
        assert at - started < 0.02


async def test_a_slow_reader_still_gets_what_came_in_time() -> None:
    async with serving(always(OK)) as server, client(server.port) as transport:
        exchange = await transport.send("d", CALL, connect_s=1.0)
        exchange.expect(now() + 0.2, IDLE)
        await exchange.head()
        await until(lambda: exchange.bytes_received == len(OK))
        await asyncio.sleep(0.3)
        assert await body(exchange) == b"ok"
        exchange.close()


async def test_a_slow_reader_does_not_get_what_came_too_late() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n", pause_s=0.2)
        await peer.send(b"ok")
        await peer.watch()

    async with serving(script) as server, client(server.port) as transport:
        exchange = await transport.send("d", CALL, connect_s=1.0)
        await exchange.head()
        exchange.expect(now() + 0.1, IDLE)
        await asyncio.sleep(0.3)
        _, outcome = await failing_at(exchange, head=False)
        exchange.close()
        assert outcome is IDLE


async def test_bytes_that_keep_coming_do_not_put_it_off() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while not peer.writer.is_closing():
            await peer.send(b"8\r\n: ping\n\n\r\n", pause_s=0.002)

    async with serving(script) as server, client(server.port) as transport:
        exchange = await transport.send("d", CALL, connect_s=1.0)
        await exchange.head()
        due = time.monotonic() + 0.2
        exchange.expect(now() + 0.2, FIRST)
        with pytest.raises(AttemptFailed) as caught:
            await body(exchange)
        at = time.monotonic()
        exchange.close()
        assert caught.value.outcome is FIRST
        assert on_time(at, due)


@pytest.mark.parametrize("part", ["head", "body"])
async def test_a_reader_that_is_cancelled_leaves_nothing(part: str) -> None:
    script = silent if part == "head" else silent_after_head
    async with serving(script) as server, client(server.port) as transport:
        exchange = await transport.send("d", CALL, connect_s=1.0)
        exchange.expect(now() + 0.15, TOTAL)
        if part == "body":
            await exchange.head()
        reader = asyncio.ensure_future(exchange.head() if part == "head" else exchange.read())
        await asyncio.sleep(0.05)
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
        exchange.close()
        await asyncio.wait_for(server.peers[0].left.wait(), 0.1)
        await asyncio.sleep(0.15)  # the timer's moment passes unnoticed
        assert transport.stats() == {"d": (0, 0)}


async def test_a_closed_exchange_is_not_kept_until_its_moment() -> None:
    async with serving(silent) as server, client(server.port) as transport:
        exchange = await transport.send("d", CALL, connect_s=1.0)
        exchange.expect(now() + 600, TOTAL)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(exchange.head(), 0.02)
        exchange.close()
        gone = weakref.ref(exchange)
        del exchange
        await asyncio.sleep(0.02)
        gc.collect()
        assert gone() is None


async def test_closing_tells_a_reader_that_waits() -> None:
    async with serving(silent) as server, client(server.port) as transport:
        exchange = await transport.send("d", CALL, connect_s=1.0)
        asyncio.get_running_loop().call_later(0.05, exchange.close)
        _, outcome = await failing_at(exchange)
        assert outcome is Outcome.CONNECTION_LOST


async def test_sending_does_not_wait_for_the_response() -> None:
    async with serving(silent) as server, client(server.port) as transport:
        started = time.monotonic()
        exchange = await transport.send("d", CALL, connect_s=1.0)
        assert time.monotonic() - started < 0.1
        await until(lambda: len(server.requests) == 1)
        exchange.close()


@contextlib.contextmanager
def deaf() -> Iterator[int]:
    """A port that takes no connection and refuses none: its queue is full."""
    with socket.socket() as listener, contextlib.ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        time.sleep(0.05)
        yield listener.getsockname()[1]


async def test_connecting_has_a_limit() -> None:
    with deaf() as port:
        async with client(port) as transport:
            started = time.monotonic()
            with pytest.raises(AttemptFailed) as caught:
                await transport.send("d", CALL, connect_s=0.2)
            assert caught.value.outcome is Outcome.CONNECT_TIMEOUT
            assert on_time(time.monotonic(), started + 0.2)
            assert transport.stats() == {"d": (0, 0)}


async def test_connecting_can_be_cancelled_and_leaves_nothing() -> None:
    with deaf() as port:
        async with client(port, max_connections=1) as transport:
            for _ in range(3):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(transport.send("d", CALL, connect_s=5.0), 0.05)
            assert transport.stats() == {"d": (0, 0)}


async def test_replacing_a_stale_connection_keeps_to_what_is_expected() -> None:
    dropped = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()
        dropped.set()
        await asyncio.sleep(0.03)
        peer.reset()

    with deaf() as port:
        async with serving(script) as server, client(server.port) as transport:
            assert await ask(transport) == (200, b"ok")
            exchange = await transport.send("d", CALL, connect_s=5.0)
            await dropped.wait()
            transport._places["d"][0].origin = Origin("http", "127.0.0.1", port, "")  # as if the server were overrun
            due = time.monotonic() + 0.3
            exchange.expect(now() + 0.3, FIRST)
            at, outcome = await failing_at(exchange)
            exchange.close()
            assert outcome is FIRST
            assert on_time(at, due)
            assert transport.stats() == {"d": (0, 0)}


@pytest.mark.parametrize(
    "origin",
    [
        Origin("http", "127.0.0.1", 1, ""),
        Origin("http", "no-such-host.invalid", 80, ""),
        Origin("http", "a" * 70 + ".invalid", 80, ""),
        Origin("http", "::1", 1, ""),
    ],
    ids=["refused", "unknown_host", "no_name", "ipv6"],
)
async def test_nobody_there(origin: Origin) -> None:
    async with client(1) as transport:
        transport.place("d", origin)
        with pytest.raises(AttemptFailed) as caught:
            await transport.send("d", CALL, connect_s=5.0)
        assert caught.value.outcome is Outcome.CONNECT_FAILED
        assert caught.value.detail
        assert transport.stats() == {"d": (0, 0)}
