"""The embedded default answers on Anthropic's surface, to Anthropic's SDK."""

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from tests.support.gateway import GatewayProcess

HELLO: list[Any] = [{"role": "user", "content": "Say hello."}]
WEATHER: list[Any] = [{"name": "get_weather", "input_schema": {"type": "object", "properties": {}}}]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[anthropic.Anthropic]:
    with (
        GatewayProcess(tmp_path_factory.mktemp("embedded")) as process,
        anthropic.Anthropic(base_url=process.url, api_key="any", max_retries=0, timeout=60) as made,
    ):
        yield made


def ask(client: anthropic.Anthropic, *, stream: bool, **more: Any) -> anthropic.types.Message:
    body: dict[str, Any] = {
        "model": "smollm2",
        "max_tokens": 30,
        "messages": HELLO,
        "extra_body": {"temperature": 0},
        **more,
    }
    if not stream:
        message: anthropic.types.Message = client.messages.create(**body)
        return message
    with client.messages.stream(**body) as events:
        return events.get_final_message()


def text_of(message: anthropic.types.Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def test_it_answers_alike_in_both_modes(client: anthropic.Anthropic) -> None:
    whole, streamed = ask(client, stream=False), ask(client, stream=True)
    assert text_of(whole)
    assert text_of(whole) == text_of(streamed)
    for message in (whole, streamed):
        assert message.stop_reason in ("end_turn", "max_tokens")
        assert message.usage.output_tokens > 0
        assert message.usage.input_tokens > 0


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_system_turns_and_the_bound_of_the_output(client: anthropic.Anthropic, stream: bool) -> None:
    turns = [*HELLO, {"role": "assistant", "content": [{"type": "text", "text": "Hello!"}]}, *HELLO]
    system = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
    message = ask(client, stream=stream, messages=turns, system=system, max_tokens=2)
    assert (message.stop_reason, message.usage.output_tokens) == ("max_tokens", 2)


def test_count_of_tokens_is_near_what_it_then_is(client: anthropic.Anthropic) -> None:
    long: list[Any] = [{"role": "user", "content": "lighthouse and storm " * 100}]
    counted = client.messages.with_raw_response.count_tokens(model="smollm2", messages=long)
    assert counted.headers["x-gateway-tokens"] in ("estimate", "exact")
    used = ask(client, stream=False, messages=long, max_tokens=1).usage.input_tokens
    assert used / 3 <= counted.parse().input_tokens <= used * 3


def test_what_it_cannot_do_is_refused_in_words(client: anthropic.Anthropic) -> None:
    for more in (
        {"tools": WEATHER},
        {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": "http://x"}}]}]},
    ):
        with pytest.raises(anthropic.BadRequestError) as caught:
            ask(client, stream=False, **more)
        body: Any = caught.value.body
        assert body["error"]["details"] == {"error_code": "unsupported_feature"}


def test_a_prompt_that_is_too_long(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.BadRequestError) as caught:
        ask(client, stream=True, messages=[{"role": "user", "content": "storm " * 9000}])
    body: Any = caught.value.body
    assert body["error"]["message"].startswith("prompt is too long")


def test_models(client: anthropic.Anthropic) -> None:
    assert [model.id for model in client.models.list()] == ["smollm2"]
