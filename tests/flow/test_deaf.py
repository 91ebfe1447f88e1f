"""A deployment that takes a request and gives no sign of life: it is not waited for ten minutes where answers took seconds.

On virtual time, but for the process that is stopped.
"""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from gateway.app import Gateway
from gateway.providers.vendors import OFFERS
from gateway.routing import silence
from gateway.settings import load
from gateway.values.records import RequestFinished
from tests.support.gateway import REPOSITORY, deployment
from tests.support.scripted import Asked, Scripted, completion, delta, events, response
from tests.support.virtual_time import on_virtual_time
from tests.transport.raw_server import Peer, serving

PATIENT = {"connect_s": 5, "first_output_s": 60, "idle_s": 60, "total_s": 600}
ENOUGH = 12


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silence, "KEPT_S", 1.0)
    monkeypatch.setattr(silence, "NEW_S", 5.0)


@pytest.fixture
def stopped_later() -> Iterator[tuple[str, int]]:
    """A fake upstream in a process of its own: base URL and process id."""
    command = [sys.executable, "-m", "tests.fake_upstream", "--port", "0"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as process:
        assert process.stdout is not None
        port = json.loads(process.stdout.readline())["port"]
        yield f"http://127.0.0.1:{port}/v1", process.pid
        process.kill()


class Asking:
    """A gateway in this process, so that its patience can be shortened."""

    def __init__(self, gateway: Gateway, client: httpx.AsyncClient) -> None:
        self.gateway = gateway
        self.ended: list[RequestFinished] = []
        self._client = client
        gateway.bus.subscribe(RequestFinished, self.ended.append)

    async def ask(self, model: str, *, stream: bool = False, **more: Any) -> httpx.Response:
        body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": "hi"}], **more}
        return await self._client.post("/v1/chat/completions", json=body)

    async def learn(self, model: str, *, stream: bool) -> None:
        for _ in range(ENOUGH):
            assert (await self.ask(model, stream=stream)).status_code == 200
        self.ended.clear()
        until = time.monotonic() + 10
        while time.monotonic() < until:
            latency = self.gateway.readings.snapshot(time.time()).of("first").latency
            if latency is not None and latency.samples >= ENOUGH:
                return
            await asyncio.sleep(0.05)
        raise AssertionError("nothing was learned")

    def outcomes(self) -> list[tuple[str, str]]:
        return [(one.deployment, one.outcome.value) for one in self.ended[-1].attempts]


@contextlib.asynccontextmanager
async def asking(tmp_path: Path, *base_urls: str, as_one: bool = False, **more: Any) -> AsyncIterator[Asking]:
    """`pool` is first, then second, of the same behaviour; or first alone with both addresses."""
    timeouts = {**PATIENT, **more}
    deployments = {
        name: deployment(url, "ok", timeouts=timeouts)
        for name, url in zip(("first", "second"), base_urls, strict=False)
    }
    if as_one:
        deployments = {"first": {**deployments["first"], "base_url": None, "addresses": list(base_urls)}}
    config = {"deployments": deployments, "models": {"pool": {"deployments": list(deployments)}}}
    file = tmp_path / "gateway.yaml"
    file.write_text(json.dumps(config))
    gateway = Gateway(load(str(file), {"GATEWAY_STATE_DIR": str(tmp_path / "state")}, OFFERS))
    transport = httpx.ASGITransport(app=gateway.asgi)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=120) as client:
        yield Asking(gateway, client)
    await gateway.stop()


def says(asked: Asked) -> bytes:
    return events(delta("a"), delta(finish="stop")) if b'"stream":true' in asked.body else response(completion())


@pytest.mark.parametrize("stream", [True, False])
async def test_a_stopped_process_is_left_for_the_next(
    tmp_path: Path, stopped_later: tuple[str, int], stream: bool
) -> None:
    url, pid = stopped_later
    with Scripted(says) as other:
        async with asking(tmp_path, url, other.base_url) as one:
            await one.learn("pool", stream=stream)
            os.kill(pid, signal.SIGSTOP)
            started = time.monotonic()
            answer = await one.ask("pool", stream=stream, max_tokens=20)
            assert time.monotonic() - started < 30
            assert answer.headers["x-gateway-deployment"] == "second"
            assert one.outcomes() == [("first", "no_sign_of_life"), ("second", "ok")]
            detail = one.ended[-1].attempts[0].detail
            assert detail is not None
            assert "no byte in 1." in detail
            assert one.ended[-1].attempts[0].connection_reused


