"""Where a response ends, whatever the cuts between the segments it comes in; and what is no response."""

import asyncio
import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.values.call import Call
from gateway.values.outcome import AttemptFailed, Outcome
from tests.transport.raw_server import (
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
    until,
)

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 11\r\n\r\nhello world"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    b"5\r\nhello\r\n1;name=value\r\n \r\n0005\r\nworld\r\n0\r\nx-trailer: 1\r\n\r\n"
)
AFTER_HINTS = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" + PLAIN
AT_EOF = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\nhello world"
BIG_CALL = Call("POST", "/chat", (), b"z" * 20_000_000)
DELIMITED = {"plain": PLAIN, "chunked": CHUNKED, "after_hints": AFTER_HINTS}


def head_size(response: bytes) -> int:
    """Up to the end of the head that is not 1xx."""
    start = response.index(b"HTTP/1.1 200")
    return response.index(b"\r\n\r\n", start) + 4


@pytest.mark.parametrize("response", DELIMITED.values(), ids=DELIMITED.keys())
async def test_cut_into_two_segments_at_every_byte(response: bytes) -> None:
    async def script(peer: Peer) -> None:
        for at in range(1, len(response)):
            await peer.request()
            await peer.send(response[:at], pause_s=0.002)
            await peer.send(response[at:])

    async with serving(script) as server, client(server.port) as transport:
        for _ in range(1, len(response)):
            assert await ask(transport) == (200, b"hello world")
        # who connects and asks nothing is no client of this test: ports are used again, by other processes' probes too
        assert [peer.asked for peer in server.peers if peer.asked] == [len(response) - 1]


@pytest.mark.parametrize("response", [CHUNKED, AFTER_HINTS], ids=["chunked", "after_hints"])
async def test_byte_by_byte(response: bytes) -> None:
    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send(*(response[at : at + 1] for at in range(len(response))), pause_s=0.0005)

    async with serving(script) as server, client(server.port) as transport:
        for _ in range(2):
            assert await ask(transport) == (200, b"hello world")


@pytest.mark.parametrize("response", DELIMITED.values(), ids=DELIMITED.keys())
async def test_a_response_that_ends_early_never_looks_finished(response: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(response[: peer.number])

    async with serving(script) as server, client(server.port) as transport:
        for sent in range(len(response)):
            expected = Outcome.CONNECTION_LOST if sent < head_size(response) else Outcome.TRUNCATED
            assert (sent, await outcome_of(transport)) == (sent, expected)
        assert len(server.requests) == len(response)  # nothing was asked twice
        assert await outcome_of(transport) is Outcome.OK


@pytest.mark.parametrize("response", [PLAIN, CHUNKED, AT_EOF], ids=["plain", "chunked", "at_eof"])
async def test_a_reset_never_looks_finished(response: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(response[:-3], pause_s=0.02)
        peer.reset()

    async with serving(script) as server, client(server.port) as transport:
        assert await outcome_of(transport) is Outcome.TRUNCATED


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(min_size=1, max_size=50), max_size=20), st.lists(st.integers(0, 1200), max_size=6))
def test_any_chunks_in_any_segments(chunks: list[bytes], cuts: list[int]) -> None:
    response = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    response += b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    edges = sorted({0, len(response), *(min(cut, len(response)) for cut in cuts)})
    pieces = [response[start:end] for start, end in itertools.pairwise(edges)]

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(*pieces, pause_s=0.001)

    async def story() -> None:
        async with serving(script) as server, client(server.port) as transport:
            assert await ask(transport) == (200, b"".join(chunks))

    asyncio.run(story())


async def test_a_body_without_a_length_ends_with_the_connection() -> None:
    async with serving(once(AT_EOF)) as server, client(server.port) as transport:
        exchange = await begin(transport)
        assert (await exchange.head()).status == 200
        assert not exchange.delimited
        assert await body(exchange) == b"hello world"
        assert exchange.bytes_received == len(AT_EOF)
        exchange.close()
        assert transport.stats() == {"d": (0, 0)}


