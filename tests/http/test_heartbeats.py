"""A stream that has nothing to send sends comments: proxies keep it, SDKs pass over them, and fallback stays possible."""

import asyncio
import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anthropic
import httpx2 as httpx
import openai
import pytest

from tests.conftest import Upstream
from tests.support import dead_link
from tests.support.gateway import GatewayProcess, deployment
from tests.support.scripted import Asked, Scripted, completion, delta, events, response

EVERY_S = 0.2
HEARTBEAT = ": heartbeat"
PATIENT = {"connect_s": 5, "first_output_s": 60, "idle_s": 60, "total_s": 120}
STREAM = events(delta("one"), delta("two"), delta(finish="stop"))
HELLO: list[Any] = [{"role": "user", "content": "hi"}]


class Held:
    """An upstream that answers only once the test says so."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.answer: Callable[[Asked], bytes | None] = lambda _: STREAM

    def __call__(self, asked: Asked) -> bytes | None:
        assert self.go.wait(60)
        return self.answer(asked)


@pytest.fixture(scope="module")
def held() -> Held:
    return Held()


@pytest.fixture(autouse=True)
def holds(held: Held) -> Iterator[None]:
    held.go.clear()
    held.answer = lambda _: STREAM
    yield
    held.go.set()


@pytest.fixture(scope="module")
def beating(upstream: Upstream, held: Held, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with Scripted(held) as scripted:
        one = deployment(scripted.base_url, "held", timeouts=PATIENT)
        others = {
            name: deployment(upstream.base_url, model, timeouts=PATIENT)
            for name, model in (
                ("crawl", "crawl@400"), ("pings", "pings"), ("cut", "cut_after"), ("ids", "event_fields"), ("role", "first_after_role@900"),
            )
        }  # fmt: skip
        config = {
            "deployments": {"held": one, "ok": deployment(upstream.base_url, "ok"), **others},
            "models": {"pool": {"deployments": ["held", "ok"]}},
            "policy": {"rules": [{"name": "once", "fallback": {"retries": 0}}]},
            "server": {"heartbeat_s": EVERY_S},
        }
        with GatewayProcess(tmp_path_factory.mktemp("heartbeats"), config) as process:
            yield process


class Reader:
    """One stream, line by line."""

    def __init__(self, gateway: GatewayProcess, model: str, **headers: str) -> None:
        body = {"model": model, "stream": True, "messages": HELLO}
        self._client = httpx.Client(base_url=gateway.url, trust_env=False, timeout=60)
        request = self._client.build_request("POST", "/v1/chat/completions", json=body, headers=headers)
        self.answer = self._client.send(request, stream=True)
        self.lines: list[str] = []
        self._rest = self.answer.iter_lines()

    def until(self, line: str) -> None:
        while not any(line in one for one in self.lines):
            self.lines.append(next(self._rest))

    def to_the_end(self) -> list[str]:
        self.lines += self._rest
        self.close()
        return self.lines

    def close(self) -> None:
        self.answer.close()
        self._client.close()

    @property
    def data(self) -> list[str]:
        return [line.removeprefix("data: ") for line in self.lines if line.startswith("data: ")]


def test_before_the_first_output(beating: GatewayProcess, held: Held) -> None:
    reader = Reader(beating, "held")
    reader.until(HEARTBEAT)
    assert reader.answer.status_code == 200
    assert reader.answer.headers["content-type"].startswith("text/event-stream")
    assert reader.answer.headers["x-accel-buffering"] == "no"
    assert "x-gateway-deployment" not in reader.answer.headers
    held.go.set()
    lines = reader.to_the_end()
    assert ": x-gateway-deployment: held" in lines
    assert ": x-gateway-attempts: 1" in lines
    assert [json.loads(one)["choices"][0]["delta"].get("content") for one in reader.data[:2]] == ["one", "two"]
    assert reader.data[-1] == "[DONE]"
    record = beating.decision(reader.answer.headers["x-gateway-decision"])["record"]
    assert (record["outcome"], record["answered_by"]) == ("ok", "held")


def test_another_attempt_can_still_take_over(beating: GatewayProcess, held: Held) -> None:
    held.answer = lambda _: response({"error": {"message": "no"}}, 500)
    reader = Reader(beating, "pool")
    reader.until(HEARTBEAT)
    held.go.set()
    lines = reader.to_the_end()
    assert ": x-gateway-deployment: ok" in lines
    assert ": x-gateway-attempts: 2" in lines
    assert reader.data[-1] == "[DONE]"


def test_a_failure_after_it_is_an_event(beating: GatewayProcess, held: Held) -> None:
    held.answer = lambda _: response({"error": {"message": "no"}}, 500)
    reader = Reader(beating, "held")
    reader.until(HEARTBEAT)
    held.go.set()
    reader.to_the_end()
    (event,) = reader.data
    error = json.loads(event)["error"]
    assert (error["type"], error["code"]) == ("upstream_error", "server_error")
    assert beating.decision(reader.answer.headers["x-gateway-decision"])["record"]["outcome"] == "server_error"


def test_before_it_the_real_status_stays_possible(beating: GatewayProcess, held: Held) -> None:
    held.answer = lambda _: response({"error": {"message": "no"}}, 500)
    held.go.set()
    assert Reader(beating, "held").answer.status_code == 502


def test_a_whole_answer_has_none(beating: GatewayProcess, held: Held) -> None:
    held.answer = lambda _: response(completion())
    timer = threading.Timer(EVERY_S * 4, held.go.set)
    timer.start()
    body = {"model": "held", "messages": HELLO}
    answer = httpx.post(f"{beating.url}/v1/chat/completions", json=body, trust_env=False, timeout=60)
    assert json.loads(answer.content) == completion()


@pytest.mark.parametrize("model", ["crawl", "role", "ids"])
def test_between_events_never_in_one(beating: GatewayProcess, model: str) -> None:
    """Whatever the upstream sends beside: role chunks, other fields of events."""
    reader = Reader(beating, model)
    blocks = "\n".join([*reader.to_the_end(), ""]).split("\n\n")
    assert all(block.startswith(":") or (block.startswith("data: ") and "\n" not in block) for block in blocks if block)
    assert [block for block in blocks if block.startswith("data: ")][-1] == "data: [DONE]"
    beats = [at for at, block in enumerate(blocks) if block == HEARTBEAT]
    first = next(at for at, block in enumerate(blocks) if block.startswith("data: "))
    if model == "crawl":
        assert sum(at > first for at in beats) >= 3
    if model == "role":
        assert beats


def test_it_reads_as_it_does_without(beating: GatewayProcess, held: Held) -> None:
    """The official SDK, both kinds of it."""
    url = f"{beating.url}/v1"

    async def read() -> str:
        async with openai.AsyncOpenAI(base_url=url, api_key="any", max_retries=0) as client:
            stream = await client.chat.completions.create(model="crawl", messages=HELLO, stream=True)
            return "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])

    with openai.OpenAI(base_url=url, api_key="any", max_retries=0) as client:
        timer = threading.Timer(EVERY_S * 4, held.go.set)
        timer.start()
        stream = client.chat.completions.create(model="held", messages=HELLO, stream=True)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices) == "onetwo"
    assert len(asyncio.run(read()).split()) == 16


def test_the_sdk_raises_what_came_too_late_for_a_status(beating: GatewayProcess, held: Held) -> None:
    held.answer = lambda _: response({"error": {"message": "no"}}, 500)
    url = f"{beating.url}/v1"

    async def read() -> None:
        async with openai.AsyncOpenAI(base_url=url, api_key="any", max_retries=0) as client:
            async for _ in await client.chat.completions.create(model="held", messages=HELLO, stream=True):
                pass

    timer = threading.Timer(EVERY_S * 4, held.go.set)
    timer.start()
    with pytest.raises(openai.APIError) as caught:
        asyncio.run(read())
    assert (caught.value.code, caught.value.type) == ("server_error", "upstream_error")


def test_anthropics_sdk_passes_over_pings(beating: GatewayProcess, held: Held) -> None:
    """Before the start of the message and within it."""
    with anthropic.Anthropic(base_url=beating.url, api_key="any", max_retries=0) as client:
        threading.Timer(EVERY_S * 4, held.go.set).start()
        with client.messages.stream(model="held", max_tokens=9, messages=HELLO) as stream:
            assert stream.get_final_text() == "onetwo"
        with client.messages.stream(model="crawl", max_tokens=9, messages=HELLO) as stream:
            assert len(stream.get_final_text().split()) == 16


def test_anthropics_sdk_raises_what_came_after_a_ping(beating: GatewayProcess, held: Held) -> None:
    held.answer = lambda _: response({"error": {"message": "no"}}, 500)
    with anthropic.Anthropic(base_url=beating.url, api_key="any", max_retries=0) as client:
        threading.Timer(EVERY_S * 4, held.go.set).start()
        with pytest.raises(anthropic.APIStatusError) as caught:
            list(client.messages.create(model="held", max_tokens=9, messages=HELLO, stream=True))
    assert "server_error" in str(caught.value.body)


@pytest.mark.parametrize("model", ["held", "pings"])
def test_a_caller_that_leaves_is_noticed_all_the_same(beating: GatewayProcess, model: str) -> None:
    reader = Reader(beating, model)
    reader.until(HEARTBEAT)
    left = time.monotonic()
    reader.close()
    record = beating.decision(reader.answer.headers["x-gateway-decision"])["record"]
    assert (record["outcome"], record["output_started"]) == ("caller_left", False)
    assert time.monotonic() - left < 5


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's filters and timers")
def test_a_dead_caller_is_not_kept_alive(tmp_path: Path, held: Held) -> None:
    """What it does not acknowledge ends it."""
    with Scripted(held) as scripted:
        one = deployment(scripted.base_url, "held", timeouts=PATIENT)
        config = {"deployments": {"held": one}, "server": {"heartbeat_s": EVERY_S, "reader_s": 1.0}}
        with (
            GatewayProcess(tmp_path, config) as gateway,
            socket.create_connection(("127.0.0.1", gateway.port)) as client,
        ):
            body = json.dumps({"model": "held", "stream": True, "messages": HELLO}).encode()
            head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n\r\n"
            client.sendall(head.encode() + body)
            got = b""
            while HEARTBEAT.encode() not in got:
                got += client.recv(65536)
            dead_link.cut(client)
            decision_id = got.partition(b"x-gateway-decision: ")[2].partition(b"\r\n")[0].decode()
            record = gateway.decision(decision_id)["record"]
            assert record["outcome"] == "caller_left"


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's timers")
def test_a_silent_caller_is_asked_whether_it_is_there(beating: GatewayProcess) -> None:
    """The connection of a caller that waits has a keepalive timer (proc(5), /proc/net/tcp)."""
    keepalive = "02"
    with socket.create_connection(("127.0.0.1", beating.port)) as client:
        ends = [f"{beating.port:04X}", f"{client.getsockname()[1]:04X}"]
        until = time.monotonic() + 10
        timers: list[str] = []
        while keepalive not in timers and time.monotonic() < until:
            rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
            timers = [row[5][:2] for row in rows if [row[1][-4:], row[2][-4:]] == ends]
            time.sleep(0.02)
        assert timers == [keepalive]


def test_one_that_waits_for_room_hears_so(tmp_path: Path, held: Held) -> None:
    """The gateway's own queue is silent, too."""
    with Scripted(held) as scripted:
        one = deployment(scripted.base_url, "held", timeouts=PATIENT)
        config = {"deployments": {"held": one}, "server": {"heartbeat_s": EVERY_S, "most_running": 1}}
        with GatewayProcess(tmp_path, config) as gateway:
            first, second = Reader(gateway, "held"), Reader(gateway, "held")
            first.until(HEARTBEAT)
            second.until(HEARTBEAT)
            assert len(scripted.asked) == 1
            held.go.set()
            for reader in (first, second):
                reader.to_the_end()
                assert reader.data[-1] == "[DONE]"