async def test_of_several_addresses_the_one_that_hangs_is_left_for_another(
    tmp_path: Path, stopped_later: tuple[str, int]
) -> None:
    url, pid = stopped_later
    with Scripted(says) as other:
        async with asking(tmp_path, url, other.base_url, as_one=True) as one:
            await one.learn("pool", stream=True)
            os.kill(pid, signal.SIGSTOP)
            for number in range(20):  # which address is asked first goes by what a prompt begins with, and by the ports
                said = [{"role": "user", "content": f"{number} is my number."}]
                assert (await one.ask("pool", stream=True, messages=said)).status_code == 200
                if len(one.outcomes()) > 1:
                    break
            assert one.outcomes() == [("first", "no_sign_of_life"), ("first", "ok")]
            assert [attempt.address for attempt in one.ended[-1].attempts] == [0, 1]


@contextlib.asynccontextmanager
async def scripted(reply: Callable[[bytes], Awaitable[bytes]]) -> AsyncIterator[str]:
    """The base URL of a server on this loop that gives these answers to bodies of requests."""

    async def script(peer: Peer) -> None:
        while True:
            _, _, body = (await peer.request()).partition(b"\r\n\r\n")
            await peer.send(await reply(body))

    async with serving(script) as server:
        yield f"http://127.0.0.1:{server.port}/v1"


def said(body: bytes) -> bytes:
    return says(Asked("", {}, body))


@pytest.mark.parametrize("stream", [True, False])
@on_virtual_time
async def test_a_kept_connection_that_is_deaf_is_not_asked_again_its_server_is(tmp_path: Path, stream: bool) -> None:
    goes_deaf, deaf = False, []

    async def reply(body: bytes) -> bytes:
        if goes_deaf and not deaf:
            deaf.append(body)
            await asyncio.sleep(3600)
        return said(body)

    async with scripted(reply) as url, asking(tmp_path, url) as one:
        await one.learn("pool", stream=stream)
        goes_deaf = True
        answer = await one.ask("pool", stream=stream)
        assert answer.status_code == 200
        assert one.outcomes() == [("first", "no_sign_of_life"), ("first", "ok")]
        assert [attempt.connection_reused for attempt in one.ended[-1].attempts] == [True, False]


@pytest.mark.parametrize(("more", "asked"), [({"adaptive": False}, {}), ({}, {"max_tokens": 1_000_000})])
@on_virtual_time
async def test_one_that_may_take_long_is_waited_for(
    tmp_path: Path, more: dict[str, Any], asked: dict[str, Any]
) -> None:
    takes_s = 0.02

    async def late(body: bytes) -> bytes:
        await asyncio.sleep(takes_s)
        return said(body)

    async with scripted(late) as url, asking(tmp_path, url, **more) as one:
        await one.learn("pool", stream=False)
        takes_s = 4.0
        assert (await one.ask("pool", **asked)).status_code == 200
        assert one.outcomes() == [("first", "ok")]


@on_virtual_time
async def test_a_slower_one_teaches_patience(tmp_path: Path) -> None:
    """One that has become slow for good is not cut off for ever: each time more is known of how long it takes."""
    takes_s = 0.02

    async def late(body: bytes) -> bytes:
        await asyncio.sleep(takes_s)
        return said(body)

    async with scripted(late) as url, asking(tmp_path, url) as one:
        await one.learn("pool", stream=False)
        takes_s = 3.0
        for _ in range(8):
            if (await one.ask("pool", max_tokens=5)).status_code == 200:
                break
        assert one.outcomes()[-1] == ("first", "ok")


@on_virtual_time
async def test_a_head_is_a_sign_of_life(tmp_path: Path) -> None:
    """Some providers send it at once, and blank lines: what has given a byte is bounded by the timeouts alone."""
    slow_s = 0.0

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            head, _, body = response(completion()).partition(b"\r\n\r\n")
            await peer.send(head + b"\r\n\r\n")
            await asyncio.sleep(slow_s)
            await peer.send(body)

    async with serving(script) as server, asking(tmp_path, f"http://127.0.0.1:{server.port}/v1") as one:
        await one.learn("pool", stream=False)
        slow_s = 3.0
        assert (await one.ask("pool", max_tokens=5)).status_code == 200
        assert one.outcomes() == [("first", "ok")]
