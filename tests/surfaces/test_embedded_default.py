"""The embedded default with the real model: it answers, and killing it loses nothing but what it was saying."""

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import openai
import psutil
import pytest

from tests.support.gateway import GatewayProcess

STORY: list[Any] = [{"role": "user", "content": "Tell me a long story about a lighthouse, a storm and a sailor."}]
ENDLESS = {"ignore_eos": True}  # llama.cpp: up to max_tokens, whatever the model would like
BACK_WITHIN_S = 10


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with GatewayProcess(tmp_path_factory.mktemp("embedded")) as process:
        yield process


@pytest.fixture(scope="module")
def client(gateway: GatewayProcess) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="any", max_retries=0, timeout=60)


def model_process(gateway: GatewayProcess) -> psutil.Process:
    for child in psutil.Process(gateway.pid).children():
        if "gateway.watch.model_server" in child.cmdline():
            return child
    raise AssertionError("no model process")


def wait_for(what: Callable[[], Any], within_s: float = BACK_WITHIN_S) -> Any:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if found := what():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {within_s} s")


def is_ready(gateway: GatewayProcess) -> bool:
    return httpx.get(f"{gateway.url}/readyz", trust_env=False).status_code == 200


def test_it_answers_in_both_modes(client: openai.OpenAI) -> None:
    hello: list[Any] = [{"role": "user", "content": "Say hello."}]
    whole = client.chat.completions.create(model="smollm2", messages=hello, max_tokens=30, temperature=0)
    assert whole.choices[0].message.content
    assert whole.usage is not None
    stream = client.chat.completions.create(model="smollm2", messages=hello, max_tokens=30, temperature=0, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)


SAID: list[Any] = [{"role": "user", "content": "Say hello."}]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("chat/completions", {"messages": SAID, "max_tokens": 4}),
        ("messages", {"messages": SAID, "max_tokens": 4}),
        ("messages/count_tokens", {"messages": SAID}),
        ("completions", {"prompt": "Once", "max_tokens": 4}),
    ],
)
def test_it_answers_on_the_surfaces_that_its_engine_has(
    gateway: GatewayProcess, path: str, body: dict[str, Any]
) -> None:
    answer = httpx.post(f"{gateway.url}/v1/{path}", json={"model": "smollm2", **body}, trust_env=False, timeout=60)
    assert answer.status_code == 200, answer.text


