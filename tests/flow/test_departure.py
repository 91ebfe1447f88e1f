"""A client that leaves stops the work: the upstream sees it within a second, and it is on record (law 4)."""

import json
import socket
import time
from typing import Any

import pytest

from tests.conftest import Upstream
from tests.support.gateway import GatewayProcess


def leave(gateway: GatewayProcess, model: str, *, stream: bool, after_bytes: int, reset: bool) -> str | None:
    """Ask, read at least so many bytes of the answer's body, and go. The decision's id where one was seen."""
    body = json.dumps({"model": model, "stream": stream, "messages": [{"role": "user", "content": "hi"}]}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", gateway.port)) as client:
        client.sendall(head.encode() + body)
        got = b""
        while after_bytes and len(got.partition(b"\r\n\r\n")[2]) < after_bytes:
            got += client.recv(65536)
        time.sleep(0.2)
        if reset:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    for line in got.split(b"\r\n"):
        if line.startswith(b"x-gateway-decision: "):
            return line.removeprefix(b"x-gateway-decision: ").decode()
    return None


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
