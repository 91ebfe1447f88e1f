"""A body that does not come is not waited for."""

import asyncio
import time
from typing import Any

import pytest

from gateway.http.errors import ApiError
from gateway.http.wire import Bodies, BodyBroken, ClientGone
from tests.support.virtual_time import on_virtual_time

WITHIN_S = 0.3


class Client:
    """The sending side of ASGI: these pieces, `pause_s` before each, then nothing more."""

    def __init__(self, *pieces: bytes, pause_s: float = 0.0, ends: bool = False, leaves: bool = False) -> None:
        self._pieces = list(pieces)
        self._pause_s, self._ends, self._leaves = pause_s, ends, leaves

    async def receive(self) -> dict[str, Any]:
        if not self._pieces:
            if self._leaves:
                return {"type": "http.disconnect"}
            await asyncio.get_running_loop().create_future()
        await asyncio.sleep(self._pause_s)
        body = self._pieces.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(self._pieces) or not self._ends}


async def read(client: Client, limit: int = 1000, **headers: str) -> bytes:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await Bodies(limit, WITHIN_S).read(client.receive, named)


@on_virtual_time
async def test_bodies() -> None:
    assert await read(Client(b"abc"), content_length="3") == b"abc"
    assert await read(Client(b"ab", b"c", ends=True)) == b"abc"
    assert await read(Client(b"", ends=True)) == b""


@pytest.mark.parametrize(
    "client", [Client(), Client(b"ab"), Client(*[b"a"] * 9, pause_s=0.1)], ids=["none", "two", "drip"]
)
@pytest.mark.parametrize("length", ["10", ""], ids=["announced", "not announced"])
@on_virtual_time
async def test_one_that_does_not_come_in_time_is_given_up(client: Client, length: str) -> None:
    since = time.monotonic()
    with pytest.raises(ApiError) as caught:
        await read(client, content_length=length)
    assert caught.value.status == 408
    assert WITHIN_S <= time.monotonic() - since < WITHIN_S + 0.01
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()
    await asyncio.sleep(WITHIN_S)  # nothing comes after it


@on_virtual_time
async def test_each_has_its_own_time() -> None:
    bodies = Bodies(1000, WITHIN_S)
    early = asyncio.ensure_future(bodies.read(Client().receive, {}))
    await asyncio.sleep(WITHIN_S / 2)
    late = asyncio.ensure_future(bodies.read(Client(b"a", ends=True, pause_s=WITHIN_S * 0.9).receive, {}))
    with pytest.raises(ApiError):
        await early
    assert await late == b"a"


@on_virtual_time
async def test_who_else_cancels_is_heard() -> None:
    task = asyncio.ensure_future(read(Client()))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@on_virtual_time
async def test_too_large_and_gone() -> None:
    for client, length in ((Client(), "1001"), (Client(b"a" * 600, b"a" * 600), "")):
        with pytest.raises(ApiError) as caught:
            await read(client, content_length=length)
        assert caught.value.status == 413
    with pytest.raises(ClientGone):
        await read(Client(b"a", leaves=True), content_length="9")
    with pytest.raises(BodyBroken):  # in chunks: it left, or they are malformed
        await read(Client(b"a", leaves=True))
