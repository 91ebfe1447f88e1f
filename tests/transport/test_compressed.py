"""Compressed bodies, though none were asked for: whole, cut, corrupt, and bombs."""

import functools
import gzip
import zlib

import pytest

from gateway.values.outcome import AttemptFailed, Outcome
from tests.transport.raw_server import CALL, Peer, always, ask, client, once, outcome_of, serving

TEXT = b'{"choices": [' + b", ".join(b'{"index": %d}' % number for number in range(20)) + b"]}"
CODED = {"gzip": gzip.compress(TEXT), "x-gzip": gzip.compress(TEXT), "deflate": zlib.compress(TEXT)}


def response(coding: str, data: bytes, length: int | None = None) -> bytes:
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\ncontent-length: {len(data) if length is None else length}"
    return head.encode() + b"\r\n\r\n" + data


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "deflate", "GZIP", " gzip "])
async def test_a_compressed_body(coding: str) -> None:
    answer = response(coding, CODED[coding.strip().lower()])
    async with serving(always(answer)) as server, client(server.port) as transport:
        for _ in range(2):
            assert await ask(transport) == (200, TEXT)
        assert len(server.peers) == 1


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_in_segments_of_a_byte(coding: str) -> None:
    answer = response(coding, CODED[coding])

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(*(answer[at : at + 1] for at in range(len(answer))), pause_s=0.0005)

    async with serving(script) as server, client(server.port) as transport:
        assert await ask(transport) == (200, TEXT)


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_a_compressed_body_that_ends_early_never_looks_finished(coding: str) -> None:
    data = CODED[coding]

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(response(coding, data[: peer.number + 1]))  # proper HTTP around a cut body

    async with serving(script) as server, client(server.port) as transport:
        for _ in range(1, len(data)):
            assert await outcome_of(transport) is Outcome.TRUNCATED


@pytest.mark.parametrize(
    ("coding", "data", "expected"),
    [
        ("identity", TEXT, Outcome.OK),
        ("gzip", b"", Outcome.OK),
        ("br", TEXT, Outcome.MALFORMED_ANSWER),
        ("zstd", TEXT, Outcome.MALFORMED_ANSWER),
        ("gzip, gzip", gzip.compress(CODED["gzip"]), Outcome.MALFORMED_ANSWER),
        ("gzip", TEXT, Outcome.MALFORMED_ANSWER),
        ("gzip", CODED["gzip"][:-6] + b"\0\0\0\0\0\0", Outcome.MALFORMED_ANSWER),
        ("gzip", CODED["gzip"] + b"more", Outcome.MALFORMED_ANSWER),
        ("gzip", CODED["gzip"] + CODED["gzip"], Outcome.MALFORMED_ANSWER),
        ("deflate", CODED["gzip"], Outcome.MALFORMED_ANSWER),
    ],
    ids=["identity", "empty", "br", "zstd", "twice", "plain", "bad_sum", "tail", "members", "mislabelled"],
)
async def test_what_is_taken_and_what_is_not(coding: str, data: bytes, expected: Outcome) -> None:
    async with serving(once(response(coding, data))) as server, client(server.port) as transport:
        assert await outcome_of(transport) is expected


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@pytest.mark.parametrize(("size", "expected"), [(3_000_000, Outcome.OK), (3_000_001, Outcome.ANSWER_TOO_LARGE)])
async def test_what_comes_out_is_bounded(coding: str, size: int, expected: Outcome) -> None:
    data = gzip.compress(b"\0" * size) if coding == "gzip" else zlib.compress(b"\0" * size)
    async with (
        serving(once(response(coding, data))) as server,
        client(server.port, max_body_bytes=3_000_000) as transport,
    ):
        assert await outcome_of(transport) is expected


@functools.cache  # seconds of work
def bomb() -> bytes:
    """1 GB in 1 MB."""
    made = zlib.compressobj(wbits=31)
    return b"".join([*(made.compress(b"\0" * 1_000_000) for _ in range(1000)), made.flush()])


async def test_a_bomb_comes_out_in_small_pieces() -> None:
    """It is refused after the bound, and no piece is large."""
    data = bomb()
    async with (
        serving(once(response("gzip", data))) as server,
        client(server.port, max_body_bytes=20_000_000) as transport,
    ):
        exchange = await transport.send("d", CALL, connect_s=1.0)
        await exchange.head()
        sizes = []
        outcome = Outcome.OK
        try:
            while piece := await exchange.read():
                sizes.append(len(piece))
        except AttemptFailed as failure:
            outcome = failure.outcome
        exchange.close()
        assert outcome is Outcome.ANSWER_TOO_LARGE
        assert max(sizes) <= 1024 * 1024
        assert 19_000_000 - 1024 * 1024 < sum(sizes) <= 20_000_000
