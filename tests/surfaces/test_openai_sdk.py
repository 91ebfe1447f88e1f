"""The official SDK from outside, over real sockets: applications change only the base URL."""

import json
from typing import Any

import openai
import pydantic
import pytest

from tests.conftest import APP_KEY, NARROW_KEY, Upstream
from tests.support.gateway import GatewayProcess

HELLO: list[Any] = [{"role": "user", "content": "Say hello."}]
WEATHER: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
]


@pytest.fixture(scope="module")
def client(gateway: GatewayProcess) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="any", max_retries=0)


def test_chat(client: openai.OpenAI) -> None:
    answer = client.chat.completions.with_raw_response.create(model="chat", messages=HELLO)
    completion = answer.parse()
    assert "Say hello." in (completion.choices[0].message.content or "")
    assert answer.headers["x-gateway-deployment"] == "ok"
    assert completion.usage is not None
    price = (completion.usage.prompt_tokens * 1.0 + completion.usage.completion_tokens * 2.0) / 1e6
    assert float(answer.headers["x-gateway-cost-usd"]) == pytest.approx(price)


@pytest.mark.parametrize("with_usage", [True, False])
def test_stream(client: openai.OpenAI, gateway: GatewayProcess, with_usage: bool) -> None:
    options: Any = {"stream_options": {"include_usage": True}} if with_usage else {}
    raw = client.chat.completions.with_raw_response.create(model="tokens", messages=HELLO, stream=True, **options)
    chunks = list(raw.parse())
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text.split()[:3] == ["0", "1", "2"]
    assert any(chunk.usage is not None for chunk in chunks) is with_usage
    attempt = gateway.decision(raw.headers["x-gateway-decision"])["record"]["attempts"][0]
    assert attempt["usage"]["completion_tokens"] == 64
    assert attempt["cost_usd"] > 0
    assert attempt["first_output_s"] > 0


@pytest.mark.parametrize("stream", [True, False])
def test_tools(client: openai.OpenAI, stream: bool) -> None:
    if stream:
        with client.chat.completions.stream(model="tools", messages=HELLO, tools=WEATHER) as events:
            completion: Any = events.get_final_completion()
    else:
        completion = client.chat.completions.create(
            model="tools", messages=HELLO, tools=WEATHER, tool_choice="required"
        )
    call = completion.choices[0].message.tool_calls[0]
    assert call.function.name == "get_weather"
    assert isinstance(json.loads(call.function.arguments), dict)


class Answer(pydantic.BaseModel):
    answer: str


def test_structured_output(client: openai.OpenAI) -> None:
    completion = client.chat.completions.parse(model="json_schema", messages=HELLO, response_format=Answer)
    assert isinstance(completion.choices[0].message.parsed, Answer)


def test_several_choices_and_logprobs(client: openai.OpenAI) -> None:
    completion = client.chat.completions.create(model="ok", messages=HELLO, n=3, logprobs=True, top_logprobs=2)
    assert [choice.index for choice in completion.choices] == [0, 1, 2]
    assert completion.choices[0].logprobs is not None


def test_models(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["chat"]
    assert client.models.retrieve("chat").id == "chat"
    assert client.models.retrieve("slow-3000").id == "slow-3000"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nobody/knows-it")


ERRORS: list[tuple[str, type[openai.APIStatusError]]] = [
    ("nobody-knows-it", openai.NotFoundError),
    ("bad_param_400", openai.BadRequestError),
    ("rate_limit_429", openai.RateLimitError),
    ("error_500", openai.InternalServerError),
    ("unauthorized_401", openai.InternalServerError),  # the gateway's key is not the caller's fault
    ("model_404", openai.InternalServerError),
]


@pytest.mark.parametrize(("model", "kind"), ERRORS, ids=[error[0] for error in ERRORS])
@pytest.mark.parametrize("stream", [True, False])
def test_typed_errors(client: openai.OpenAI, model: str, kind: type[openai.APIStatusError], stream: bool) -> None:
    with pytest.raises(kind) as caught:
        client.chat.completions.create(model=model, messages=HELLO, stream=stream)
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["message"]
    assert caught.value.request_id


def test_retry_after_is_passed_on(client: openai.OpenAI) -> None:
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model="rate_limit_429", messages=HELLO)
    assert caught.value.response.headers["retry-after"] == "1"


def test_a_stream_that_breaks_raises(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(model="cut_after", messages=HELLO, stream=True)
    with pytest.raises(openai.APIError):
        for _ in stream:
            pass


def test_keys(keyed: GatewayProcess) -> None:
    url = f"{keyed.url}/v1"
    assert openai.OpenAI(base_url=url, api_key=APP_KEY).chat.completions.create(model="chat", messages=HELLO)
    for wrong in ("wrong-key-0123456789", APP_KEY[:-1], f"{APP_KEY}x"):
        with pytest.raises(openai.AuthenticationError):
            openai.OpenAI(base_url=url, api_key=wrong, max_retries=0).chat.completions.create(
                model="chat", messages=HELLO
            )


def test_a_key_sees_and_uses_only_its_models(keyed: GatewayProcess) -> None:
    client = openai.OpenAI(base_url=f"{keyed.url}/v1", api_key=NARROW_KEY, max_retries=0)
    assert client.chat.completions.create(model="chat", messages=HELLO)
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="tokens", messages=HELLO)
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("tokens")


def test_a_keys_floor_keeps_it_from_a_deployment_without_clearance(keyed: GatewayProcess, upstream: Upstream) -> None:
    """`plain` may see internal things; what this key sends is confidential (law 1)."""
    before = len(upstream.ask("/_seen"))
    client = openai.OpenAI(base_url=f"{keyed.url}/v1", api_key=NARROW_KEY, max_retries=0)
    with pytest.raises(openai.PermissionDeniedError) as caught:
        client.chat.completions.create(model="plain", messages=HELLO)
    assert caught.value.code == "sensitivity_not_cleared"
    assert len(upstream.ask("/_seen")) == before
