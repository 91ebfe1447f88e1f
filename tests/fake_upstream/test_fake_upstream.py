"""The server itself: what it records, how it behaves on a connection, and that nothing a client does brings it down."""

import asyncio
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fake_upstream import FakeUpstream
from tests.fake_upstream.exchange import Exchange
from tests.fake_upstream.reading import TEXT, Got, ask, raw_answer, request, signature
from tests.fake_upstream.registry import BEHAVIOURS, MAX_PARAMETER, UnknownModel, behaviour, find

_ROOT = Path(__file__).parents[2]


async def _get(port: int, path: str, *, method: str = "GET", key: str = "") -> tuple[int, Any]:
    auth = f"authorization: Bearer {key}\r\n" if key else ""
    raw = await raw_answer(port, f"{method} {path} HTTP/1.1\r\nhost: x\r\n{auth}connection: close\r\n\r\n".encode())
    head, _, body = raw.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


async def _until(true: Any) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.005)


async def test_seen_has_the_request_as_it_came(up: FakeUpstream) -> None:
    before = time.time()
    await ask(up.port, "ok", stream=True, key="sk-secret", seed=7)
    status, rows = await _get(up.port, "/_seen")
    (record, probe) = rows
    sent = request("ok", stream=True, key="sk-secret", seed=7).partition(b"\r\n\r\n")[2]
    assert status == 200
    assert (record["model"], record["stream"], record["method"]) == ("ok", True, "POST")
    assert record["path"] == "/v1/chat/completions"
    assert record["body"] == sent.decode()
    assert record["body_bytes"] == len(sent)
    assert record["body_sha256"] == hashlib.sha256(sent).hexdigest()
    assert record["headers"]["authorization"] == "Bearer sk-secret"
    assert before <= record["arrived_unix_s"] <= time.time()
    assert record["ended_ms"] >= 0
    assert record["left_ms"] is None
    assert (record["port"], record["connection"]) == (up.port, probe["connection"])
    assert probe["path"] == "/health"


async def test_answered_bytes_are_those_on_the_wire(up: FakeUpstream) -> None:
    got = await ask(up.port, "until_close", stream=True)
    assert up.seen()[0]["answered_bytes"] == len(got.raw)


@pytest.mark.parametrize(("model", "stream"), [("silent", False), ("silent", True), ("endless", True), ("pings", True)])
async def test_a_departed_client_is_noticed_at_once(up: FakeUpstream, model: str, *, stream: bool) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", up.port)
    writer.write(request(model, stream=stream))
    await _until(lambda: up.open()["requests"] == 1)
    await asyncio.sleep(0.1)
    writer.close()
    await _until(lambda: up.open() | {"elsewhere_port": 0} == _idle(1, 1))
    (record,) = up.seen()
    assert 100 <= record["left_ms"] < 400
    assert record["ended_ms"] is None


def _idle(connections: int, requests: int) -> dict[str, int]:
    seen = {"connections_accepted": connections, "requests_seen": requests}
    return {"connections": 0, "requests": 0, **seen, "elsewhere_port": 0}


async def test_a_client_that_resets_is_noticed(up: FakeUpstream) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", up.port)
    writer.write(request("endless@1", stream=True))
    await _until(lambda: up.open()["requests"] == 1)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    writer.transport.abort()
    await _until(lambda: up.open()["requests"] == 0)
    assert up.seen()[0]["left_ms"] is not None


async def test_a_client_that_does_not_read_is_waited_for_and_then_noticed(up: FakeUpstream) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", up.port, limit=1024)
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(request("big_body@1000", stream=False))
    await _until(lambda: up.open()["requests"] == 1)
    await asyncio.sleep(0.2)
    assert up.seen()[0]["answered_bytes"] < 50 * 2**20
    writer.transport.abort()
    await _until(lambda: up.open()["requests"] == 0)
    assert up.seen()[0]["left_ms"] is not None


async def test_connections_are_kept_and_requests_on_them_told_apart(up: FakeUpstream) -> None:
    data = b"".join(request(model, stream=False) for model in ("ok", "error_500", "ok"))
    raw = await raw_answer(up.port, data)
    assert re.findall(rb"HTTP/1\.1 (\d+)", raw) == [b"200", b"500", b"200"]
    assert {record["connection"] for record in up.seen()} == {1}
    assert up.open()["connections_accepted"] == 1


