"""Chat completions and Messages by Google's Gemini: what it is sent, what becomes of its answers, and what comes back next turn.

The fake provider checks signatures as the real one does, and so does the one that speaks Anthropic's Messages.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import APP_KEY, OPERATOR_KEY
from tests.fake_upstream.gemini.answers import THOUGHT
from tests.fake_upstream.gemini.api import PATH
from tests.fake_upstream.gemini.checks import NOT_SIGNED, signature_of
from tests.support.client import Seen
from tests.support.gateway import deployment
from tests.support.in_process import in_front_of
from tests.support.two_sides import CHAT, COUNT, HELLO, MESSAGES, TwoSides, chunks_of, folded, said_by

KEY = "AIza-0123456789-the-gateways-own"
BOTH = pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
PRICE = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 2.0, "cached_input_usd_per_mtok": 0.1}
PARAMETERS: dict[str, Any] = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS: list[Any] = [
    {"type": "function", "function": {"name": name, "parameters": PARAMETERS}}
    for name in ("get_weather", "get_forecast")
]
CLAUDES: list[Any] = [{"name": name, "input_schema": PARAMETERS} for name in ("get_weather", "get_forecast")]
BEHAVIOURS = ("ok", "tools", "tool_without_arguments", "thinking", "thinking_call", "cached", "safety", "blocked", "max_tokens",
              "cited", "logprobs", "overloaded_503", "key_400", "malformed_call", "says_nothing")  # fmt: skip


def configuration(base_url: str) -> dict[str, Any]:
    """`g-NAME` of the Gemini API, `x-NAME` of Vertex AI, `c-ok` and `c-tools` of Anthropic's."""
    able = ["tools", "forced_tools", "vision", "audio", "json_object", "json_schema", "logprobs"]
    common: dict[str, Any] = {"capabilities": able, "price": PRICE, "api_key": "${env:GEMINI_KEY}"}
    on = {**common, "provider": "gemini"}
    vertex = {**common, "provider": "vertex"}
    claude = {**common, "provider": "anthropic"}
    return {
        "deployments": {
            **{f"g-{name}": deployment(base_url, name, **on) for name in BEHAVIOURS},
            "x-ok": deployment(base_url, "ok", **vertex),
            "c-ok": deployment(base_url, "ok", **claude),
            "c-tools": deployment(base_url, "tools", **claude),
        },
        "models": {"spared": {"deployments": ["g-overloaded_503", "c-ok"]}, "failing": {"deployments": ["g-malformed_call", "g-ok"]}},
        "keys": {"app": {"secret": "${env:APP_KEY}"}, "operator": {"secret": "${env:OPERATOR_KEY}", "role": "operator"}},
    }  # fmt: skip


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoSides]:
    secrets = {"APP_KEY": APP_KEY, "OPERATOR_KEY": OPERATOR_KEY, "GEMINI_KEY": KEY}
    with in_front_of(
        1, tmp_path_factory.mktemp("gemini"), lambda stands: configuration(stands[0].base_url), secrets
    ) as on:
        yield TwoSides(on.gateway, on.stands[0])


def got(sides: TwoSides, model: str, *, stream: bool = False) -> dict[str, Any]:
    """What Gemini got last for this behaviour."""
    rows = [row for row in sides.upstream.ask("/_seen") if row["path"] == PATH and row["model"] == model]
    assert rows[-1]["stream"] is stream
    return {**rows[-1], "json": json.loads(rows[-1]["body"])}


def message_of(seen: Seen, *, stream: bool) -> dict[str, Any]:
    """What a chat completion says, as a caller gives it back."""
    assert seen.status == 200, seen.body
    if not stream:
        message: dict[str, Any] = json.loads(seen.body)["choices"][0]["message"]
        return {name: value for name, value in message.items() if value is not None}
    deltas = [choice["delta"] for chunk in chunks_of(seen) for choice in chunk["choices"]]
    calls = [call for delta in deltas for call in delta.get("tool_calls", ())]
    details = [one for delta in deltas for one in delta.get("reasoning_details", ())]
    made: dict[int, dict[str, Any]] = {}
    for call in calls:
        one = made.setdefault(call["index"], {**call, "function": {**call["function"], "arguments": ""}})
        one["function"]["arguments"] += call["function"]["arguments"]
    said: dict[str, Any] = {"role": "assistant", "content": said_by(chunks_of(seen), "content")}
    return (
        said
        | ({"tool_calls": list(made.values())} if made else {})
        | ({"reasoning_details": details} if details else {})
    )


