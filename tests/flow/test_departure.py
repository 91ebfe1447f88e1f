"""A client that leaves stops the work: the upstream sees it within a second, and it is on record (law 4).

That it is within a second is said on virtual time; over real sockets of callers, that it is seen.
"""

import asyncio
import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Upstream, configuration
from tests.support.gateway import GatewayProcess
from tests.support.in_process import InProcessGateway, in_front_of

SEEN_S = 20  # of real time: a busy machine's


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


async def leave_after(gateway: InProcessGateway, seconds: float, model: str, *, stream: bool) -> None:
    leaves = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, leaves.set)
    body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": "hi"}]}
    await gateway.ask("/v1/chat/completions", body, leaves=leaves)


def seen_leaving(upstream: Upstream, model: str) -> dict[str, Any]:
    until = time.monotonic() + SEEN_S
    while time.monotonic() < until:
        row = upstream.last(model)
        if row["left_ms"] is not None:
            return row
        time.sleep(0.02)
    raise AssertionError(f"the upstream did not see the client of {model} leave")


@pytest.mark.parametrize(
    ("model", "stream"), [("silent", False), ("silent", True), ("slow-3000", False), ("endless", True)]
)
def test_the_upstream_sees_it_within_a_second(tmp_path: Path, model: str, stream: bool) -> None:
    with in_front_of(1, tmp_path, lambda stands: configuration(stands[0].base_url)) as here:
        here.virtual.run(leave_after(here.gateway, 0.5, model, stream=stream))
        here.virtual.wait_for(lambda: here.stands[0].rows()[0]["left_ms"] is not None, within_s=1)
        assert 500 <= here.stands[0].rows()[0]["left_ms"] < 1500


@pytest.mark.parametrize("reset", [False, True], ids=["fin", "rst"])
@pytest.mark.parametrize(
    ("model", "stream", "after_bytes"),
    [("silent", False, 0), ("silent", True, 0), ("slow-3000", False, 0), ("endless", True, 1), ("endless", True, 5000)],
)
def test_the_upstream_is_cancelled(
    gateway: GatewayProcess, upstream: Upstream, model: str, stream: bool, after_bytes: int, reset: bool
) -> None:
    decision_id = leave(gateway, model, stream=stream, after_bytes=after_bytes, reset=reset)
    seen_leaving(upstream, model.replace("-", "@"))
    if decision_id is None:
        return
    record = gateway.decision(decision_id)["record"]
    assert (record["outcome"], record["fault"]) == ("caller_left", "caller")
    usage = record["attempts"][0]["usage"]
    assert usage["estimated"]
    assert usage["completion_tokens"] > 0
    assert record["attempts"][0]["cost_usd"] > 0


@pytest.mark.parametrize("stream", [False, True])
def test_what_was_asked_for_and_never_shown_is_paid_by_an_estimate(tmp_path: Path, stream: bool) -> None:
    """A stream's prompt; of a whole answer what is usually generated in that time."""
    with in_front_of(1, tmp_path, lambda stands: configuration(stands[0].base_url)) as here:
        assert here.gateway.chats("slow-1000", stream=stream)[0].status == 200
        here.virtual.run(leave_after(here.gateway, 0.7, "slow-1000", stream=stream))
        (attempt,) = here.gateway.newest("slow-1000", "caller_left")["attempts"]
    assert attempt["usage"]["estimated"]
    assert attempt["usage"]["prompt_tokens"] > 0
    assert (attempt["usage"]["completion_tokens"] > 0) is not stream
    assert attempt["cost_usd"] > 0
