"""Anthropic's SDK from outside, over real sockets: applications change only the base URL; providers of both dialects."""

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx2 as httpx
import pydantic
import pytest

from tests.conftest import APP_KEY, NARROW_KEY
from tests.fake_upstream.messages.answers import THOUGHT
from tests.support.two_sides import HELLO, POOLS, TwoSides

SIDES = pytest.mark.parametrize("side", ["a", "o"], ids=["anthropic", "openai"])
BOTH = pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
TOOLS: list[Any] = [
    {
        "name": name,
        "description": "The weather.",
        "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    }
    for name in ("get_weather", "get_forecast")
]
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@pytest.fixture(scope="module")
def client(served_sides: TwoSides) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=served_sides.gateway.url, api_key=APP_KEY, max_retries=0, timeout=30) as made:
        yield made


def ask(client: anthropic.Anthropic, model: str, *, stream: bool, **more: Any) -> Any:
    """The message, in either mode."""
    body: dict[str, Any] = {"model": model, "max_tokens": 2000, "messages": HELLO, **more}
    if not stream:
        return client.messages.create(**body)
    with client.messages.stream(**body) as events:
        return events.get_final_message()


@SIDES
@BOTH
def test_chat(client: anthropic.Anthropic, side: str, stream: bool) -> None:
    message = ask(client, f"{side}-ok", stream=stream, system="Be brief.")
    assert (message.type, message.role, message.stop_reason) == ("message", "assistant", "end_turn")
    assert [block.text for block in message.content] == ["You said: Say hello."]
    assert (message.usage.input_tokens, message.usage.output_tokens) == (4, 4)
    assert message.id


@SIDES
def test_raw_events(client: anthropic.Anthropic, side: str) -> None:
    events = list(client.messages.create(model=f"{side}-tokens", max_tokens=99, messages=HELLO, stream=True))
    assert (events[0].type, events[-1].type) == ("message_start", "message_stop")
    text = "".join(
        event.delta.text for event in events if event.type == "content_block_delta" and event.delta.type == "text_delta"
    )
    assert text.split()[:3] == ["0", "1", "2"]


@SIDES
def test_stream_helper(client: anthropic.Anthropic, side: str) -> None:
    with client.messages.stream(model=f"{side}-tokens", max_tokens=99, messages=HELLO) as stream:
        text = "".join(stream.text_stream)
        assert stream.get_final_text() == text
        assert stream.get_final_message().usage.output_tokens == 64
        assert stream.response.headers["x-gateway-deployment"] == f"{side}-tokens"


@SIDES
async def test_async_client(served_sides: TwoSides, side: str) -> None:
    async with anthropic.AsyncAnthropic(base_url=served_sides.gateway.url, auth_token=APP_KEY, api_key=None) as client:
        message = await client.messages.create(model=f"{side}-ok", max_tokens=99, messages=HELLO)
        assert message.stop_reason == "end_turn"


@BOTH
@pytest.mark.parametrize("model", ["a-tools", "o-tools_parallel"])
def test_round_of_parallel_tools(client: anthropic.Anthropic, model: str, stream: bool) -> None:
    message = ask(client, model, stream=stream, tools=TOOLS)
    calls = [block for block in message.content if block.type == "tool_use"]
    assert message.stop_reason == "tool_use"
    assert [call.name for call in calls] == ["get_weather", "get_forecast"]
    assert all(isinstance(call.input["city"], str) for call in calls)
    results: list[Any] = [
        {"type": "tool_result", "tool_use_id": call.id, "content": f"{at} degrees"} for at, call in enumerate(calls)
    ]
    turns = [*HELLO, {"role": "assistant", "content": message.content}, {"role": "user", "content": results}]
    answer = ask(client, f"{model[0]}-ok", stream=stream, tools=TOOLS, messages=turns)
    assert answer.stop_reason == "end_turn"


@SIDES
@BOTH
def test_thinking_and_its_way_back(client: anthropic.Anthropic, side: str, stream: bool) -> None:
    model = {"a": "a-thinking", "o": "o-reasoning"}[side]
    message = ask(client, model, stream=stream, thinking={"type": "enabled", "budget_tokens": 1024})
    assert [block.type for block in message.content] == ["thinking", "text"]
    assert message.content[0].thinking == "".join(THOUGHT)
    turns = [*HELLO, {"role": "assistant", "content": message.content}, *HELLO]
    assert ask(client, f"{side}-ok", stream=stream, messages=turns).content[0].text == "You said: Say hello."


