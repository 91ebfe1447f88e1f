"""Who leaves the Messages surface stops the work, over real sockets; how soon is in test_messages_time.py."""

import json
import socket
import time
from typing import Any

import httpx2 as httpx
import pytest

from tests.conftest import APP_KEY, OPERATOR_KEY
from tests.support.two_sides import CHAT, MESSAGES, TwoSides
from tests.support.waiting import wait_for

PATHS = {"a": MESSAGES, "o": CHAT}
SEEN_S = 20  # of real time: a busy machine's


def leave(sides: TwoSides, model: str, *, stream: bool, after_bytes: int, reset: bool) -> None:
    """Ask, read so many bytes of the answer, and go."""
    hello = [{"role": "user", "content": "hi"}]
    body = json.dumps({"model": model, "max_tokens": 100, "stream": stream, "messages": hello}).encode()
    head = f"POST {MESSAGES} HTTP/1.1\r\nhost: localhost\r\nx-api-key: {APP_KEY}\r\ncontent-length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", sides.gateway.port), timeout=SEEN_S) as client:
        client.sendall(head.encode() + body)
        got = b""
        while len(got) < after_bytes:
            part = client.recv(65_536)
            assert part, got
            got += part
        time.sleep(0.2)
        if reset:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


LEFT = pytest.mark.parametrize(
    ("behaviour", "stream", "after_bytes"), [("silent", False, 0), ("silent", True, 0), ("endless", True, 2000)]
)
SIDES = pytest.mark.parametrize("side", ["a", "o"])


@pytest.mark.parametrize("reset", [False, True], ids=["fin", "rst"])
@SIDES
@LEFT
def test_departure_stops_the_upstream(
    served_sides: TwoSides, side: str, behaviour: str, stream: bool, after_bytes: int, reset: bool
) -> None:
    leave(served_sides, f"{side}-{behaviour}", stream=stream, after_bytes=after_bytes, reset=reset)
    wait_for(lambda: served_sides.got(behaviour, PATHS[side])["left_ms"] is not None, within_s=SEEN_S)


@pytest.mark.parametrize("model", ["a-endless", "o-endless"])
def test_what_was_generated_is_paid_for(served_sides: TwoSides, model: str) -> None:
    leave(served_sides, model, stream=True, after_bytes=3000, reset=False)
    record = newest(served_sides, model)
    assert record["outcome"] == "caller_left"
    usage = record["attempts"][0]["usage"]
    assert usage["estimated"]
    assert usage["completion_tokens"] > 0
    assert record["attempts"][0]["cost_usd"] > 0


def newest(sides: TwoSides, model: str) -> dict[str, Any]:
    """The newest finished record of a request for this model."""
    until = time.monotonic() + SEEN_S
    headers = {"authorization": f"Bearer {OPERATOR_KEY}"}
    while time.monotonic() < until:
        answer = httpx.get(
            f"{sides.gateway.url}/admin/decisions", params={"limit": 20}, headers=headers, trust_env=False
        )
        for record in answer.json()["record"]:
            if record["decision"]["facts"]["model"] == model and not record.get("in_progress"):
                return dict(record)
        time.sleep(0.02)
    raise AssertionError(f"no request for {model} has ended")