async def test_open_counts_others_only(up: FakeUpstream) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", up.port)
    writer.write(request("silent", stream=False))
    await _until(lambda: up.open()["requests"] == 1)
    _, counts = await _get(up.port, "/_open")
    assert (counts["connections"], counts["requests"]) == (1, 1)
    writer.close()
    await _until(lambda: up.open()["connections"] == 0)


async def test_reset_forgets_what_was_seen(up: FakeUpstream) -> None:
    await ask(up.port, "ok", stream=False)
    assert await _get(up.port, "/_reset", method="POST") == (200, {})
    assert await _get(up.port, "/_seen") == (200, [])


async def test_a_wrong_key_is_401_and_the_right_one_is_not() -> None:
    async with FakeUpstream(api_key="sk-right") as up:
        for key in ("", "sk-wrong"):
            got = await ask(up.port, "ok", stream=False, key=key)
            assert got.status == 401
            assert json.loads(got.body)["error"]["type"] == "invalid_request_error"
        assert (
            json.loads((await ask(up.port, "ok", stream=False, key="sk-wrong")).body)["error"]["code"]
            == "invalid_api_key"
        )
        assert (await ask(up.port, "ok", stream=False, key="sk-right")).status == 200
        assert (await _get(up.port, "/v1/models"))[0] == 401
        assert (await _get(up.port, "/v1/models", key="sk-right"))[0] == 200
        assert (await _get(up.port, "/health"))[0] == 200


async def test_models_are_the_behaviours(up: FakeUpstream) -> None:
    status, models = await _get(up.port, "/v1/models")
    assert status == 200
    assert [model["id"] for model in models["data"]] == list(BEHAVIOURS)
    assert (await _get(up.port, "/v1/models/ok"))[1]["object"] == "model"
    assert (await _get(up.port, "/v1/models/nope"))[0] == 404
    assert (await _get(up.port, "/v1/nope"))[0] == 404


@pytest.mark.parametrize(
    ("model", "stream", "status", "code"),
    [
        ("nope", False, 404, "no_such_behaviour"),
        ("ok@1", False, 404, "no_such_behaviour"),
        ("slow@x", False, 404, "no_such_behaviour"),
        (f"slow@{MAX_PARAMETER + 1}", False, 404, "no_such_behaviour"),
        ("cut_after", False, 400, "wrong_mode"),
        ("short_body", True, 400, "wrong_mode"),
    ],
)
async def test_a_mistaken_name_is_told(up: FakeUpstream, model: str, status: int, code: str, *, stream: bool) -> None:
    got = await ask(up.port, model, stream=stream)
    assert (got.status, json.loads(got.body)["error"]["code"]) == (status, code)


def test_a_name_is_registered_once_and_with_a_meaning() -> None:
    with pytest.raises(ValueError, match="'ok'"):
        behaviour("ok", "both")(BEHAVIOURS["ok"].act)
    with pytest.raises(UnknownModel):
        find("no such")
    assert find("cut_after@7")[1] == 7
    assert find("cut_after")[1] == 3


