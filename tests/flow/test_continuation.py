"""A stream that breaks after the caller had some of it, over real sockets: where the rule wants it another deployment goes
on with it, and the caller reads one answer; else, and where that cannot be, an error event ends it.
"""

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import openai
import pytest

from tests.support.gateway import GatewayProcess, deployment
from tests.support.scripted import Asked, Scripted, delta, events, response

BEGINNING = "Let us count them, one after the other: one, two, three, four, "
REST = "five, six, seven, eight, nine, ten, eleven, twelve, and that is a dozen of them."
PRICE = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 1.0}


def usage(prompt: int, completion: int) -> dict[str, Any]:
    counts = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    return {**delta(), "choices": [], "usage": counts}


def says(asked: Asked) -> bytes | None:
    """By the model's name: how its stream goes."""
    body = json.loads(asked.body)
    if asked.text == "Be well.":
        return events(delta("ok"), delta(finish="stop"))
    match body["model"]:
        case "breaks" | "first":
            return events(delta(BEGINNING[:45]), delta(BEGINNING[45:]), done=False)
        case "calls":
            chunk = delta("One, ")
            chunk["choices"][0]["delta"]["tool_calls"] = [{"index": 0, "function": {"name": "f", "arguments": "{"}}]
            return events(chunk, done=False)
        case "finished":
            return events(delta("One."), delta(finish="stop"), done=False)
        case "fails":
            return response({"error": {"message": "no"}}, 500)
        case "breaks-too":
            return events(*map(delta, (REST[:70], REST[70:76])), done=False)
        case "anew":
            return events(
                delta(BEGINNING[:40] + "I shall begin anew, with one and then with two."), delta(finish="stop")
            )
        case "last":
            said = body["messages"][-1]["content"]
            rest = (BEGINNING + REST)[len(said) :]
            return events(delta("", role="assistant"), delta(rest), delta(finish="stop"), usage(40, 22))
    raise AssertionError(body["model"])


