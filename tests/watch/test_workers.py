"""Asking addresses how they are, on virtual time: what is read, what is stale, what is down, and what comes back."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.learning.readings import Readings
from gateway.values.admissibility import Health
from gateway.values.deployment import Hosting
from gateway.values.snapshot import Reading
from gateway.values.worker import STALE_AFTER_S, WorkerHealth
from gateway.watch.workers import WorkerWatch
from tests.fake_upstream import FakeUpstream
from tests.learning.test_workers import deployment
from tests.support.virtual_time import on_virtual_time
from tests.transport.raw_server import Peer, serving
from tests.transport.test_shortage import no_descriptors

EVERY_S = 0.2
UP, DOWN = WorkerHealth.UP, WorkerHealth.DOWN


@asynccontextmanager
async def watching(
    *urls: str, provider: str = "vllm", hosting: Hosting = Hosting.SELF_HOSTED
) -> AsyncIterator[Readings]:
    """One deployment, `a`, of these addresses."""
    readings = Readings()
    one = deployment(provider=provider, hosting=hosting, scrape_s=EVERY_S, urls=urls)
    readings.workers.declare([one])
    watch = WorkerWatch([one], {"a": {"authorization": "Bearer key"}}, readings)
    watch.start()
    try:
        yield readings
    finally:
        await watch.stop()


async def until(what: Callable[[], bool], within_s: float = 2.0) -> float:
    since = time.monotonic()
    while not what():
        assert time.monotonic() - since < within_s
        await asyncio.sleep(0.01)
    return time.monotonic() - since


def seen(readings: Readings) -> Reading:
    return readings.snapshot(time.time()).of("a")


def health(readings: Readings) -> list[WorkerHealth]:
    return [one.health for one in seen(readings).workers]


@on_virtual_time
async def test_what_vllm_says_is_in_the_snapshot() -> None:
    async with FakeUpstream() as first, FakeUpstream() as second:
        vllm = second._state.vllm
        vllm.running, vllm.waiting, vllm.deferred, vllm.kv_use = 8, 3, 5, 0.75
        async with watching(first.base_url, second.base_url) as readings:
            await until(lambda: all(one.gauges for one in seen(readings).workers))
            gauges = seen(readings).workers[1].gauges
            assert gauges is not None
            assert (gauges.running, gauges.waiting, gauges.kv_use) == (8, 3, 0.75)
            assert abs(gauges.read_at - time.time()) < 1
            assert health(readings) == [UP, UP]
            assert seen(readings).health is Health.ADMITTING
            assert seen(readings).wait_s == 0
            vllm.waiting = 4
            await until(lambda: (now := seen(readings).workers[1].gauges) is not None and now.waiting == 4)
        paths = {row["path"] for row in second.seen()}
        assert paths == {"/health", "/metrics"}
        assert {row["headers"]["authorization"] for row in second.seen()} == {"Bearer key"}


@on_virtual_time
async def test_a_scrape_that_fails_makes_the_reading_old_and_nothing_else() -> None:
    async with FakeUpstream() as up, FakeUpstream() as other, watching(up.base_url, other.base_url) as readings:
        await until(lambda: all(one.gauges for one in seen(readings).workers))
        up._state.vllm.metrics_status = 500
        await asyncio.sleep(2 * EVERY_S)
        read = seen(readings).workers[0].gauges
        await asyncio.sleep(3 * EVERY_S)
        worker = seen(readings).workers[0]
        assert worker.gauges == read
        assert worker.rank(time.time()) == 0
        assert worker.health is UP
        assert worker.wait_s(time.time() + STALE_AFTER_S) is None


@on_virtual_time
async def test_one_of_two_that_dies_is_down_and_comes_back() -> None:
    async with FakeUpstream() as up:
        other = FakeUpstream()
        await other.start()
        async with watching(up.base_url, other.base_url) as readings:
            await until(lambda: health(readings) == [UP, UP])
            await other.stop()
            assert await until(lambda: health(readings) == [UP, DOWN]) < 4 * EVERY_S
            assert seen(readings).health is Health.ADMITTING
            again = FakeUpstream(port=other.port)
            await again.start()
            assert await until(lambda: health(readings) == [UP, UP]) < 2
            await again.stop()


@on_virtual_time
async def test_a_deployment_is_down_only_if_all_its_addresses_are() -> None:
    first, second = FakeUpstream(), FakeUpstream()
    await first.start()
    await second.start()
    async with watching(first.base_url, second.base_url) as readings:
        await until(lambda: health(readings) == [UP, UP])
        first._state.vllm.health_status = 503  # its engine is dead, as vLLM says it
        await until(lambda: health(readings) == [DOWN, UP])
        assert seen(readings).health is Health.ADMITTING
        await second.stop()
        await until(lambda: seen(readings).health is Health.DOWN)
        first._state.vllm.health_status = 200
        await until(lambda: seen(readings).health is Health.ADMITTING)
        assert health(readings) == [UP, DOWN]
    await first.stop()


@pytest.mark.parametrize("status", [401, 404, 405, 501])
@on_virtual_time
async def test_who_does_not_serve_the_question_is_not_down(status: int) -> None:
    async with FakeUpstream() as up:
        up._state.vllm.health_status = status
        async with watching(up.base_url) as readings:
            await asyncio.sleep(5 * EVERY_S)
            assert health(readings) == [UP]
            assert seen(readings).health is Health.ADMITTING


async def mute(peer: Peer) -> None:
    """Takes a request and never answers."""
    await peer.reader.readuntil(b"\r\n\r\n")
    await peer.watch()


@on_virtual_time
async def test_one_that_hangs_delays_no_other_and_is_asked_one_thing_at_a_time() -> None:
    async with (
        FakeUpstream() as up,
        serving(mute) as server,
        watching(f"http://127.0.0.1:{server.port}/v1", up.base_url) as readings,
    ):
        await until(lambda: health(readings)[1] is UP)
        assert seen(readings).workers[0].health is not UP
        assert await until(lambda: health(readings) == [DOWN, UP]) < 6 * EVERY_S
        before = up._state.vllm.scrapes
        await asyncio.sleep(5 * EVERY_S)
        assert up._state.vllm.scrapes - before >= 3
        assert sum(not peer.left.is_set() for peer in server.peers) <= 1


@on_virtual_time
async def test_others_are_asked_for_their_models_and_commercial_ones_for_nothing() -> None:
    async with FakeUpstream() as up:
        async with watching(up.base_url, provider="llama_cpp") as readings:
            await until(lambda: readings.of("a").health is Health.ADMITTING)
            assert seen(readings).workers == ()
        assert {row["path"] for row in up.seen()} == {"/v1/models"}
        up.reset()
        async with watching(up.base_url, provider="openai", hosting=Hosting.COMMERCIAL) as readings:
            await asyncio.sleep(3 * EVERY_S)
        assert up.seen() == []


@on_virtual_time
async def test_an_endless_exposition_is_not_read_to_its_end() -> None:
    async with FakeUpstream() as up:
        up._state.vllm.metrics = lambda *_: (200, b"vllm:num_requests_running 1\n" * 400_000)  # type: ignore[method-assign]
        async with watching(up.base_url) as readings:
            await until(lambda: health(readings) == [UP])
            await asyncio.sleep(3 * EVERY_S)
            assert seen(readings).workers[0].gauges is None


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])  # one address, and two where the machine has IPv6
async def test_what_the_gateways_own_machine_lacks_says_nothing_of_the_other(
    host: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without descriptors nobody can be asked: who was not known is not down, and is up once there are some again."""
    tried = 0

    def counted(what: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            nonlocal tried
            tried += 1
            return what(*given, **named)

        return call

    async with FakeUpstream() as up:
        url = up.base_url.replace("127.0.0.1", host)
        async with watching(url) as readings:  # what is imported at the first request is here from now on
            await until(lambda: health(readings) == [UP], within_s=60)
        for name in ("socket", "getaddrinfo"):
            monkeypatch.setattr(socket, name, counted(getattr(socket, name)))
        async with watching(url) as readings:
            await asyncio.sleep(0)  # the client is made
            with no_descriptors():
                await until(lambda: tried >= 8, within_s=60)
                assert health(readings) == [WorkerHealth.UNKNOWN]
                assert seen(readings).health is Health.UNKNOWN
            await until(lambda: health(readings) == [UP], within_s=60)
    assert "is down" not in caplog.text
    assert "failed in the gateway" not in caplog.text
