"""The process: it stops in order, within a bound, and no stream that it cuts looks finished."""

import asyncio
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from gateway.journal.journal import newest
from tests.conftest import Upstream, configuration
from tests.support.client import Seen, ask
from tests.support.gateway import REPOSITORY, GatewayProcess, deployment


async def stop_during(
    gateway: GatewayProcess, models: list[tuple[str, bool]], signals: int = 1
) -> tuple[list[Seen], float]:
    """Ask for these, stop the gateway once they are in progress; what the clients saw, and the seconds it took."""
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, timeout=20) as client:
        asked = [asyncio.create_task(ask(client, model, stream=stream)) for model, stream in models]
        await asyncio.sleep(0.7)
        began = time.monotonic()
        for _ in range(signals - 1):
            gateway.send_signal(signal.SIGTERM)
            await asyncio.sleep(0.3)
        status = await asyncio.to_thread(gateway.stop)
        took = time.monotonic() - began
        assert status == 0
        return list(await asyncio.gather(*asked)), took


def started(upstream: Upstream, folder: Path, **server: Any) -> GatewayProcess:
    config = configuration(upstream.base_url, server=server)
    for entry in config["deployments"].values():
        entry["timeouts"]["total_s"] = 60
    return GatewayProcess(folder, config).start()


async def test_what_can_end_ends_and_what_cannot_is_cut_visibly(upstream: Upstream, tmp_path: Path) -> None:
    gateway = await asyncio.to_thread(started, upstream, tmp_path, drain_s=3.5)
    (whole, endless, silent), took = await stop_during(
        gateway, [("slow-3000", False), ("endless", True), ("silent", False)]
    )
    assert (whole.status, whole.broken) == (200, None)
    assert not endless.looks_finished(stream=True)
    assert endless.error is not None
    assert endless.error["code"] == "gateway_stopped"
    assert silent.status == 503
    assert took < 6
    records = [json.loads(bytes(record.record)) for record in newest(gateway.state / "journal.db", 10)]
    assert sorted(record["outcome"] for record in records) == ["gateway_stopped", "gateway_stopped", "ok"]


async def test_told_twice_it_does_not_wait(upstream: Upstream, tmp_path: Path) -> None:
    gateway = await asyncio.to_thread(started, upstream, tmp_path, drain_s=60)
    (endless,), took = await stop_during(gateway, [("endless", True)], signals=2)
    assert endless.error is not None
    assert took < 5


async def test_after_sigterm_it_is_not_ready_and_still_answers_for_a_grace(upstream: Upstream, tmp_path: Path) -> None:
    gateway = await asyncio.to_thread(started, upstream, tmp_path, grace_s=1.5)
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, timeout=20) as client:
        assert (await client.get("/readyz")).status_code == 200
        gateway.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.3)
        assert (await client.get("/readyz")).status_code == 503
        assert (await ask(client, "ok", stream=False)).status == 200
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, timeout=20) as late:
        await asyncio.sleep(1.7)
        with pytest.raises(httpx.ConnectError):
            await late.get("/readyz")
    assert await asyncio.to_thread(gateway.wait) == 0


def test_who_reads_nothing_does_not_keep_it_from_ending(upstream: Upstream, tmp_path: Path) -> None:
    config = configuration(upstream.base_url, server={"drain_s": 1})
    config["deployments"]["flood"] = deployment(upstream.base_url, "tokens@100000")
    gateway = GatewayProcess(tmp_path, config).start()
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", gateway.port))
        body = b'{"model": "flood", "stream": true, "messages": [{"role": "user", "content": "hi"}]}'
        head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n"
        client.sendall(head % len(body) + body)
        time.sleep(1.5)
        began = time.monotonic()
        assert gateway.stop() == 0
        assert time.monotonic() - began < 6


def test_the_printed_command_finds_the_decision(upstream: Upstream, tmp_path: Path) -> None:
    """With a journal where only the configuration says."""
    file = tmp_path / "my gateway.yaml"
    file.write_text(json.dumps(configuration(upstream.base_url, journal={"path": "here/journal.db"})))
    command = [sys.executable, "-m", "gateway", "serve", "-c", str(file)]
    serving = subprocess.Popen(
        command, cwd=REPOSITORY, env={**os.environ, "PORT": "0"}, stdout=subprocess.PIPE, text=True
    )
    assert serving.stdout is not None
    try:
        printed = [serving.stdout.readline().strip() for _ in range(6)]
        url = printed[0].split()[2]
        body = {"model": "ok", "messages": [{"role": "user", "content": "hi"}]}
        answer = httpx.post(f"{url}/v1/chat/completions", json=body, trust_env=False)
    finally:
        serving.terminate()
        serving.wait(15)
        serving.stdout.close()
    arguments = shlex.split(printed[5].replace(" ID", f" {answer.headers['x-gateway-decision']}"))[1:]
    done = subprocess.run([sys.executable, *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert "Ended as ok by ok" in done.stdout


def test_a_port_that_is_taken_is_said(gateway: GatewayProcess, upstream: Upstream, tmp_path: Path) -> None:
    second = GatewayProcess(tmp_path, configuration(upstream.base_url), {"PORT": str(gateway.port)})
    with pytest.raises(AssertionError):
        second.start()
    assert second.stop() == 1
    assert f"cannot serve on 127.0.0.1:{gateway.port}" in second.log.read_text()