@SIDES
@BOTH
def test_images(client: anthropic.Anthropic, side: str, stream: bool) -> None:
    content = [
        {"type": "text", "text": "What is it?"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
        {"type": "image", "source": {"type": "url", "url": "https://example.com/cat.png"}},
    ]
    message = ask(client, f"{side}-ok", stream=stream, messages=[{"role": "user", "content": content}])
    assert message.content[0].text.startswith("You said: What is it?")


class City(pydantic.BaseModel):
    name: str


@pytest.mark.parametrize("model", ["o-json_schema"])
def test_structured_output(client: anthropic.Anthropic, model: str) -> None:
    message = client.messages.parse(model=model, max_tokens=99, messages=HELLO, output_format=City)
    assert isinstance(message.parsed_output, City)


@pytest.mark.parametrize(("model", "how"), [("a-ok", "exact"), ("v-ok", "exact"), ("o-ok", "estimate")])
def test_count_of_tokens(client: anthropic.Anthropic, model: str, how: str) -> None:
    answer = client.messages.with_raw_response.count_tokens(
        model=model, messages=HELLO, system="Be brief.", tools=TOOLS
    )
    assert answer.parse().input_tokens > 0
    assert answer.headers["x-gateway-tokens"] == how


@SIDES
@BOTH
def test_beta_api(client: anthropic.Anthropic, served_sides: TwoSides, side: str, stream: bool) -> None:
    """It puts `?beta=true` on the path, and the betas into a header."""
    body: Any = {"model": f"{side}-ok", "max_tokens": 99, "messages": HELLO, "betas": ["context-management-2025-06-27"]}
    if stream:
        with client.beta.messages.stream(**body) as events:
            message = events.get_final_message()
    else:
        message = client.beta.messages.create(**body)
    assert message.stop_reason == "end_turn"
    assert client.beta.messages.count_tokens(model=f"{side}-ok", messages=HELLO).input_tokens > 0


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("a-refusal", "refusal"),
        ("o-refusal", "refusal"),
        ("a-max_tokens", "max_tokens"),
        ("o-length", "max_tokens"),
        ("a-stop_sequence", "stop_sequence"),  # OpenAI's API does not say that it was one
    ],
)
def test_stop_reason(client: anthropic.Anthropic, model: str, reason: str) -> None:
    message = ask(client, model, stream=True, stop_sequences=["END"])
    assert message.stop_reason == reason
    assert message.stop_sequence == ("END" if reason == "stop_sequence" else None)


def test_models(served_sides: TwoSides, client: anthropic.Anthropic) -> None:
    page = client.models.list()
    assert [model.id for model in page] == list(POOLS)
    assert (page.has_more, page.first_id, page.last_id) == (False, next(iter(POOLS)), list(POOLS)[-1])
    assert {(model.type, model.lifecycle) for model in page.data} == {("model", "active")}
    assert page.data[0].created_at.year >= 2026
    assert client.models.retrieve("a-ok").id == "a-ok"
    with pytest.raises(anthropic.NotFoundError) as caught:
        client.models.retrieve("nobody/knows-it")
    assert error_of(caught.value)["type"] == "not_found_error"
    narrow = anthropic.Anthropic(base_url=served_sides.gateway.url, api_key=NARROW_KEY, max_retries=0)
    assert list(narrow.models.list()) == []
    openais = httpx.get(f"{served_sides.gateway.url}/v1/models", headers={"x-api-key": APP_KEY}, trust_env=False).json()
    assert (openais["object"], [one["id"] for one in openais["data"]]) == ("list", list(POOLS))


def error_of(error: anthropic.APIStatusError) -> dict[str, Any]:
    body: Any = error.body
    assert (body["type"], body["error"]["message"] != "") == ("error", True)
    found: dict[str, Any] = body["error"]
    return found


ERRORS: list[tuple[str, type[anthropic.APIStatusError], str]] = [
    ("nobody-knows-it", anthropic.NotFoundError, "not_found_error"),
    ("a-invalid_400", anthropic.BadRequestError, "invalid_request_error"),
    ("o-bad_param_400", anthropic.BadRequestError, "invalid_request_error"),
    ("a-too_large_413", anthropic.RequestTooLargeError, "request_too_large"),
    ("a-rate_limit_429-7", anthropic.RateLimitError, "rate_limit_error"),
    ("o-rate_limit_429-7", anthropic.RateLimitError, "rate_limit_error"),
    ("a-error_500", anthropic.InternalServerError, "api_error"),
    ("o-error_500", anthropic.InternalServerError, "api_error"),
    ("a-unauthorized_401", anthropic.InternalServerError, "api_error"),  # the gateway's key is not the caller's fault
    ("a-overloaded_529", anthropic.InternalServerError, "overloaded_error"),
]


