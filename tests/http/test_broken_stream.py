"""A bug of the gateway's own while it passes a stream on: the caller sees it broken off, and the record says whose fault it is."""

import asyncio
import contextlib
import json
import time
from pathlib import Path
from typing import Any

import pytest

from gateway.app import Gateway
from gateway.flow.relay import Relay
from gateway.providers.vendors import OFFERS
from gateway.settings import load
from gateway.surfaces.sending import BrokenStream
from gateway.values.records import RequestFinished
from tests.support.gateway import deployment
from tests.support.scripted import Scripted, delta, events

STREAM = events(delta("one"), delta("two"), delta(finish="stop"))
BODY = json.dumps({"model": "chat", "stream": True, "messages": [{"role": "user", "content": "hi"}]}).encode()


async def ask(tmp_path: Path) -> tuple[list[dict[str, Any]], list[RequestFinished], Gateway]:
    """What the caller was sent, what is on record, and the gateway."""
    sent: list[dict[str, Any]] = []
    ended: list[RequestFinished] = []

    async def receive() -> dict[str, Any]:
        if not sent:
            return {"type": "http.request", "body": BODY, "more_body": False}
        await asyncio.sleep(3600)
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    with Scripted(lambda _: STREAM) as upstream:
        file = tmp_path / "gateway.yaml"
        file.write_text(json.dumps({"deployments": {"chat": deployment(upstream.base_url, "any")}}))
        gateway = Gateway(load(str(file), {"GATEWAY_STATE_DIR": str(tmp_path / "state")}, OFFERS))
        gateway.bus.subscribe(RequestFinished, ended.append)
        scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": [], "query_string": b""}
        with contextlib.suppress(BrokenStream, ValueError):  # the server breaks the connection off
            await gateway.asgi(scope, receive, send)
        await gateway.stop()
    return sent, ended, gateway


async def test_it_is_the_gateways_own_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(_: Relay) -> bytes:
        raise ValueError("a bug")

    monkeypatch.setattr(Relay, "next", fails)
    sent, ended, gateway = await ask(tmp_path)
    assert [message["type"] for message in sent] == ["http.response.start"]
    assert [(one.outcome.value, one.fault and one.fault.value) for one in ended] == [("internal_error", "gateway")]
    assert ended[0].attempts[0].outcome.value == "internal_error"
    assert gateway.readings.of("chat").in_flight == 0


async def test_a_bug_in_settling_leaves_no_request_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr(Relay, "settle", fails)
    _, ended, gateway = await ask(tmp_path)
    assert len(ended) == 1
    assert b"gateway_requests_running 0.0" in gateway.metrics.text()


async def test_what_a_caller_takes_to_read_before_it_leaves_is_not_the_gateways_time(tmp_path: Path) -> None:
    ended: list[RequestFinished] = []
    held_s = 0.0
    asked = False

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if not asked:
            asked = True
            return {"type": "http.request", "body": BODY, "more_body": False}
        await asyncio.sleep(3600)
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        nonlocal held_s
        if message["type"] == "http.response.body":
            since = time.monotonic()
            reading.get_loop().call_later(0.5, reading.cancel)
            try:
                await asyncio.sleep(3600)
            finally:
                held_s = time.monotonic() - since

    with Scripted(lambda _: STREAM) as upstream:
        file = tmp_path / "gateway.yaml"
        file.write_text(json.dumps({"deployments": {"chat": deployment(upstream.base_url, "any")}}))
        gateway = Gateway(load(str(file), {"GATEWAY_STATE_DIR": str(tmp_path / "state")}, OFFERS))
        gateway.bus.subscribe(RequestFinished, ended.append)
        scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": [], "query_string": b""}
        reading = asyncio.create_task(gateway.asgi(scope, receive, send))
        with contextlib.suppress(asyncio.CancelledError):
            await reading
        await gateway.stop()
    (one,) = ended
    assert held_s >= 0.4
    assert one.overhead_s <= one.duration_s - held_s
