"""OpenAI's SDK, and Anthropic's models behind it."""

import json
from collections.abc import Iterator
from typing import Any

import openai
import pydantic
import pytest

from tests.conftest import APP_KEY
from tests.fake_upstream.messages.answers import THOUGHT
from tests.support.two_sides import HELLO, TwoSides

BOTH = pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
TOOLS: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": name,
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
    for name in ("get_weather", "get_forecast")
]
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@pytest.fixture(scope="module")
def client(served_sides: TwoSides) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{served_sides.gateway.url}/v1", api_key=APP_KEY, max_retries=0, timeout=30) as made:
        yield made


def ask(client: openai.OpenAI, model: str, *, stream: bool, **more: Any) -> Any:
    """The completion, in either mode."""
    body: dict[str, Any] = {"model": model, "messages": HELLO, **more}
    if not stream:
        return client.chat.completions.create(**body)
    with client.chat.completions.stream(**body, stream_options={"include_usage": True}) as events:
        return events.get_final_completion()


@BOTH
def test_chat(client: openai.OpenAI, stream: bool) -> None:
    completion = ask(client, "a-ok", stream=stream)
    assert completion.choices[0].message.content == "You said: Say hello."
    assert completion.choices[0].finish_reason == "stop"
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (2, 4)


@BOTH
def test_round_of_parallel_tools(client: openai.OpenAI, stream: bool) -> None:
    completion = ask(client, "a-tools", stream=stream, tools=TOOLS, parallel_tool_calls=True)
    message = completion.choices[0].message
    assert completion.choices[0].finish_reason == "tool_calls"
    assert [call.function.name for call in message.tool_calls] == ["get_weather", "get_forecast"]
    assert json.loads(message.tool_calls[0].function.arguments) == {"city": "Paris é", "days": 2}
    results = [{"role": "tool", "tool_call_id": call.id, "content": "18"} for call in message.tool_calls]
    said = message.model_dump(exclude_none=True)
    answer = ask(client, "a-ok", stream=stream, tools=TOOLS, messages=[*HELLO, said, *results])
    assert answer.choices[0].message.content == "You said: [result toolu_01A: 18] [result toolu_01B: 18]"


@BOTH
def test_thoughts_and_their_way_back(client: openai.OpenAI, stream: bool) -> None:
    """`reasoning_details` is no member that the SDK knows: it keeps it all the same."""
    completion = ask(client, "a-thinking", stream=stream, reasoning_effort="low")
    message = completion.choices[0].message
    assert message.reasoning_content == "".join(THOUGHT)
    if not stream:  # its helper for streams does not put lists of unknown members together
        turns = [*HELLO, message.model_dump(exclude_none=True), *HELLO]
        assert ask(client, "a-ok", stream=stream, messages=turns).choices[0].message.content


@BOTH
def test_images(client: openai.OpenAI, stream: bool) -> None:
    content = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}},
    ]
    completion = ask(client, "a-ok", stream=stream, messages=[{"role": "user", "content": content}])
    assert completion.choices[0].message.content == "You said: What is it? [image base64] [image url]"


class City(pydantic.BaseModel):
    name: str


def test_schema_reaches_the_provider(client: openai.OpenAI, served_sides: TwoSides) -> None:
    with pytest.raises(pydantic.ValidationError):  # the fake gives no JSON
        client.chat.completions.parse(model="a-ok", messages=HELLO, response_format=City)
    body = served_sides.body_of("ok", "/v1/messages")
    assert body["output_config"]["format"]["schema"]["required"] == ["name"]


ERRORS: list[tuple[str, type[openai.APIStatusError]]] = [
    ("a-invalid_400", openai.BadRequestError),
    ("a-too_long_400", openai.BadRequestError),
    ("a-rate_limit_429-7", openai.RateLimitError),
    ("a-error_500", openai.InternalServerError),
    ("a-unauthorized_401", openai.InternalServerError),
    ("a-overloaded_529", openai.InternalServerError),
]


@BOTH
@pytest.mark.parametrize(("model", "kind"), ERRORS, ids=[error[0] for error in ERRORS])
def test_typed_errors(client: openai.OpenAI, model: str, kind: type[openai.APIStatusError], stream: bool) -> None:
    with pytest.raises(kind) as caught:
        ask(client, model, stream=stream)
    assert caught.value.request_id
    if model == "a-too_long_400":
        assert caught.value.code == "context_length_exceeded"


@pytest.mark.parametrize("model", ["a-cut_after", "a-error_after", "a-silent_after"])
def test_a_stream_that_breaks_raises(client: openai.OpenAI, model: str) -> None:
    with pytest.raises(openai.APIError):
        ask(client, model, stream=True)