@BOTH
@pytest.mark.parametrize(("model", "raised", "kind"), ERRORS, ids=[error[0] for error in ERRORS])
def test_typed_errors(
    client: anthropic.Anthropic, model: str, raised: type[anthropic.APIStatusError], kind: str, stream: bool
) -> None:
    with pytest.raises(raised) as caught:
        ask(client, model, stream=stream)
    assert caught.value.request_id
    assert caught.value.request_id == caught.value.response.headers["x-request-id"]
    if "rate_limit" in model:
        assert caught.value.response.headers["retry-after"]
    elif not model.endswith(("500", "529", "401")):  # a breaker may have opened by now
        assert error_of(caught.value)["type"] == kind


def test_id_of_the_request(client: anthropic.Anthropic) -> None:
    message = client.messages.create(
        model="o-ok", max_tokens=9, messages=HELLO, extra_headers={"x-request-id": "order-4711"}
    )
    assert message._request_id == "order-4711"


@pytest.mark.parametrize("model", ["a-cut_after", "o-cut_after", "a-silent_after", "o-silent_after"])
def test_a_stream_that_breaks_raises(client: anthropic.Anthropic, model: str) -> None:
    with pytest.raises(anthropic.APIStatusError):
        ask(client, model, stream=True)


@pytest.mark.parametrize("wrong", ["wrong-key-0123456789", ""])
def test_wrong_keys(served_sides: TwoSides, wrong: str) -> None:
    client = anthropic.Anthropic(base_url=served_sides.gateway.url, api_key=wrong or "x", max_retries=0)
    with pytest.raises(anthropic.AuthenticationError) as caught:
        ask(client, "a-ok", stream=False)
    assert error_of(caught.value)["type"] == "authentication_error"


def test_too_sensitive(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.PermissionDeniedError) as caught:
        ask(client, "a-plain", stream=False, extra_headers={"x-gateway-sensitivity": "restricted"})
    assert error_of(caught.value)["details"] == {"error_code": "sensitivity_not_cleared"}


def test_retries_are_the_sdks_own(served_sides: TwoSides) -> None:
    """It retries what may pass, and by our words: a whole answer of an error is JSON to it."""
    client = anthropic.Anthropic(base_url=served_sides.gateway.url, api_key=APP_KEY, max_retries=1)
    with pytest.raises(anthropic.BadRequestError) as caught:
        ask(client, "a-invalid_400", stream=False)
    assert json.loads(caught.value.response.content)["error"]["message"] == "messages.0.content.0.text: Field required"


@anthropic.beta_tool
def get_weather(city: str) -> str:
    """The weather.

    Args:
        city: Where.
    """
    return f"18 in {city}"


@BOTH
@pytest.mark.parametrize(("model", "path"), [("a-tools", "/v1/messages"), ("o-tools_and_text", "/v1/chat/completions")])
def test_tool_runner(client: anthropic.Anthropic, served_sides: TwoSides, model: str, path: str, stream: bool) -> None:
    """The SDK's runner asks for a conversation that Anthropic holds, and when it is refused sends everything each time."""
    runner = client.beta.messages.tool_runner(
        model=model, max_tokens=99, messages=HELLO, tools=[get_weather], stream=stream, max_iterations=2
    )
    ends = [(turn.get_final_message() if stream else turn).stop_reason for turn in runner]  # type: ignore[union-attr]
    assert ends == ["tool_use", "tool_use"]
    got = served_sides.body_of(model.partition("-")[2], path)
    assert "thread" not in got
    assert [message["role"] for message in got["messages"]][:2] == ["user", "assistant"]


@SIDES
@pytest.mark.parametrize("thread", [{"type": "create"}, {"type": "continue", "previous_message_id": "msg_1"}, 1])
def test_no_conversation_is_kept(served_sides: TwoSides, side: str, thread: Any) -> None:
    """By these members the SDKs and Claude Code know that they have to send all of it."""
    seen = served_sides.message(f"{side}-ok", thread=thread)
    assert seen.status == 400
    error = json.loads(seen.body)["error"]
    assert (error["type"], error["details"]) == (
        "invalid_request_error", {"error_code": "thread_unsupported_request"},
    )  # fmt: skip
    assert served_sides.message("o-ok", thread=None).status == 200
