"""A client that leaves stops the work: the upstream sees it within a second, and it is on record (law 4)."""

import json
import socket
import time
from typing import Any

import httpx2 as httpx
import pytest

from tests.conftest import Upstream
from tests.support.gateway import GatewayProcess


def leave(
    gateway: GatewayProcess, model: str, *, stream: bool, after_bytes: int, reset: bool, stay_s: float = 0.2
) -> str | None:
    """Ask, read at least so many bytes of the answer's body, stay a little, and go. The decision's id where one was seen."""
    body = json.dumps({"model": model, "stream": stream, "messages": [{"role": "user", "content": "hi"}]}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", gateway.port)) as client:
        client.sendall(head.encode() + body)
        got = b""
        while after_bytes and len(got.partition(b"\r\n\r\n")[2]) < after_bytes:
            got += client.recv(65536)
        time.sleep(stay_s)
        if reset:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    for line in got.split(b"\r\n"):
        if line.startswith(b"x-gateway-decision: "):
            return line.removeprefix(b"x-gateway-decision: ").decode()
    return None


def newest(gateway: GatewayProcess, model: str, outcome: str) -> dict[str, Any]:
    """The newest record of a request for this model that ended so."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        listed = httpx.get(f"{gateway.url}/admin/decisions", params={"limit": 20}, trust_env=False).json()
        for record in listed["record"]:
            if (record["decision"]["facts"]["model"], record["outcome"]) == (model, outcome):
                return dict(record)
        time.sleep(0.02)
    raise AssertionError(f"no request for {model} ended as {outcome}")


def seen_leaving(upstream: Upstream, model: str, within_s: float) -> dict[str, Any]:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        row = upstream.last(model)
        if row["left_ms"] is not None:
            return row
        time.sleep(0.02)
    raise AssertionError(f"the upstream did not see the client of {model} leave within {within_s} s")


@pytest.mark.parametrize("reset", [False, True], ids=["fin", "rst"])
@pytest.mark.parametrize(
    ("model", "stream", "after_bytes"),
    [("silent", False, 0), ("silent", True, 0), ("slow-3000", False, 0), ("endless", True, 1), ("endless", True, 5000)],
)
def test_the_upstream_is_cancelled(
    gateway: GatewayProcess, upstream: Upstream, model: str, stream: bool, after_bytes: int, reset: bool
) -> None:
    decision_id = leave(gateway, model, stream=stream, after_bytes=after_bytes, reset=reset)
    seen_leaving(upstream, model.replace("-", "@"), within_s=1.0)
    if decision_id is None:
        return
    record = gateway.decision(decision_id)["record"]
    assert (record["outcome"], record["fault"]) == ("caller_left", "caller")
    usage = record["attempts"][0]["usage"]
    assert usage["estimated"]
    assert usage["completion_tokens"] > 0
    assert record["attempts"][0]["cost_usd"] > 0


@pytest.mark.parametrize("stream", [False, True])
def test_what_was_asked_for_and_never_shown_is_paid_by_an_estimate(gateway: GatewayProcess, stream: bool) -> None:
    """A stream's prompt; of a whole answer what is usually generated in that time."""
    body = {"model": "slow-1000", "stream": stream, "messages": [{"role": "user", "content": "hi"}]}
    httpx.post(f"{gateway.url}/v1/chat/completions", json=body, trust_env=False).raise_for_status()
    leave(gateway, "slow-1000", stream=stream, after_bytes=0, reset=False, stay_s=0.7)
    (attempt,) = newest(gateway, "slow-1000", "caller_left")["attempts"]
    assert attempt["usage"]["estimated"]
    assert attempt["usage"]["prompt_tokens"] > 0
    assert (attempt["usage"]["completion_tokens"] > 0) is not stream
    assert attempt["cost_usd"] > 0