def test_it_completes_in_both_modes_and_embeds_nothing(client: openai.OpenAI) -> None:
    asked: dict[str, Any] = {
        "model": "smollm2",
        "prompt": "The capital of France is",
        "max_tokens": 8,
        "temperature": 0,
    }
    whole = client.completions.create(**asked)
    assert "Paris" in whole.choices[0].text
    assert whole.usage is not None
    assert whole.usage.completion_tokens == 8
    chunks = list(client.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
    assert "".join(choice.text for chunk in chunks for choice in chunk.choices) == whole.choices[0].text
    assert [chunk.usage.completion_tokens for chunk in chunks if chunk.usage] == [8]
    prompts = ["The capital of France is", "One, two,"]
    several = client.completions.create(**{**asked, "prompt": prompts}, n=2)
    assert [choice.index for choice in several.choices] == [0, 1, 2, 3]
    assert several.usage is None  # the engine says that of one choice only
    texts = ["", "", "", ""]
    usages = []
    for chunk in client.completions.create(
        **{**asked, "prompt": prompts}, n=2, stream=True, stream_options={"include_usage": True}
    ):
        for choice in chunk.choices:
            texts[choice.index] += choice.text
        usages += [chunk.usage] if chunk.usage else []
    assert texts == [choice.text for choice in several.choices]
    assert [(usage.prompt_tokens, usage.completion_tokens) for usage in usages] == [(9, 4 * 8)]
    with pytest.raises(openai.BadRequestError) as caught:
        client.embeddings.create(model="smollm2", input="a text")
    assert caught.value.code == "unsupported_surface"


@pytest.mark.parametrize("alternatives", [0, 2])
def test_logprobs_of_completions_are_as_openais(client: openai.OpenAI, alternatives: int) -> None:
    asked: dict[str, Any] = {
        "model": "smollm2",
        "prompt": "The capital of France is",
        "max_tokens": 5,
        "temperature": 0,
    }
    whole = client.completions.create(**asked, logprobs=alternatives).choices[0]
    chunks = client.completions.create(**asked, logprobs=alternatives, stream=True)
    parts = [choice.logprobs for chunk in chunks for choice in chunk.choices if choice.logprobs]
    for name in ("tokens", "token_logprobs", "top_logprobs", "text_offset"):
        assert whole.logprobs is not None
        found = getattr(whole.logprobs, name)
        assert len(found) == 5
        assert name == "token_logprobs" or [one for part in parts for one in getattr(part, name)] == found
    assert whole.logprobs is not None
    assert "".join(whole.logprobs.tokens or []) == whole.text
    assert all(len(one) == max(alternatives, 1) for one in whole.logprobs.top_logprobs or [])


@pytest.mark.parametrize("field", [{"echo": True}, {"suffix": "."}, {"best_of": 2}])
def test_what_its_engine_would_pass_over_is_refused_by_name(client: openai.OpenAI, field: dict[str, Any]) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.completions.create(model="smollm2", prompt="x", max_tokens=1, **field)
    assert caught.value.code == "unsupported_feature"
    assert next(iter(field)) in str(caught.value)


def test_json_schema_and_logprobs(client: openai.OpenAI) -> None:
    # A closed list: in a free string this small model may ramble until max_tokens cuts the document.
    schema = {
        "type": "object", "properties": {"city": {"enum": ["Oslo", "Lima"]}}, "required": ["city"], "additionalProperties": False,
    }  # fmt: skip
    answer = client.chat.completions.create(
        model="smollm2", messages=[{"role": "user", "content": "Name a city as JSON."}], max_tokens=60, logprobs=True,
        response_format={"type": "json_schema", "json_schema": {"name": "city", "schema": schema}},
    )  # fmt: skip
    assert json.loads(answer.choices[0].message.content or "")["city"] in ("Oslo", "Lima")
    assert answer.choices[0].logprobs is not None


def test_a_long_prompt_goes_where_it_fits(client: openai.OpenAI) -> None:
    long: list[Any] = [{"role": "user", "content": "lighthouse " * 1100}]
    raw = client.chat.completions.with_raw_response.create(model="smollm2", messages=long, max_tokens=5)
    assert raw.headers["x-gateway-deployment"] == "smollm2-long"
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="smollm2", messages=[{"role": "user", "content": "storm " * 9000}])
    assert caught.value.code == "context_length_exceeded"


def test_killed_at_rest_it_is_back_within_seconds(gateway: GatewayProcess, client: openai.OpenAI) -> None:
    process = model_process(gateway)
    process.kill()
    wait_for(lambda: not is_ready(gateway), 2)
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model="smollm2", messages=STORY)
    assert caught.value.code in ("no_healthy_deployment", "connect_failed", "connection_lost")
    wait_for(lambda: is_ready(gateway))
    assert model_process(gateway).pid != process.pid
    test_it_answers_in_both_modes(client)


def test_killed_in_the_middle_of_a_stream(gateway: GatewayProcess, client: openai.OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model="smollm2", messages=STORY, stream=True, max_tokens=500, extra_body=ENDLESS
    )
    text, killed = "", False
    with pytest.raises(openai.APIError):  # noqa: PT012 - it breaks at some chunk
        for chunk in raw.parse():
            assert not any(choice.finish_reason for choice in chunk.choices)
            text += chunk.choices[0].delta.content or ""
            if len(text) > 20 and not killed:
                killed = True
                model_process(gateway).kill()
    record = gateway.decision(raw.headers["x-gateway-decision"])["record"]
    assert (record["outcome"], record["fault"], record["output_started"]) == ("truncated", "provider", True)
    wait_for(lambda: is_ready(gateway))


def test_killed_in_the_middle_of_a_request(gateway: GatewayProcess, client: openai.OpenAI) -> None:
    threading.Timer(0.7, lambda: model_process(gateway).kill()).start()
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model="smollm2", messages=STORY, max_tokens=800, extra_body=ENDLESS)
    record = gateway.decision(caught.value.response.headers["x-gateway-decision"])["record"]
    assert record["attempts"][0]["outcome"] == "connection_lost"
    wait_for(lambda: is_ready(gateway))


def test_stopped_it_leaves_no_process(tmp_path: Path) -> None:
    gateway = GatewayProcess(tmp_path).start()
    child = model_process(gateway)
    assert gateway.stop(signal.SIGINT) == 0
    assert not child.is_running()


def test_a_killed_gateway_takes_the_model_along(tmp_path: Path) -> None:
    gateway = GatewayProcess(tmp_path).start()
    child = model_process(gateway)
    gateway.stop(signal.SIGKILL)
    wait_for(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, 3)
