"""Overload of the gateway itself: who waits, who is told, and that all of it is on record.

On virtual time, but for what is about the gateway's own work and about sockets of callers.
"""

import asyncio
import resource
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.conftest import Upstream, configuration
from tests.support.gateway import GatewayProcess, deployment
from tests.support.in_process import InProcess, Received, in_front_of
from tests.support.waiting import wait_for

KEYS = {name: f"a-long-enough-secret-of-{name}" for name in ("batch", "chat", "ops")}
ENV = {name.upper(): secret for name, secret in KEYS.items()}


def configuration_of(base_url: str, **server: Any) -> dict[str, Any]:
    config = configuration(base_url, server=server)
    config["keys"] = {
        "batch": {"secret": "${env:BATCH}", "priority": "low"},
        "chat": {"secret": "${env:CHAT}", "priority": "high"},
        "ops": {"secret": "${env:OPS}", "role": "operator"},
    }
    patient = {"connect_s": 1, "first_output_s": 5, "idle_s": 30, "total_s": 60}
    config["deployments"]["flood"] = deployment(base_url, "tokens@100000", timeouts=patient)
    config["deployments"]["slow-500"] = deployment(base_url, "slow@500")
    return config


def real(upstream: Upstream, folder: Path, **server: Any) -> GatewayProcess:
    return GatewayProcess(folder, configuration_of(upstream.base_url, **server), ENV)


def started(folder: Path, **server: Any) -> AbstractContextManager[InProcess]:
    return in_front_of(1, folder, lambda stands: configuration_of(stands[0].base_url, **server), ENV)


def ask(here: InProcess, key: str, model: str = "slow-500", **headers: str) -> asyncio.Task[Received]:
    asked = here.gateway.chat(model, {"authorization": f"Bearer {KEYS[key]}", **headers})
    return here.virtual.loop.create_task(asked)


def test_some_wait_by_priority_and_the_others_are_told(tmp_path: Path) -> None:
    with started(tmp_path, most_running=1, most_waiting=2) as here:
        order: list[tuple[str, int]] = []

        async def one(key: str) -> Received:
            answer = await ask(here, key)
            order.append((key, answer.status))
            return answer

        async def all_of_them() -> list[Received]:
            tasks = []
            for key in ("ops", "batch", "batch", "chat"):
                tasks.append(asyncio.create_task(one(key)))
                await asyncio.sleep(0.05)
            return await asyncio.gather(*tasks)

        answers = here.virtual.run(all_of_them())
        refused = answers[2]
        assert order == [("batch", 503), ("ops", 200), ("chat", 200), ("batch", 200)]
        assert refused.json()["error"]["code"] == "gateway_busy"
        assert int(refused.headers["retry-after"]) >= 1
        record = here.gateway.decision(refused.headers["x-gateway-decision"], key=KEYS["ops"])["record"]
        assert (record["outcome"], record["fault"], record["attempts"]) == ("gateway_busy", "gateway", [])
        waited = here.gateway.decision(answers[3].headers["x-gateway-decision"], key=KEYS["ops"])["record"]
        assert waited["queued_s"] == pytest.approx(0.35, abs=0.01)
        assert waited["overhead_s"] >= waited["queued_s"]


def test_one_that_would_wait_past_its_deadline_is_told_before_it(tmp_path: Path) -> None:
    with started(tmp_path, most_running=1, most_waiting=50) as here:
        tasks = [ask(here, "chat") for _ in range(6)]
        here.virtual.sleep(1.3)
        answer = here.virtual.run(ask(here, "chat", **{"x-gateway-deadline-ms": "1000"}))
        assert (answer.status, answer.json()["error"]["code"]) == (503, "gateway_busy")
        assert answer.all_s < 0.3
        assert all(one.status == 200 for one in here.virtual.run(asyncio.gather(*tasks)))


def test_a_caller_that_sends_far_too_much_is_throttled_and_others_are_not(tmp_path: Path) -> None:
    with started(tmp_path, most_running=1, most_waiting=1) as here:
        answers = here.virtual.run(asyncio.gather(*(ask(here, "batch") for _ in range(200))))
        codes = [one.json()["error"]["code"] for one in answers if one.status != 200]
        assert codes.count("throttled") > 50
        throttled = next(one for one in answers if one.status == 429)
        assert throttled.headers["retry-after"]
        assert here.virtual.run(ask(here, "chat", "ok")).status == 200