@pytest.mark.parametrize("heartbeat_s", [0, None])
def test_they_can_be_left_out(tmp_path: Path, held: Held, heartbeat_s: float | None) -> None:
    held.go.set()

    def late(asked: Asked) -> bytes | None:
        time.sleep(0.5)
        return held(asked)

    with Scripted(late) as scripted:
        one = deployment(scripted.base_url, "held", timeouts=PATIENT)
        config = {"deployments": {"held": one}, "server": {"heartbeat_s": heartbeat_s}}
        with GatewayProcess(tmp_path, config) as gateway:
            reader = Reader(gateway, "held")
            assert reader.answer.headers["x-gateway-deployment"] == "held"
            assert not [line for line in reader.to_the_end() if line.startswith(":")]


def test_a_gateway_that_stops_says_so(tmp_path: Path, held: Held) -> None:
    with Scripted(held) as scripted:
        one = deployment(scripted.base_url, "held", timeouts=PATIENT)
        config = {"deployments": {"held": one}, "server": {"heartbeat_s": EVERY_S, "drain_s": 0.1}}
        with GatewayProcess(tmp_path, config) as gateway:
            reader = Reader(gateway, "held")
            reader.until(HEARTBEAT)
            gateway.stop()
            reader.to_the_end()
            assert json.loads(reader.data[-1])["error"]["code"] == "gateway_stopped"
