"""Legacy completions from outside, by the official SDK and by hand, over real sockets."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import openai
import pytest

from gateway.values.deployment import Capability
from tests.conftest import Upstream
from tests.support.gateway import GatewayProcess, deployment

PRICE = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 2.0}
CAPABLE = [capability.value for capability in Capability]


@pytest.fixture(scope="module")
def gateway(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    def one(model: str, **more: Any) -> dict[str, Any]:
        return deployment(upstream.base_url, model, capabilities=CAPABLE, price=PRICE, **more)

    texts: dict[str, Any] = {"surfaces": ["completions"]}
    deployments = {
        "text": one("ok", **texts),
        "broken": one("error_500", **texts),
        "cut": one("cut_after", **texts),
        "endless": one("endless", **texts),
        "chat-only": one("ok"),
        "bounded": one("ok", **texts, max_output_tokens=100),
        "by-vllm": one("ok", **texts, provider="vllm", hosting="self_hosted"),
        "by-llama": one("ok", **texts, provider="llama_cpp", hosting="self_hosted"),
    }
    models = {
        "spared": {"deployments": ["broken", "text"]},
        "any": {"deployments": ["by-llama", "by-vllm", "text"]},
        "own": {"deployments": ["by-llama", "by-vllm"]},
    }
    with GatewayProcess(
        tmp_path_factory.mktemp("completions"), {"deployments": deployments, "models": models}
    ) as process:
        yield process


@pytest.fixture(scope="module")
def client(gateway: GatewayProcess) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="any", max_retries=0)


def post(gateway: GatewayProcess, **body: Any) -> httpx.Response:
    return httpx.post(f"{gateway.url}/v1/completions", json=body, trust_env=False, timeout=20)


def test_whole(client: openai.OpenAI, gateway: GatewayProcess, upstream: Upstream) -> None:
    raw = client.completions.with_raw_response.create(model="text", prompt="Once upon", suffix="the end", max_tokens=9)
    answer = raw.parse()
    assert answer.choices[0].text == "You said: Once upon"
    assert answer.usage is not None
    usd = (answer.usage.prompt_tokens * 1.0 + answer.usage.completion_tokens * 2.0) / 1e6
    assert float(raw.headers["x-gateway-cost-usd"]) == pytest.approx(usd)
    sent = upstream.last("ok")
    assert sent["path"] == "/v1/completions"
    assert json.loads(sent["body"]) == {"model": "ok", "prompt": "Once upon", "suffix": "the end", "max_tokens": 9}
    record = gateway.decision(raw.headers["x-gateway-decision"])["record"]
    assert (record["surface"], record["decision"]["facts"]["surface"]) == ("completions", "completions")


PROMPTS: list[tuple[Any, list[str]]] = [
    ("hi", ["hi"]),
    (["hi", "you there"], ["hi", "you there"]),
    ([1, 2, 3], ["1 2 3"]),
    ([[1, 2], [3]], ["1 2", "3"]),
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("prompt", "said"), PROMPTS, ids=["text", "texts", "tokens", "lists"])
def test_prompts(client: openai.OpenAI, prompt: Any, said: list[str], *, stream: bool) -> None:
    asked: dict[str, Any] = {"model": "text", "prompt": prompt, "n": 2, "echo": True, "logprobs": 1}
    texts = ["" for _ in range(2 * len(said))]
    logprobs = [0] * len(texts)
    answers: Any = client.completions.create(**asked, stream=stream)
    for answer in answers if stream else [answers]:
        for choice in answer.choices:
            texts[choice.index] += choice.text
            logprobs[choice.index] += len(choice.logprobs.tokens) if choice.logprobs else 0
    assert texts == [f"{one}You said: {one}" for one in said for _ in range(2)]
    assert all(logprobs)


@pytest.mark.parametrize("with_usage", [True, False])
def test_usage_of_a_stream(client: openai.OpenAI, gateway: GatewayProcess, *, with_usage: bool) -> None:
    options: Any = {"stream_options": {"include_usage": True}} if with_usage else {}
    raw = client.completions.with_raw_response.create(model="text", prompt="hi", stream=True, **options)
    chunks = list(raw.parse())
    assert sum(chunk.usage is not None for chunk in chunks) == with_usage
    attempt = gateway.decision(raw.headers["x-gateway-decision"])["record"]["attempts"][0]
    assert attempt["usage"] == {"prompt_tokens": 1, "completion_tokens": 3, **attempt["usage"]}
    assert attempt["first_output_s"] > 0
    assert attempt["cost_usd"] > 0


@pytest.mark.parametrize("stream", [False, True])
def test_another_deployment_takes_over(client: openai.OpenAI, *, stream: bool) -> None:
    raw = client.completions.with_raw_response.create(model="spared", prompt="hi", stream=stream)
    assert (raw.headers["x-gateway-deployment"], raw.headers["x-gateway-attempts"]) == ("text", "2")


def test_a_stream_that_breaks_raises(client: openai.OpenAI) -> None:
    stream = client.completions.create(model="cut", prompt="hi", stream=True)
    with pytest.raises(openai.APIError):
        for _ in stream:
            pass


def test_a_caller_that_leaves_stops_the_work(gateway: GatewayProcess, upstream: Upstream) -> None:
    with httpx.stream(
        "POST",
        f"{gateway.url}/v1/completions",
        json={"model": "endless", "prompt": "hi", "stream": True},
        trust_env=False,
    ) as answer:
        next(answer.iter_raw())
        decision = answer.headers["x-gateway-decision"]
    record = gateway.decision(decision)["record"]
    assert record["outcome"] == "caller_left"
    assert record["attempts"][0]["usage"]["estimated"]
    assert upstream.last("endless")["left_ms"] is not None


ASKED: list[tuple[str, dict[str, Any], str]] = [
    ("any", {}, "by-llama"),
    ("any", {"logprobs": 1, "n": 2}, "by-llama"),
    ("any", {"echo": True, "logprobs": 1}, "by-vllm"),
    ("any", {"suffix": "the end"}, "text"),
    ("any", {"best_of": 3}, "text"),
    ("any", {"suffix": "the end", "echo": True, "best_of": 2}, "text"),
    ("own", {"echo": True}, "by-vllm"),
]


@pytest.mark.parametrize(
    ("model", "fields", "by", "stream"),
    [(*one, stream) for one in ASKED for stream in (False, True) if not (stream and "best_of" in one[1])],
)
def test_what_a_vendor_lacks_is_asked_of_one_that_has_it(
    client: openai.OpenAI, upstream: Upstream, model: str, fields: dict[str, Any], by: str, *, stream: bool
) -> None:
    raw = client.completions.with_raw_response.create(model=model, prompt="hi", stream=stream, **fields)
    told: Any = raw.parse()
    answers = list(told) if stream else [told]
    text = "".join(choice.text for answer in answers for choice in answer.choices if choice.index == 0)
    assert text == ("hiYou said: hi" if fields.get("echo") else "You said: hi")
    assert raw.headers["x-gateway-deployment"] == by
    assert "x-gateway-lost" not in raw.headers
    assert json.loads(upstream.last("ok")["body"]).items() >= fields.items()


@pytest.mark.parametrize(
    ("model", "fields", "named"),
    [
        ("by-llama", {"echo": True}, "echo"),
        ("by-llama", {"suffix": "the end", "best_of": 2}, "best_of, suffix"),
        ("by-vllm", {"suffix": "the end"}, "suffix"),
        ("own", {"best_of": 2}, "best_of"),
    ],
)
def test_what_no_vendor_of_a_model_has_is_refused_by_name(
    client: openai.OpenAI, model: str, fields: dict[str, Any], named: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.completions.create(model=model, prompt="hi", **fields)
    assert caught.value.code == "unsupported_feature"
    assert f"depends on {named}," in str(caught.value)


def test_what_asks_for_nothing_is_left_out(client: openai.OpenAI, upstream: Upstream) -> None:
    raw = client.completions.with_raw_response.create(
        model="by-llama", prompt="hi", echo=False, suffix="", best_of=2, n=2, extra_body={"top_k": 3}
    )
    assert raw.headers["x-gateway-lost"] == "best_of, echo, suffix"
    assert json.loads(upstream.last("ok")["body"]) == {"model": "ok", "prompt": "hi", "n": 2, "top_k": 3}


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("a mixture", {"prompt": ["a", 1]}, "prompt"),
    ("lists of texts", {"prompt": [["a"]]}, "prompt[0][0]"),
    ("no prompts", {"prompt": []}, "prompt"),
    ("a float", {"prompt": [1.5]}, "prompt[0]"),
    ("an object", {"prompt": {}}, "prompt"),
    ("a flag as a token", {"prompt": [True]}, "prompt[0]"),
    ("too many prompts", {"prompt": ["a"] * 2049}, "prompt"),
    ("no choices", {"n": 0}, "n"),
    ("a text as n", {"n": "2"}, "n"),
    ("negative tokens", {"max_tokens": -1}, "max_tokens"),
    ("best_of of 0", {"best_of": 0}, "best_of"),
    ("best_of below n", {"n": 3, "best_of": 2}, "best_of"),
    ("logprobs as a flag", {"logprobs": True}, "logprobs"),
    ("stream as a number", {"stream": 1}, "stream"),
]


@pytest.mark.parametrize(("fields", "path"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_bad_bodies(gateway: GatewayProcess, fields: dict[str, Any], path: str) -> None:
    answer = post(gateway, model="text", **{"prompt": "x", **fields})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["param"] == path
    assert error["message"]


@pytest.mark.parametrize("body", [{}, {"prompt": None}, {"prompt": ""}, {"prompt": "x", "max_tokens": 0}])
def test_what_may_be_absent(gateway: GatewayProcess, body: dict[str, Any]) -> None:
    assert post(gateway, model="text", **{k: v for k, v in body.items() if v is not None}).status_code == 200


def test_absent_max_tokens_are_not_taken_for_few(gateway: GatewayProcess) -> None:
    """16 at OpenAI, but all that there is room for at llama.cpp: a ceiling on the cost must hold at both."""
    ceiling = {"x-gateway-max-cost-usd": "0.0001"}
    url = f"{gateway.url}/v1/completions"
    unbounded = httpx.post(url, json={"model": "text", "prompt": "x"}, headers=ceiling, trust_env=False)
    too_much = httpx.post(url, json={"model": "bounded", "prompt": "x"}, headers=ceiling, trust_env=False)
    little = httpx.post(
        url, json={"model": "bounded", "prompt": "x", "max_tokens": 9}, headers=ceiling, trust_env=False
    )
    assert [one.json()["error"]["code"] for one in (unbounded, too_much)] == ["max_cost_too_low"] * 2
    assert little.status_code == 200


def test_a_deployment_of_chats_is_not_asked(gateway: GatewayProcess) -> None:
    answer = post(gateway, model="chat-only", prompt="x")
    assert answer.status_code >= 400
    assert "completions" in answer.json()["error"]["message"]
    told = gateway.decision(answer.headers["x-gateway-decision"])
    assert any("completions" in sentence for sentence in told["sentences"])


def test_metrics_say_the_surface(gateway: GatewayProcess) -> None:
    post(gateway, model="text", prompt="x")
    metrics = httpx.get(f"{gateway.url}/metrics", trust_env=False).text
    assert "gateway_requests_total{" in metrics
    assert 'surface="completions"' in metrics
