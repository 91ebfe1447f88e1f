"""What is no response, and what has no end: refused, and bounded."""

import pytest

from gateway.values.outcome import Outcome
from tests.transport.raw_server import (
    Peer,
    always,
    ask,
    client,
    once,
    outcome_of,
    serving,
)


@pytest.mark.parametrize(
    "response",
    [
        b"this is not HTTP\r\n\r\n",
        b"<html>no</html>",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok!",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: two\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nok\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nokX",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbad header line\r\n\r\n",
    ],
)
async def test_what_is_no_http(response: bytes) -> None:
    async with serving(always(response)) as server, client(server.port) as transport:
        assert await outcome_of(transport) is Outcome.MALFORMED_ANSWER
        assert transport.stats() == {"d": (0, 0)}


LIMIT = 2000
FILLER = b"x-filler: " + b"y" * 90 + b"\r\n"


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (b"HTTP/1.1 200 OK\r\n", FILLER),
        (b"HTTP/1.1 200 OK\r\nx: ", b"y" * 100),
        (b"HTTP/1.1 200 ", b"y" * 100),
        (b"", b"HTTP/1.1 100 Continue\r\nx: y\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n", FILLER),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx: ", b"y" * 100),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;", b"y" * 100),
    ],
    ids=["fields", "a_field", "the_reason", "hints", "trailers", "a_trailer", "a_chunk_extension"],
)
async def test_what_comes_without_end_is_bounded(start: bytes, more: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(start)
        while not peer.writer.is_closing():
            await peer.send(more, pause_s=0.001)

    async with serving(script) as server, client(server.port, max_head_bytes=LIMIT) as transport:
        assert await outcome_of(transport) is Outcome.MALFORMED_ANSWER


@pytest.mark.parametrize(("size", "expected"), [(1900, Outcome.OK), (2100, Outcome.MALFORMED_ANSWER)])
async def test_a_large_head_in_one_segment_with_its_body(size: int, expected: Outcome) -> None:
    response = b"HTTP/1.1 200 OK\r\nx: " + b"y" * size + b"\r\ncontent-length: 2\r\n\r\nok"
    async with serving(always(response)) as server, client(server.port, max_head_bytes=LIMIT) as transport:
        assert await outcome_of(transport) is expected


async def test_many_small_chunks_are_no_large_head() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", *[b"1\r\nx\r\n"] * 1000, b"0\r\n\r\n")

    async with serving(script) as server, client(server.port, max_head_bytes=LIMIT) as transport:
        assert await ask(transport) == (200, b"x" * 1000)


@pytest.mark.parametrize(("size", "expected"), [(5000, Outcome.OK), (5001, Outcome.ANSWER_TOO_LARGE)])
@pytest.mark.parametrize("framing", ["length", "chunked", "eof"])
async def test_a_body_is_bounded(size: int, expected: Outcome, framing: str) -> None:
    head = {"length": b"content-length: %d\r\n" % size, "chunked": b"transfer-encoding: chunked\r\n", "eof": b""}
    data = b"x" * size
    if framing == "chunked":
        data = b"%x\r\n%b\r\n0\r\n\r\n" % (size, data)
    response = b"HTTP/1.1 200 OK\r\n" + head[framing] + b"\r\n" + data
    async with serving(once(response)) as server, client(server.port, max_body_bytes=5000) as transport:
        assert await outcome_of(transport) is expected