async def test_a_half_closed_answer_does_not_wait_for_the_request_to_be_written() -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        peer.writer.write(AT_EOF)
        peer.writer.write_eof()
        await asyncio.sleep(5)

    async with serving(script) as server, client(server.port) as transport:
        assert await asyncio.wait_for(ask(transport, BIG_CALL), 2.0) == (200, b"hello world")


@pytest.mark.parametrize("response", [PLAIN, CHUNKED, b"HTTP/1.1 204 No Content\r\n\r\n"])
async def test_other_bodies_say_where_they_end(response: bytes) -> None:
    async with serving(always(response)) as server, client(server.port) as transport:
        exchange = await begin(transport)
        await exchange.head()
        assert exchange.delimited
        await body(exchange)
        exchange.close()
        assert transport.stats() == {"d": (1, 1)}


@pytest.mark.parametrize(
    ("response", "status"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204),
        (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 100\r\n\r\n", 304),
        (b"HTTP/1.1 307 Temporary Redirect\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n", 307),
        (b"HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n", 500),
        (b"HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n", 200),
        (b"HTTP/1.1 200 OK\r\nconnection: Upgrade, keep-alive\r\nupgrade: h2c\r\ncontent-length: 0\r\n\r\n", 200),
    ],
)
async def test_responses_without_a_body(response: bytes, status: int) -> None:
    async with serving(always(response)) as server, client(server.port) as transport:
        assert await ask(transport) == (status, b"")
        assert await ask(transport) == (status, b"")
        assert len(server.peers) == 1
        assert len(server.requests) == 2  # a redirect was not followed


async def test_header_fields() -> None:
    response = b"HTTP/1.1 200 OK\r\nX-One: a\r\nx-one: b\r\nX-Latin: \xe9\r\ncontent-length: 0\r\n\r\n"
    async with serving(always(response)) as server, client(server.port) as transport:
        exchange = await begin(transport)
        head = await exchange.head()
        exchange.close()
    assert head.headers == {"x-one": "a, b", "x-latin": "\u00e9", "content-length": "0"}


async def test_hints_and_trailers_are_no_header_fields() -> None:
    trailers = b"HTTP/1.1 103 Hints\r\nx-hint: 1\r\n\r\n" + CHUNKED
    async with serving(always(trailers)) as server, client(server.port) as transport:
        exchange = await begin(transport)
        head = await exchange.head()
        await body(exchange)
        exchange.close()
    assert head.headers == {"transfer-encoding": "chunked"}


@pytest.mark.parametrize("extra", [OK, b"garbage", b"{}"], ids=["a_response", "garbage", "json"])
async def test_bytes_beyond_the_body_are_ignored_and_the_connection_is_not_used_again(extra: bytes) -> None:
    async with serving(always(PLAIN + extra)) as server, client(server.port) as transport:
        for number in range(1, 4):
            assert await ask(transport) == (200, b"hello world")
            assert transport.stats() == {"d": (0, 0)}
            assert len(server.peers) == number


async def test_late_bytes_on_an_idle_connection_close_it() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK, pause_s=0.05)
        await peer.send(b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n")
        await peer.watch()

    async with serving(script) as server, client(server.port) as transport:
        assert await ask(transport) == (200, b"ok")
        assert transport.stats() == {"d": (1, 1)}
        await until(lambda: transport.stats() == {"d": (0, 0)})
        assert await ask(transport) == (200, b"ok")
        assert len(server.peers) == 2


async def test_after_a_failure_it_goes_on_failing() -> None:
    async with serving(once(PLAIN[:-1])) as server, client(server.port) as transport:
        exchange = await begin(transport)
        await exchange.head()
        assert await exchange.read() == b"hello worl"
        for _ in range(3):
            with pytest.raises(AttemptFailed) as caught:
                await exchange.read()
            assert caught.value.outcome is Outcome.TRUNCATED
        exchange.close()
        exchange.close()


async def test_after_the_end_it_stays_ended() -> None:
    async with serving(always(PLAIN)) as server, client(server.port) as transport:
        exchange = await begin(transport)
        await exchange.head()
        assert await body(exchange) == b"hello world"
        assert [await exchange.read() for _ in range(3)] == [b""] * 3
        exchange.close()
