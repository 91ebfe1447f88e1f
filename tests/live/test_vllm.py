"""Real vLLM servers on the CPU behind the gateway, asked with the official SDK.

Needs the script that installs and starts them, at ../shared/real-vllm/serve.sh or $REAL_VLLM.
"""

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import openai
import pytest

from tests.support.gateway import REPOSITORY, GatewayProcess
from tests.support.scripted import Scripted, delta, events

SCRIPT = Path(os.environ.get("REAL_VLLM", REPOSITORY.parent / "shared" / "real-vllm" / "serve.sh"))
START_S = 900  # the first start installs 3.4 GB
pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(not SCRIPT.exists(), reason=f"{SCRIPT} is not here: no real vLLM can be started"),
]
HELLO: list[Any] = [{"role": "user", "content": "Say hello."}]
STORY: list[Any] = [{"role": "user", "content": "Tell me a very long story."}]
WEATHER: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module", params=["tiny", "smol"])
def vllm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The model's name and the server's address."""
    port = free_port()
    log = tmp_path_factory.mktemp("vllm") / "log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [str(SCRIPT), request.param, str(port)], stdout=out, stderr=out, start_new_session=True
        )
    url = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + START_S
        while not answers(url):
            assert process.poll() is None, log.read_text()[-2000:]
            assert time.monotonic() < until, log.read_text()[-2000:]
            time.sleep(1)
        yield request.param, url
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="module")
def breaking() -> Iterator[Scripted]:
    """A worker whose every stream breaks after a few words."""
    with Scripted(lambda _: events(delta("Once upon a time"), delta(", there was"), done=False)) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(
    vllm: tuple[str, str], breaking: Scripted, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    name, url = vllm
    entry = {
        "provider": "vllm", "hosting": "self_hosted", "base_url": f"{url}/v1", "model": name, "region": "local",
        "capabilities": ["tools", "forced_tools", "json_object", "json_schema", "logprobs", "multiple_choices"],
    }  # fmt: skip
    wrong = {**entry, "model": "no-such-model"}
    breaks = {**entry, "base_url": breaking.base_url}
    config = {
        "deployments": {"worker": entry, "misnamed": wrong, "breaks": breaks},
        "models": {"chat": {"deployments": ["worker"]}, "broken": {"deployments": ["breaks", "worker"]}},
        "policy": {"rules": [{"name": "all", "fallback": {"after_output": "continue"}}]},
    }
    with GatewayProcess(tmp_path_factory.mktemp("live"), config) as process:
        yield process


@pytest.fixture(scope="module")
def client(gateway: GatewayProcess) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="any", max_retries=0, timeout=120)


def running(vllm: tuple[str, str]) -> float:
    text = httpx.get(f"{vllm[1]}/metrics", trust_env=False).text
    return sum(float(value) for value in re.findall(r"^vllm:num_requests_running\{.*\} (\S+)$", text, re.MULTILINE))


def wait_for_running(vllm: tuple[str, str], count: int, within_s: float = 5.0) -> None:
    until = time.monotonic() + within_s
    while running(vllm) != count and time.monotonic() < until:
        time.sleep(0.05)
    assert running(vllm) == count


def test_chat(client: openai.OpenAI, gateway: GatewayProcess) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model="chat", messages=HELLO, max_tokens=20, extra_headers={"x-request-id": "live-1"}
    )
    completion = raw.parse()
    assert completion.choices[0].message.content
    assert raw.headers["x-request-id"] == "live-1"
    assert raw.headers["x-gateway-decision"] in completion.id  # a caller's own may come twice
    record = gateway.decision(raw.headers["x-gateway-decision"])["record"]
    assert completion.usage is not None
    assert record["attempts"][0]["usage"]["completion_tokens"] == completion.usage.completion_tokens


def test_stream(client: openai.OpenAI, gateway: GatewayProcess) -> None:
    raw = client.chat.completions.with_raw_response.create(model="chat", messages=HELLO, max_tokens=20, stream=True)
    chunks = list(raw.parse())
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert all(chunk.usage is None for chunk in chunks)
    record = gateway.decision(raw.headers["x-gateway-decision"])["record"]
    assert record["outcome"] == "ok"
    assert record["attempts"][0]["usage"]["completion_tokens"] > 0
    assert record["attempts"][0]["finish_reason"] in ("stop", "length")


@pytest.mark.parametrize("stream", [False, True])
def test_forced_tool(client: openai.OpenAI, vllm: tuple[str, str], stream: bool) -> None:
    if vllm[0] == "tiny":
        pytest.skip("a model of random weights runs into its token limit before its JSON ends")
    choice: Any = {"type": "function", "function": {"name": "get_weather"}}
    asked: Any = {
        "model": "chat",
        "messages": HELLO,
        "tools": WEATHER,
        "tool_choice": choice,
        "max_tokens": 400,
        "temperature": 0,
    }
    if stream:
        chunks = list(client.chat.completions.create(**asked, stream=True))
        calls = [call for chunk in chunks if chunk.choices for call in chunk.choices[0].delta.tool_calls or ()]
        name = next(call.function.name for call in calls if call.function and call.function.name)
        arguments = "".join(call.function.arguments or "" for call in calls if call.function)
    else:
        call = client.chat.completions.create(**asked).choices[0].message.tool_calls[0]
        name, arguments = call.function.name, call.function.arguments
    assert name == "get_weather"
    json.loads(arguments)


def test_json_schema(client: openai.OpenAI, vllm: tuple[str, str]) -> None:
    schema = {
        "type": "object",
        "properties": {"ok": {"type": "boolean"}},
        "required": ["ok"],
        "additionalProperties": False,
    }
    form: Any = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    completion = client.chat.completions.create(model="chat", messages=HELLO, response_format=form, max_tokens=60)
    text = completion.choices[0].message.content or ""
    if completion.choices[0].finish_reason == "stop":
        assert isinstance(json.loads(text)["ok"], bool)
    assert text.lstrip().startswith("{")


def test_its_refusals(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="chat", messages=HELLO, temperature=-1)
    assert caught.value.code == "bad_request"
    long: list[Any] = [{"role": "user", "content": "word " * 5000}]
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="chat", messages=long, stream=True)
    assert caught.value.code == "context_length_exceeded"
    with pytest.raises(openai.InternalServerError) as failed:
        client.chat.completions.create(model="misnamed", messages=HELLO)
    assert failed.value.code == "deployment_gone"


@pytest.mark.parametrize("leaves", ["whole", "before_output", "in_mid_stream"])
def test_a_departed_client_frees_the_worker(
    client: openai.OpenAI, gateway: GatewayProcess, vllm: tuple[str, str], leaves: str
) -> None:
    """Within a second; what was generated is on record, and nothing is in flight."""
    if vllm[0] == "tiny":
        pytest.skip("two layers say 1,500 tokens before the server's gauges are written once")
    body = {"model": "chat", "messages": STORY, "max_tokens": 1500, "stream": leaves != "whole", "ignore_eos": True}
    if leaves == "before_output":
        body["messages"] = [{"role": "user", "content": "Go on. " * 250}]
    raw = json.dumps(body).encode()
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=30) as leaving:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {len(raw)}\r\n\r\n"
        leaving.sendall(head.encode() + raw)
        if leaves == "in_mid_stream":
            while b'"content"' not in leaving.recv(65536):
                pass
        if leaves == "before_output":
            time.sleep(0.01)
        else:
            wait_for_running(vllm, 1)  # the server updates its gauges between steps
    wait_for_running(vllm, 0, within_s=1.0)
    record = newest_record(gateway)
    assert (record["outcome"], record["fault"]) == ("caller_left", "caller")
    assert record["output_started"] == (leaves == "in_mid_stream")
    if leaves == "in_mid_stream":
        assert record["attempts"][-1]["usage"]["completion_tokens"] > 0
    assert (
        'gateway_attempts_in_flight{deployment="worker"} 0.0'
        in httpx.get(f"{gateway.url}/metrics", trust_env=False).text
    )
    assert client.chat.completions.create(model="chat", messages=HELLO, max_tokens=5)


def newest_record(gateway: GatewayProcess) -> dict[str, Any]:
    """Of the request that ended last."""
    found = httpx.get(f"{gateway.url}/admin/decisions?limit=1", trust_env=False).json()["record"][0]
    assert isinstance(found, dict)
    return found


def test_it_goes_on_with_a_stream_that_broke(
    client: openai.OpenAI, gateway: GatewayProcess, vllm: tuple[str, str]
) -> None:
    """By `continue_final_message`: the caller reads one answer."""
    answer = client.chat.completions.with_raw_response.create(
        model="broken",
        messages=STORY,
        stream=True,
        max_tokens=40,
        temperature=0,
        stream_options={"include_usage": True},
    )
    chunks = list(answer.parse())
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert said.startswith("Once upon a time, there was")
    assert len(said) > len("Once upon a time, there was") + 20
    assert "Once upon a time" not in said[4:]
    record = gateway.decision(answer.headers["x-gateway-decision"])["record"]
    broken, went_on = record["attempts"]
    assert (broken["outcome"], went_on["outcome"], went_on["continues"]) == ("truncated", "ok", 27)
    counted = next(chunk.usage for chunk in chunks if chunk.usage)
    assert (
        counted.completion_tokens == broken["usage"]["completion_tokens"] + went_on["usage"]["completion_tokens"] <= 40
    )
