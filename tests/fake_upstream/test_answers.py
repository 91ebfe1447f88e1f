"""The good answers are what OpenAI's description says they are, and the parts of them agree."""

import json
import unicodedata
from typing import Any

import jsonschema
import pytest

from tests.fake_upstream import FakeUpstream
from tests.fake_upstream.behaviours import BEHAVIOURS
from tests.fake_upstream.reading import ask, events, signature, text_of
from tests.support.openai_spec import check, schemas

_GOOD = [row.name for row in BEHAVIOURS.values() if row.group == "answers"]
# its `service_tier: null` is beyond OpenAI's description
_BEYOND = {"vllm"}


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    """OpenAI's schemas; skips where they are absent."""
    return schemas()


def _payloads(body: bytes) -> list[dict[str, Any]]:
    return [json.loads(data) for _, data in events(body) if data != b"[DONE]"]


@pytest.mark.parametrize("model", sorted(set(_GOOD) - _BEYOND))
async def test_a_completion_fits_the_schema(up: FakeUpstream, spec: dict[str, Any], model: str) -> None:
    got = await ask(up.port, model, stream=False, n=2)
    check(spec, "CreateChatCompletionResponse", json.loads(got.body))


@pytest.mark.parametrize("usage", [False, True])
@pytest.mark.parametrize("model", sorted(set(_GOOD) - _BEYOND))
async def test_chunks_fit_the_schema(up: FakeUpstream, spec: dict[str, Any], model: str, *, usage: bool) -> None:
    got = await ask(up.port, model, stream=True, n=2, stream_options={"include_usage": usage})
    for payload in _payloads(got.body):
        check(spec, "CreateChatCompletionStreamResponse", payload)


async def test_errors_and_models_fit_the_schema(up: FakeUpstream, spec: dict[str, Any]) -> None:
    for model in ("bad_param_400", "context_length_400", "unauthorized_401", "rate_limit_429", "error_500", "status"):
        got = await ask(up.port, model, stream=False)
        check(spec, "ErrorResponse", json.loads(got.body))


def test_the_schema_check_can_fail(spec: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        check(spec, "CreateChatCompletionStreamResponse", {"id": "x", "choices": [{"index": 0}]})


@pytest.mark.parametrize("model", _GOOD)
async def test_stream_and_completion_say_the_same(up: FakeUpstream, model: str) -> None:
    whole = json.loads((await ask(up.port, model, stream=False)).body)
    stream = (await ask(up.port, model, stream=True, stream_options={"include_usage": True})).body
    assert text_of(stream) == (whole["choices"][0]["message"]["content"] or "")
    last = _payloads(stream)[-1]
    assert last["choices"] == []
    assert last["usage"] == whole["usage"]
    assert signature(stream).endswith("FUD")


@pytest.mark.parametrize("model", _GOOD)
async def test_usage_is_null_before_the_end_if_asked_for_and_absent_if_not(up: FakeUpstream, model: str) -> None:
    asked = _payloads((await ask(up.port, model, stream=True, stream_options={"include_usage": True})).body)
    unasked = _payloads((await ask(up.port, model, stream=True)).body)
    assert all(payload["usage"] is None for payload in asked[:-1])
    assert all("usage" not in payload for payload in unasked)
    assert len(unasked) == len(asked) - 1


async def test_usage_adds_up(up: FakeUpstream) -> None:
    usage = json.loads((await ask(up.port, "cached_usage", stream=False)).body)["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert 0 < usage["prompt_tokens_details"]["cached_tokens"] <= usage["prompt_tokens"]
    assert 0 < usage["completion_tokens_details"]["reasoning_tokens"] <= usage["completion_tokens"]


async def test_n_choices(up: FakeUpstream) -> None:
    whole = json.loads((await ask(up.port, "ok", stream=False, n=3)).body)
    assert [choice["index"] for choice in whole["choices"]] == [0, 1, 2]
    assert whole["usage"]["completion_tokens"] == 12
    payloads = _payloads((await ask(up.port, "ok", stream=True, n=3)).body)
    ends = [choice["index"] for payload in payloads for choice in payload["choices"] if choice["finish_reason"]]
    assert ends == [0, 1, 2]


async def test_one_choice_stays_open(up: FakeUpstream) -> None:
    payloads = _payloads((await ask(up.port, "one_choice_open", stream=True, n=2)).body)
    ends = [choice["index"] for payload in payloads for choice in payload["choices"] if choice["finish_reason"]]
    assert ends == [0]


async def test_tool_arguments_are_json_when_joined(up: FakeUpstream) -> None:
    tools = [{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}]
    payloads = _payloads((await ask(up.port, "tools", stream=True, tools=tools)).body)
    calls = [call for payload in payloads for call in payload["choices"][0]["delta"].get("tool_calls", [])]
    assert calls[0]["function"]["name"] == "look_up"
    assert json.loads("".join(call["function"]["arguments"] for call in calls)) == {"city": "Paris, 75001"}


async def test_json_schema_answer_fits_the_schema_asked_for(up: FakeUpstream) -> None:
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "size": {"enum": ["S", "M"]},
            "ages": {"type": "array", "items": {"type": "integer"}},
        },
        "required": ["name", "size", "ages"],
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    body = json.loads((await ask(up.port, "json_schema", stream=False, response_format=wanted)).body)
    jsonschema.validate(json.loads(body["choices"][0]["message"]["content"]), schema)


async def test_logprobs_on_request(up: FakeUpstream) -> None:
    with_them = json.loads((await ask(up.port, "ok", stream=False, logprobs=True)).body)["choices"][0]["logprobs"]
    assert "".join(token["token"] for token in with_them["content"]) == "You said: hi there"
    assert json.loads((await ask(up.port, "ok", stream=False)).body)["choices"][0]["logprobs"] is None


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
async def test_unicode_is_cut_inside_characters(up: FakeUpstream, *, stream: bool) -> None:
    got = await ask(up.port, "unicode", stream=stream)
    torn = 0
    for _, data in got.reads:
        try:
            data.decode()
        except UnicodeDecodeError:
            torn += 1
    assert torn >= 10
    text = text_of(got.body) if stream else json.loads(got.body)["choices"][0]["message"]["content"]
    assert text == unicodedata.normalize("NFC", text)
    assert "👩🏽‍🚀🌍" in text


async def test_the_same_request_has_the_same_bytes(up: FakeUpstream) -> None:
    for model in ("ok", "tools", "gzip", "error_mid", "html_502"):
        first, second = [await ask(up.port, model, stream=model == "error_mid") for _ in range(2)]
        assert first.raw == second.raw