@BOTH
def test_chat(sides: TwoSides, stream: bool) -> None:
    seen = sides.chat("g-ok", stream=stream, temperature=0.5, max_completion_tokens=99, stop=["END"], seed=7, top_p=0.9)
    assert message_of(seen, stream=stream)["content"] == "You said: Say hello."
    told = got(sides, "ok", stream=stream)
    assert told["headers"]["x-goog-api-key"] == KEY
    assert told["json"] == {
        "contents": [{"role": "user", "parts": [{"text": "Say hello."}]}],
        "generationConfig": {
            "maxOutputTokens": 99,
            "temperature": 0.5,
            "topP": 0.9,
            "stopSequences": ["END"],
            "seed": 7,
        },
    }
    record = sides.record(seen)
    assert record["attempts"][0]["usage"] == {"prompt_tokens": 2, "completion_tokens": 4}
    assert record["attempts"][0]["cost_usd"] == pytest.approx((2 * 1.0 + 4 * 2.0) / 1e6)


@BOTH
def test_message(sides: TwoSides, stream: bool) -> None:
    seen = sides.message(
        "g-thinking", stream=stream, system="Be brief.", thinking={"type": "enabled", "budget_tokens": 1024}
    )
    message = folded(seen) if stream else json.loads(seen.body)
    assert message["stop_reason"] == "end_turn"
    assert message["content"][0] == {"type": "thinking", "thinking": "".join(THOUGHT), "signature": ""}
    assert message["content"][1] == {"type": "text", "text": "You said: Say hello."}
    assert message["usage"]["output_tokens"] == 13  # thoughts stand beside what is answered
    told = got(sides, "thinking", stream=stream)["json"]
    assert told["systemInstruction"] == {"parts": [{"text": "Be brief."}]}
    assert told["generationConfig"]["thinkingConfig"] == {"includeThoughts": True, "thinkingBudget": 1024}


def test_vertex_is_given_a_bearer(sides: TwoSides) -> None:
    seen = sides.chat("x-ok", service_tier="flex")
    assert seen.status == 200
    assert seen.headers["x-gateway-lost"] == "service_tier"
    told = got(sides, "ok")
    assert told["headers"]["authorization"] == f"Bearer {KEY}"
    assert "x-goog-api-key" not in told["headers"]
    assert "serviceTier" not in told["json"]


@BOTH
def test_a_round_of_tools_gives_the_signature_back(sides: TwoSides, stream: bool) -> None:
    message = message_of(sides.chat("g-tools", stream=stream, tools=TOOLS), stream=stream)
    assert [call["function"]["name"] for call in message["tool_calls"]] == ["get_weather", "get_forecast"]
    assert json.loads(message["tool_calls"][0]["function"]["arguments"]) == {"city": "Paris é", "days": 2}
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "18"} for call in message["tool_calls"]]
    for said, signature in ((message, signature_of("get_weather")), (bare(message), NOT_SIGNED)):
        seen = sides.ask(CHAT, {"model": "g-ok", "tools": TOOLS, "messages": [*HELLO, said, *results]})
        answer = message_of(seen, stream=False)["content"]
        assert answer == "You said: [result get_weather 8f2b1a3c: 18] [result get_forecast 8f2b1a3d: 18]"
        turn = got(sides, "ok")["json"]["contents"][1]
        assert turn["role"] == "model"
        calls = [part for part in turn["parts"] if "functionCall" in part]
        assert [part.get("thoughtSignature") for part in calls] == [signature, None]


def bare(message: dict[str, Any]) -> dict[str, Any]:
    """As clients give it back that know no more than OpenAI's members."""
    return {name: message[name] for name in ("role", "content", "tool_calls")}


