"""A bug of the gateway's own while it passes a stream on: the caller sees it broken off, and the record says whose fault it is."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from litestar.exceptions import LitestarException

from gateway.app import Gateway
from gateway.flow.relay import Relay
from gateway.providers.vendors import VENDORS
from gateway.settings import load
from gateway.values.records import RequestFinished
from tests.support.gateway import deployment
from tests.support.scripted import Scripted, delta, events

STREAM = events(delta("one"), delta("two"), delta(finish="stop"))
BODY = json.dumps({"model": "chat", "stream": True, "messages": [{"role": "user", "content": "hi"}]}).encode()


async def test_it_is_the_gateways_own_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[dict[str, Any]] = []
    ended: list[RequestFinished] = []

    async def receive() -> dict[str, Any]:
        if not sent:
            return {"type": "http.request", "body": BODY, "more_body": False}
        await asyncio.sleep(3600)
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def fails(_: Relay) -> bytes:
        raise ValueError("a bug")

    monkeypatch.setattr(Relay, "next", fails)
    with Scripted(lambda _: STREAM) as upstream:
        file = tmp_path / "gateway.yaml"
        file.write_text(json.dumps({"deployments": {"chat": deployment(upstream.base_url, "any")}}))
        gateway = Gateway(load(str(file), {"GATEWAY_STATE_DIR": str(tmp_path / "state")}, frozenset(VENDORS)))
        gateway.bus.subscribe(RequestFinished, ended.append)
        scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": [], "query_string": b""}
        with pytest.raises(LitestarException, match="after response started"):
            await gateway.asgi(scope, receive, send)
        await gateway.stop()
    assert [message["type"] for message in sent] == ["http.response.start"]
    assert [(one.outcome.value, one.fault and one.fault.value) for one in ended] == [("internal_error", "gateway")]
    assert ended[0].attempts[0].outcome.value == "internal_error"
    assert gateway.readings.of("chat").in_flight == 0