async def test_a_burst_of_large_prompts_does_not_lock_its_caller_out(upstream: Upstream, tmp_path: Path) -> None:
    """Told to come back at most a few times, and served at once when it asks little."""
    text = "The quick brown fox jumps over the lazy dog. " * 2000
    large = {"model": "ok", "messages": [{"role": "user", "content": text}]}
    with GatewayProcess(tmp_path, configuration(upstream.base_url)) as gateway:
        async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, timeout=30) as client:
            burst = await asyncio.gather(*(client.post("/v1/chat/completions", json=large) for _ in range(30)))
            codes = Counter(one.status_code for one in burst)
            assert codes[200] >= 25, codes
            for _ in range(5):
                small = {"model": "ok", "messages": [{"role": "user", "content": "hi"}]}
                assert (await client.post("/v1/chat/completions", json=small)).status_code == 200
                await asyncio.sleep(1)


@pytest.fixture
def many_files() -> Iterator[None]:
    """This process may open as many as a server's."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_as_many_as_may_run_may_run_at_one_address(many_files: None, tmp_path: Path) -> None:
    """What bounds requests bounds connections: a provider is not blamed for a bound of the gateway's own."""
    many = 1100
    with started(tmp_path) as here:
        tasks = [ask(here, "chat", "slow-3000") for _ in range(many)]
        here.virtual.sleep(2.5)
        assert here.stands[0].calls()["chat"] == many
        assert not any(task.done() for task in tasks)
        answers = here.virtual.run(asyncio.gather(*tasks))
        assert [one.status for one in answers] == [200] * many


@pytest.mark.parametrize("reads", [True, False])
def test_who_leaves_its_stream_unread_is_cut_off(upstream: Upstream, tmp_path: Path, reads: bool) -> None:
    with real(upstream, tmp_path, reader_s=1.0) as gateway, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", gateway.port))
        body = b'{"model": "flood", "stream": true, "messages": [{"role": "user", "content": "hi"}]}'
        client.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer "
            + KEYS["chat"].encode()
            + b"\r\ncontent-length: %d\r\n\r\n" % len(body)
            + body
        )
        until, end = time.monotonic() + 4, b""
        client.settimeout(20)
        while reads and time.monotonic() < until and not end.endswith(b"0\r\n\r\n"):
            end = end[-5:] + client.recv(1 << 20)
        if reads:
            assert upstream.last("tokens@100000")["left_ms"] is None
            return
        wait_for(lambda: upstream.last("tokens@100000")["left_ms"] is not None, within_s=5)
        client.settimeout(5)
        got = b""
        while True:
            try:
                data = client.recv(1 << 20)
            except ConnectionError:
                break
            if not data:
                break
            got += data
        assert not got.rstrip().endswith((b"[DONE]", b"\r\n0"))


async def test_a_burst_of_large_bodies_of_one_key_is_served(upstream: Upstream, tmp_path: Path) -> None:
    """All at once, with the settings as they are by default. Who is told to wait is served after that."""
    body = {"model": "patient", "messages": [{"role": "user", "content": "the quick brown fox " * 45_000}]}
    config = configuration(upstream.base_url)
    patient = {"connect_s": 60, "first_output_s": 300, "idle_s": 300, "total_s": 300}
    config["deployments"]["patient"] = deployment(upstream.base_url, "ok", timeouts=patient)
    with GatewayProcess(tmp_path, config) as gateway:
        limits = httpx.Limits(max_connections=30)
        async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, timeout=600, limits=limits) as client:

            async def one() -> list[int]:
                statuses = []
                while not statuses or statuses[-1] == 503:
                    answer = await client.post("/v1/chat/completions", json=body)
                    statuses.append(answer.status_code)
                    await asyncio.sleep(int(answer.headers.get("retry-after", 0)))
                return statuses

            told = await asyncio.gather(*(one() for _ in range(30)))
    assert all(statuses in ([200], [503, 200]) for statuses in told), told