async def test_a_body_in_chunks_and_an_expectation_are_read(up: FakeUpstream) -> None:
    body = request("ok", stream=False).partition(b"\r\n\r\n")[2]
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n"
    chunked = head + b"transfer-encoding: chunked\r\n\r\n5\r\n" + body[:5] + b"\r\n%x\r\n" % len(body[5:])
    assert TEXT.encode() in await raw_answer(up.port, chunked + body[5:] + b"\r\n0\r\n\r\n")
    expecting = head + b"expect: 100-continue\r\ncontent-length: %d\r\n\r\n" % len(body)
    raw = await raw_answer(up.port, expecting + body)
    assert raw.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET /\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\r\n\r\n", 400),
        (b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: x\r\n\r\n", 400),
        (b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 99999999999\r\n\r\n", 413),
        (b"POST /v1/chat/completions HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"POST /v1/chat/completions HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n-5\r\n", 413),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nx: " + b"y" * 200_000, 431),
        (b"POST /v1/chat/completions HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n" + b"1" * 200_000, 400),
        (b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 1\r\n\r\n{", 400),
        (b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 14\r\n\r\n" + b'{"model":"ok"}', 400),
        (b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 0\r\n\r\n", 400),
    ],
)
async def test_what_is_no_request_is_refused(up: FakeUpstream, data: bytes, status: int) -> None:
    raw = await raw_answer(up.port, data)
    assert raw.startswith(b"HTTP/1.1 %d " % status), raw[:100]
    assert (await ask(up.port, "ok", stream=False)).status == 200


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(noise=st.binary(max_size=300), cut=st.integers(0, 400), model=st.sampled_from(["ok", "tools", "json_schema"]))
def test_no_bytes_bring_it_down(noise: bytes, cut: int, model: str) -> None:
    async def story() -> None:
        async with FakeUpstream() as up:
            whole = request(
                model, stream=True, tools=[noise.hex(), None], response_format={"json_schema": {"schema": 1}}
            )
            await raw_answer(up.port, whole[:cut] + noise, eof=True)
            await raw_answer(up.port, noise, eof=True)
            got: Got = await ask(up.port, "ok", stream=False)
            assert got.status == 200
            assert [record["problem"] for record in up.seen()] == [None] * len(up.seen())

    asyncio.run(story())


@pytest.mark.parametrize(
    "fields", [{"tools": 5}, {"tools": [{"function": 1}]}, {"response_format": "x"}, {"n": 1, "tools": [1]}]
)
@pytest.mark.parametrize("model", ["tools", "json_schema", "ok"])
async def test_odd_fields_are_no_defect(up: FakeUpstream, model: str, fields: dict[str, Any]) -> None:
    assert (await ask(up.port, model, stream=False, **fields)).status == 200
    lone = await ask(up.port, "ok", stream=True, messages=[{"role": "user", "content": "\ud83d"}])
    assert signature(lone.body) == "RcccFD"
    assert [record["problem"] for record in up.seen() if record["model"]] == [None, None]


async def test_a_defect_of_a_behaviour_is_on_record(up: FakeUpstream, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_: Exchange) -> None:
        raise LookupError("oops")

    monkeypatch.setitem(BEHAVIOURS, "ok", replace(BEHAVIOURS["ok"], act=broken))
    assert (await ask(up.port, "ok", stream=False)).end == "cut"
    assert up.seen()[0]["problem"] == "LookupError('oops')"


async def test_stopping_ends_what_is_in_progress() -> None:
    up = FakeUpstream()
    await up.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", up.port)
    writer.write(request("silent", stream=False))
    await _until(lambda: up.open()["requests"] == 1)
    await up.stop()
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    writer.close()
    assert up.open()["requests"] == 0
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", up.port)


async def test_what_hangs_is_held_for_a_bounded_time() -> None:
    async with FakeUpstream(max_hold_s=0.1) as up:
        got = await ask(up.port, "silent", stream=False)
        assert (got.end, got.raw) == ("cut", b"")


async def test_memory_of_requests_is_bounded(up: FakeUpstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fake_upstream.seen.MAX_RECORDS", 3)
    for _ in range(3):
        await ask(up.port, "ok", stream=False)
    numbers = [record["number"] for record in up.seen()]
    assert numbers == [4, 5, 6]
    assert up.open()["requests_seen"] == 6


@pytest.mark.parametrize("end", ["sigterm", "stdin"])
def test_the_process_says_its_port_and_ends_when_told(end: str) -> None:
    command = [sys.executable, "-m", "tests.fake_upstream", "--port", "0", "--api-key", "k"]
    with subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        port = json.loads(process.stdout.readline())["port"]
        assert asyncio.run(ask(port, "ok", stream=False, key="k")).status == 200
        if end == "sigterm":
            os.kill(process.pid, signal.SIGTERM)
        else:
            process.stdin.close()
        assert process.wait(timeout=10) == 0


def test_the_list_is_the_table() -> None:
    command = [sys.executable, "-m", "tests.fake_upstream", "--list"]
    lines = subprocess.run(command, cwd=_ROOT, capture_output=True, check=True, timeout=20).stdout.splitlines()
    assert [json.loads(line) for line in lines] == [row.row() for row in BEHAVIOURS.values()]