@BOTH
def test_a_round_of_tools_through_messages(sides: TwoSides, stream: bool) -> None:
    seen = sides.message("g-tools", stream=stream, tools=CLAUDES)
    message = folded(seen) if stream else json.loads(seen.body)
    assert message["stop_reason"] == "tool_use"
    calls = [block for block in message["content"] if block["type"] == "tool_use"]
    given = [{"type": "tool_result", "tool_use_id": call["id"], "content": "x", "is_error": True} for call in calls]
    turns = [*HELLO, {"role": "assistant", "content": message["content"]}, {"role": "user", "content": given}]
    body = {"model": "g-ok", "max_tokens": 99, "tools": CLAUDES, "messages": turns}
    answer = json.loads(sides.ask(MESSAGES, body).body)["content"][0]["text"]
    assert answer == "You said: [error get_weather 8f2b1a3c: x] [error get_forecast 8f2b1a3d: x]"
    turn = got(sides, "ok")["json"]["contents"][1]
    signatures = [part.get("thoughtSignature") for part in turn["parts"] if "functionCall" in part]
    assert signatures == [signature_of("get_weather"), None]
    # the same conversation goes on at another provider, which refuses what it did not sign
    assert sides.ask(MESSAGES, {**body, "model": "c-ok"}).status == 200


def test_a_conversation_that_another_provider_began(sides: TwoSides) -> None:
    message = message_of(sides.chat("c-tools", tools=TOOLS), stream=False)
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "18"} for call in message["tool_calls"]]
    seen = sides.ask(CHAT, {"model": "g-ok", "tools": TOOLS, "messages": [*HELLO, message, *results]})
    assert seen.status == 200, seen.body
    parts = got(sides, "ok")["json"]["contents"][1]["parts"]
    assert [part.get("thoughtSignature") for part in parts if "functionCall" in part] == [NOT_SIGNED, None]


@BOTH
@pytest.mark.parametrize(
    ("model", "finish"), [("safety", "content_filter"), ("blocked", "content_filter"), ("max_tokens", "length")]
)
def test_how_it_ended(sides: TwoSides, model: str, finish: str, stream: bool) -> None:
    seen = sides.chat(f"g-{model}", stream=stream)
    choices = [chunk["choices"][0] for chunk in chunks_of(seen)] if stream else json.loads(seen.body)["choices"]
    assert [one["finish_reason"] for one in choices if one["finish_reason"]] == [finish]


@BOTH
def test_what_stands_beside_the_text(sides: TwoSides, stream: bool) -> None:
    cited = sides.chat("g-cited", stream=stream)
    assert b"https://example.com/spain" in cited.body
    assert b"url_citation" in cited.body
    weighed = sides.chat("g-logprobs", stream=stream, logprobs=True, top_logprobs=2)
    assert b'"logprob":-0.25' in weighed.body
    config = got(sides, "logprobs", stream=stream)["json"]["generationConfig"]
    assert config == {"responseLogprobs": True, "logprobs": 2}


def test_a_cached_prompt_is_within_the_prompt(sides: TwoSides) -> None:
    seen = sides.chat("g-cached")
    usage = json.loads(seen.body)["usage"]
    assert usage["prompt_tokens"] == 1002
    assert usage["prompt_tokens_details"]["cached_tokens"] == 1000
    assert sides.record(seen)["attempts"][0]["cost_usd"] == pytest.approx((2 + 1000 * 0.1 + 4 * 2) / 1e6)


def test_others_answer_where_it_cannot(sides: TwoSides) -> None:
    assert sides.chat("spared").headers["x-gateway-deployment"] == "c-ok"
    assert sides.chat("failing").headers["x-gateway-deployment"] == "g-ok"


def test_a_refused_key_is_not_the_callers_fault(sides: TwoSides) -> None:
    seen = sides.chat("g-key_400")
    assert seen.status == 502
    assert json.loads(seen.body)["error"]["code"] == "credential_refused"
    assert KEY.encode() not in seen.body


def test_tokens_are_counted_there(sides: TwoSides) -> None:
    body = {"model": "g-ok", "messages": HELLO, "system": "Be brief now."}
    seen = sides.ask(COUNT, body, anthropic_version="2023-06-01")
    assert json.loads(seen.body)["input_tokens"] == 5
    assert seen.headers["x-gateway-tokens"] == "exact"


def test_files_go_as_they_are_and_by_their_address(sides: TwoSides) -> None:
    content = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}},
    ]
    seen = sides.ask(CHAT, {"model": "g-ok", "messages": [{"role": "user", "content": content}]})
    assert seen.status == 200, seen.body
    assert got(sides, "ok")["json"]["contents"][0]["parts"][1:] == [
        {"inlineData": {"mimeType": "image/png", "data": "aGk="}},
        {"fileData": {"fileUri": "https://example.com/a.png", "mimeType": "image/png"}},
        {"inlineData": {"mimeType": "audio/wav", "data": "aGk="}},
    ]
