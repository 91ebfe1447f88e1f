"""A large request is written whole and in order, and others get their turns meanwhile."""

import asyncio
import random

import pytest

from gateway.transport.sending import SLICE_BYTES
from gateway.values.call import Call
from gateway.values.outcome import AttemptFailed
from tests.transport.raw_server import CALL, OK, Peer, always, ask, client, serving

BODY = random.Random(1).randbytes(20 * SLICE_BYTES + 17)
LARGE = Call("POST", "/chat", (), BODY)


@pytest.mark.parametrize("size", [SLICE_BYTES - 300, SLICE_BYTES, SLICE_BYTES + 1, 2 * SLICE_BYTES, len(BODY)])
async def test_it_arrives_as_it_is(size: int) -> None:
    async with serving(always(OK)) as server, client(server.port) as transport:
        for _ in range(2):
            assert await ask(transport, Call("POST", "/chat", (), BODY[:size])) == (200, b"ok")
        assert [request.partition(b"\r\n\r\n")[2] for request in server.requests] == [BODY[:size]] * 2
        assert len(server.peers) == 1


async def test_others_get_a_turn_between_slices() -> None:
    turns, done = 0, False

    async def other() -> None:
        nonlocal turns
        while not done:
            await asyncio.sleep(0)
            turns += 1

    async with serving(always(OK)) as server, client(server.port) as transport:
        beside = asyncio.create_task(other())
        assert await ask(transport, LARGE) == (200, b"ok")
        done = True
        await beside
    assert turns >= len(BODY) // SLICE_BYTES


async def test_an_answer_before_its_end_ends_the_connection() -> None:
    async def early(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno")
        await asyncio.sleep(3600)

    async with serving(early) as server, client(server.port) as transport:
        assert await ask(transport, LARGE) == (413, b"no")
        server.script = always(OK)
        assert await ask(transport, CALL) == (200, b"ok")
        assert len(server.peers) == 2


async def test_a_peer_that_leaves_in_the_middle_is_a_failure() -> None:
    async def leaves(peer: Peer) -> None:
        await peer.reader.readexactly(SLICE_BYTES)
        peer.reset()

    async with serving(leaves) as server, client(server.port) as transport:
        with pytest.raises(AttemptFailed):
            await ask(transport, LARGE)
