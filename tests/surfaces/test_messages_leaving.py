"""Time on the Messages surface: who leaves stops the work within a second; heartbeats harm nobody."""

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import pytest

from tests.conftest import APP_KEY, OPERATOR_KEY, Upstream
from tests.support.gateway import GatewayProcess
from tests.support.two_sides import CHAT, MESSAGES, SECRETS, TwoSides, configuration, folded, of_events

PATHS = {"a": MESSAGES, "o": CHAT}


def leave(sides: TwoSides, model: str, *, stream: bool, after_bytes: int, reset: bool) -> None:
    """Ask, read so many bytes of the answer, and go."""
    hello = [{"role": "user", "content": "hi"}]
    body = json.dumps({"model": model, "max_tokens": 100, "stream": stream, "messages": hello}).encode()
    head = f"POST {MESSAGES} HTTP/1.1\r\nhost: localhost\r\nx-api-key: {APP_KEY}\r\ncontent-length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", sides.gateway.port), timeout=10) as client:
        client.sendall(head.encode() + body)
        got = b""
        while len(got) < after_bytes:
            part = client.recv(65_536)
            assert part, got
            got += part
        time.sleep(0.2)
        if reset:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


@pytest.mark.parametrize("reset", [False, True], ids=["fin", "rst"])
@pytest.mark.parametrize("side", ["a", "o"])
@pytest.mark.parametrize(
    ("behaviour", "stream", "after_bytes"), [("silent", False, 0), ("silent", True, 0), ("endless", True, 2000)]
)
def test_departure_stops_the_upstream(
    sides: TwoSides, side: str, behaviour: str, stream: bool, after_bytes: int, reset: bool
) -> None:
    leave(sides, f"{side}-{behaviour}", stream=stream, after_bytes=after_bytes, reset=reset)
    left = time.monotonic()
    while sides.got(behaviour, PATHS[side])["left_ms"] is None:
        assert time.monotonic() - left < 1.0, "the upstream did not see it within a second"
        time.sleep(0.02)


@pytest.mark.parametrize("model", ["a-endless", "o-endless"])
def test_what_was_generated_is_paid_for(sides: TwoSides, model: str) -> None:
    leave(sides, model, stream=True, after_bytes=3000, reset=False)
    record = newest(sides, model)
    assert record["outcome"] == "caller_left"
    usage = record["attempts"][0]["usage"]
    assert usage["estimated"]
    assert usage["completion_tokens"] > 0
    assert record["attempts"][0]["cost_usd"] > 0


def newest(sides: TwoSides, model: str) -> dict[str, Any]:
    """The newest finished record of a request for this model."""
    until = time.monotonic() + 5
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


@pytest.fixture(scope="module")
def beating(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoSides]:
    """Heartbeats every 0.1 s."""
    config = {**configuration(upstream.base_url), "server": {"heartbeat_s": 0.1}}
    with GatewayProcess(tmp_path_factory.mktemp("beating"), config, SECRETS) as gateway:
        yield TwoSides(gateway, upstream)


@pytest.mark.parametrize("model", ["a-slow-1000", "o-slow-1000"])
def test_heartbeats_are_no_events(beating: TwoSides, model: str) -> None:
    seen = beating.message(model, stream=True)
    assert seen.body.startswith(b": heartbeat\n\n")
    assert folded(seen)["content"][0]["text"].startswith("You said: ")


@pytest.mark.parametrize("model", ["a-silent", "o-silent", "a-only_pings"])
def test_error_after_a_heartbeat_is_an_event(beating: TwoSides, model: str) -> None:
    seen = beating.message(model, stream=True)
    assert (seen.status, seen.broken) == (200, None)
    events = list(of_events(seen.body))
    assert [name for name, _ in events] == ["error"]
    assert events[0][1]["error"]["type"] == "timeout_error"
    assert events[0][1]["request_id"] == seen.headers["request-id"]


@pytest.mark.parametrize("model", ["a-slow-1000", "a-silent"])
def test_heartbeats_before_a_translated_chat(beating: TwoSides, model: str) -> None:
    seen = beating.chat(model, stream=True)
    assert seen.body.startswith(b": heartbeat\n\n")
    assert seen.looks_finished(stream=True) is (model != "a-silent")
    if model == "a-silent":
        assert seen.error is not None
        assert seen.error["code"] == "first_output_timeout"