@pytest.fixture(scope="module")
def upstream() -> Iterator[Scripted]:
    with Scripted(says) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(upstream: Scripted, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    def one(model: str, **more: Any) -> dict[str, Any]:
        return {
            **deployment(upstream.base_url, model, price=PRICE, capabilities=["json_object"], **more),
            "provider": "vllm",
        }

    names = ("breaks", "calls", "finished", "fails", "breaks-too", "anew", "last")
    deployments = {name: one(name) for name in names}
    deployments["vendor"] = one("last") | {"provider": "openai"}
    deployments["open"] = one("first", clearance="internal")
    deployments["public"] = one("last", clearance="public")
    deployments["small"] = one("last", context_tokens=20)
    pools = {
        "two": ["breaks", "last"], "three": ["breaks", "breaks-too", "last"], "around": ["breaks", "fails", "last"],
        "vendor-only": ["breaks", "vendor"], "below": ["open", "public"], "above": ["open", "last"], "tool": ["calls", "last"],
        "over": ["finished", "last"], "again": ["breaks", "anew"], "full": ["breaks", "small"], "alone": ["breaks"],
    }  # fmt: skip
    go_on = {"after_output": "continue", "retries": 0}
    config = {
        "deployments": deployments,
        "models": {name: {"deployments": pool} for name, pool in pools.items()},
        "policy": {
            "rules": [
                {"name": "off", "when": {"tags": {"continue": "no"}}},
                {"name": "poor", "when": {"tags": {"continue": "poor"}}, "fallback": go_on, "limits": {"max_attempts": 1}},
                {"name": "on", "fallback": go_on},
            ]
        },
    }  # fmt: skip
    with GatewayProcess(tmp_path_factory.mktemp("continuation"), config) as process:
        yield process


@pytest.fixture(autouse=True)
def _well(gateway: GatewayProcess) -> Iterator[None]:
    """Each test begins with deployments that have answered."""
    yield
    for name in ("breaks", "open", "calls", "finished", "fails", "breaks-too", "anew"):
        record = ask(gateway, name, messages=[{"role": "user", "content": "Be well."}])[1]
        assert record["outcome"] == "ok"


def ask(gateway: GatewayProcess, model: str, tag: str = "", **more: Any) -> tuple[str, dict[str, Any]]:
    """What the caller reads, and the record."""
    body = {"model": model, "messages": [{"role": "user", "content": "Count."}], "stream": True, **more}
    headers = {"x-gateway-tags": f"continue={tag}"} if tag else {}
    answer = httpx.post(f"{gateway.url}/v1/chat/completions", json=body, headers=headers, timeout=30, trust_env=False)
    assert answer.status_code == 200
    return answer.text, gateway.decision(answer.headers["x-gateway-decision"])["record"]


def text_of(stream: str) -> str:
    lines = [line.removeprefix("data: ") for line in stream.splitlines() if line.startswith("data: {")]
    choices = [choice for line in lines for choice in json.loads(line).get("choices", [])]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


def outcomes(record: dict[str, Any]) -> list[tuple[str, str]]:
    return [(attempt["deployment"], attempt["outcome"]) for attempt in record["attempts"]]


def test_another_goes_on(gateway: GatewayProcess, upstream: Scripted) -> None:
    upstream.asked.clear()
    stream, record = ask(gateway, "two", max_tokens=50)
    assert text_of(stream) == BEGINNING + REST
    assert ": breaks broke off (truncated); last goes on" in stream
    assert stream.endswith("data: [DONE]\n\n")
    assert outcomes(record) == [("breaks", "truncated"), ("last", "ok")]
    assert (record["outcome"], record["answered_by"], record["output_started"]) == ("ok", "last", True)
    assert record["attempts"][1]["continues"] == len(BEGINNING)
    first, second = (attempt["usage"] for attempt in record["attempts"])
    assert (first["completion_tokens"], first["estimated"]) == (15, True)  # 63 characters
    assert (second["prompt_tokens"], second["completion_tokens"]) == (40, 22)
    assert all(attempt["cost_usd"] > 0 for attempt in record["attempts"])
    sent = json.loads(upstream.asked[-1].body)
    assert (sent["continue_final_message"], sent["max_tokens"]) == (True, 35)
    sentences = gateway.decision(record["decision"]["id"])["sentences"]
    assert any("went on after 63 characters of the answer" in one for one in sentences)


def test_the_callers_usage_counts_both(gateway: GatewayProcess) -> None:
    stream, _ = ask(gateway, "two", stream_options={"include_usage": True})
    lines = [json.loads(line[6:]) for line in stream.splitlines() if line.startswith("data: {")]
    counts = next(line["usage"] for line in lines if line.get("usage"))
    assert counts == {"prompt_tokens": 25, "completion_tokens": 37, "total_tokens": 62}


def test_the_sdk_reads_one_answer(gateway: GatewayProcess) -> None:
    client = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="any", max_retries=0)
    chunks = list(client.chat.completions.create(model="two", messages=[{"role": "user", "content": "x"}], stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == BEGINNING + REST
    assert len({chunk.id for chunk in chunks}) == 1


def test_the_one_that_goes_on_may_break_too(gateway: GatewayProcess) -> None:
    stream, record = ask(gateway, "three")
    assert outcomes(record) == [("breaks", "truncated"), ("breaks-too", "truncated"), ("last", "ok")]
    assert text_of(stream) == BEGINNING + REST


def test_one_that_cannot_is_passed_over(gateway: GatewayProcess) -> None:
    stream, record = ask(gateway, "around")
    assert text_of(stream) == BEGINNING + REST
    assert outcomes(record) == [("breaks", "truncated"), ("fails", "server_error"), ("last", "ok")]


def test_same_or_higher_clearance(gateway: GatewayProcess) -> None:
    assert outcomes(ask(gateway, "above")[1]) == [("open", "truncated"), ("last", "ok")]
    assert outcomes(ask(gateway, "below")[1]) == [("open", "truncated")]


@pytest.mark.parametrize(
    ("model", "tag", "more"),
    [
        ("two", "no", {}),
        ("two", "poor", {}),
        ("alone", "", {}),
        ("vendor-only", "", {}),
        ("tool", "", {}),
        ("full", "", {"messages": [{"role": "user", "content": "Count to a dozen. " * 4}]}),
        ("two", "", {"response_format": {"type": "json_object"}}),
        ("two", "", {"max_tokens": 15}),
        ("again", "", {}),
    ],
    ids=["off", "attempts", "alone", "vendor", "tool", "full", "json", "tokens", "anew"],
)
def test_else_an_error_ends_it(gateway: GatewayProcess, model: str, tag: str, more: dict[str, Any]) -> None:
    stream, record = ask(gateway, model, tag, **more)
    assert record["outcome"] == "truncated"
    assert "[DONE]" not in stream
    assert json.loads(stream.split("data: ")[-1])["error"]["code"] == "truncated"
    assert outcomes(record)[1:] == ([("anew", "malformed_answer")] if model == "again" else [])


def test_one_that_had_finished_needs_nobody_to_go_on(gateway: GatewayProcess) -> None:
    """Only its `[DONE]` is missing."""
    stream, record = ask(gateway, "over")
    assert outcomes(record) == [("finished", "ok")]
    assert stream.endswith("data: [DONE]\n\n")


def test_with_the_embedded_model(upstream: Scripted, tmp_path_factory: pytest.TempPathFactory) -> None:
    """llama.cpp takes up the text where it ended."""
    config = {
        "deployments": {
            "breaks": deployment(upstream.base_url, "breaks"),
            "home": {"provider": "llama_cpp", "hosting": "self_hosted", "embedded": {}, "model": "smollm2-135m-instruct"},
        },
        "models": {"chat": {"deployments": ["breaks", "home"]}},
        "policy": {"rules": [{"name": "on", "fallback": {"after_output": "continue"}}]},
    }  # fmt: skip
    with GatewayProcess(tmp_path_factory.mktemp("embedded"), config) as gateway:
        until = time.monotonic() + 60
        while '"home":"admitting"' not in httpx.get(f"{gateway.url}/readyz", trust_env=False).text:
            assert time.monotonic() < until
            time.sleep(0.2)
        stream, record = ask(gateway, "chat", max_tokens=30, temperature=0)
    assert outcomes(record) == [("breaks", "truncated"), ("home", "ok")]
    assert text_of(stream).startswith(BEGINNING)
    assert "five" in text_of(stream)
