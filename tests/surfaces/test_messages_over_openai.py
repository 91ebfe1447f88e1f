"""Anthropic's Messages by a provider that speaks OpenAI's chat completions."""

import json
from typing import Any

import pytest

from tests.support.client import Seen
from tests.support.two_sides import CHAT, HELLO, TwoSides, folded, of_events

BOTH = pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS: list[Any] = [
    {"name": name, "description": "The weather.", "input_schema": SCHEMA} for name in ("get_weather", "get_forecast")
]
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def said(seen: Seen, *, stream: bool) -> dict[str, Any]:
    """The message, of either mode."""
    assert seen.status == 200, seen.body
    assert seen.broken is None
    found: dict[str, Any] = folded(seen) if stream else json.loads(seen.body)
    assert (found["type"], found["role"]) == ("message", "assistant")
    return found


# -- what the provider is sent


def test_request_on_the_wire(sides: TwoSides) -> None:
    seen = sides.message(
        "o-ok", system="Be brief.", temperature=0.5, stop_sequences=["END"], metadata={"user_id": "u1"}
    )
    assert seen.status == 200
    got = sides.got("ok", CHAT)
    assert json.loads(got["body"]) == {
        "model": "ok",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Say hello."}],
        "max_completion_tokens": 100,
        "temperature": 0.5,
        "stop": ["END"],
        "user": "u1",
    }
    assert "anthropic-version" not in got["headers"]
    assert "x-api-key" not in got["headers"]


def test_stream_asks_for_usage(sides: TwoSides) -> None:
    sides.message("o-ok", stream=True)
    body = sides.body_of("ok", CHAT)
    assert (body["stream"], body["stream_options"]) == (True, {"include_usage": True})


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"type": "auto"}, {"tool_choice": "auto"}),
        ({"type": "any"}, {"tool_choice": "required"}),
        ({"type": "none"}, {"tool_choice": "none"}),
        (
            {"type": "tool", "name": "get_weather"},
            {"tool_choice": {"type": "function", "function": {"name": "get_weather"}}},
        ),
        (
            {"type": "auto", "disable_parallel_tool_use": True},
            {"tool_choice": "auto", "parallel_tool_calls": False},
        ),
    ],
)
def test_tools_on_the_wire(sides: TwoSides, choice: Any, expected: dict[str, Any]) -> None:
    assert sides.message("o-ok", tools=TOOLS, tool_choice=choice).status == 200
    body = sides.body_of("ok", CHAT)
    assert {name: body[name] for name in expected} == expected
    function = {"name": "get_weather", "description": "The weather.", "parameters": SCHEMA}
    assert body["tools"][0] == {"type": "function", "function": function}


def test_images_on_the_wire(sides: TwoSides) -> None:
    content = [
        {"type": "text", "text": "What is it?"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
        {"type": "image", "source": {"type": "url", "url": "https://example.com/cat.png"}},
    ]
    assert sides.message("o-ok", messages=[{"role": "user", "content": content}]).status == 200
    assert sides.body_of("ok", CHAT)["messages"][0]["content"] == [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}},
    ]


def test_structured_output_on_the_wire(sides: TwoSides) -> None:
    config = {"format": {"type": "json_schema", "schema": SCHEMA}, "effort": "low"}
    message = said(sides.message("o-json_schema", output_config=config), stream=False)
    assert isinstance(json.loads(message["content"][0]["text"]), dict)
    body = sides.body_of("json_schema", CHAT)
    assert body["response_format"]["json_schema"]["schema"] == SCHEMA
    assert body["reasoning_effort"] == "low"


# -- what becomes of its answers


@BOTH
def test_text(sides: TwoSides, stream: bool) -> None:
    seen = sides.message("o-ok", stream=stream)
    message = said(seen, stream=stream)
    assert message["content"] == [{"type": "text", "text": "You said: Say hello."}]
    assert (message["stop_reason"], message["stop_sequence"], message["model"]) == ("end_turn", None, "ok")
    assert message["usage"]["input_tokens"] == 2
    assert message["usage"]["output_tokens"] == 4
    record = sides.record(seen)
    assert record["surface"] == "messages"
    usage = record["attempts"][0]["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (2, 4)
    assert seen.headers["content-type"].startswith("text/event-stream" if stream else "application/json")


def test_order_of_events(sides: TwoSides) -> None:
    seen = sides.message("o-tools_and_text", stream=True, tools=TOOLS)
    names = [name for name, _ in of_events(seen.body)]
    kinds = [name for at, name in enumerate(names) if at == 0 or names[at - 1] != name]
    block = ["content_block_start", "content_block_delta", "content_block_stop"]
    assert kinds == ["message_start", *block, *block, "message_delta", "message_stop"]


@BOTH
@pytest.mark.parametrize("model", ["tools", "tools_parallel", "tools_and_text", "tools_stop"])
def test_tools(sides: TwoSides, model: str, stream: bool) -> None:
    message = said(sides.message(f"o-{model}", stream=stream, tools=TOOLS), stream=stream)
    calls = [block for block in message["content"] if block["type"] == "tool_use"]
    assert [call["name"] for call in calls] == ["get_weather", "get_forecast"][: len(calls)]
    assert [call["input"] for call in calls] == [{"city": f"Paris, 7500{at + 1}"} for at in range(len(calls))]
    assert len({call["id"] for call in calls}) == len(calls) == (2 if model == "tools_parallel" else 1)
    assert message["stop_reason"] == "tool_use"
    if model == "tools_and_text":
        assert message["content"][0] == {"type": "text", "text": "Let me look."}


def test_whole_round_of_tools(sides: TwoSides) -> None:
    asked = {"role": "user", "content": "Weather?"}
    called = said(sides.message("o-tools_parallel", tools=TOOLS, messages=[asked]), stream=False)
    ids = [block["id"] for block in called["content"]]
    results = [
        {
            "type": "tool_result",
            "tool_use_id": ids[0],
            "content": [
                {"type": "text", "text": "18 degrees"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
            ],
        },
        {"type": "tool_result", "tool_use_id": ids[1], "content": "no such city", "is_error": True},
        {"type": "text", "text": "And tomorrow?"},
    ]
    messages = [asked, {"role": "assistant", "content": called["content"]}, {"role": "user", "content": results}]
    assert sides.message("o-ok", tools=TOOLS, messages=messages).status == 200
    sent = sides.body_of("ok", CHAT)["messages"]
    assert [one["role"] for one in sent] == ["user", "assistant", "tool", "tool", "user"]
    assert [call["id"] for call in sent[1]["tool_calls"]] == ids
    assert [json.loads(call["function"]["arguments"]) for call in sent[1]["tool_calls"]] == [
        block["input"] for block in called["content"]
    ]
    assert [(one["tool_call_id"], one["content"]) for one in sent[2:4]] == [
        (ids[0], "18 degrees"),
        (ids[1], "no such city"),
    ]
    assert [part["type"] for part in sent[4]["content"]] == ["image_url", "text"]


@BOTH
@pytest.mark.parametrize("model", ["reasoning", "reasoning_content"])
def test_reasoning_is_thinking(sides: TwoSides, model: str, stream: bool) -> None:
    message = said(sides.message(f"o-{model}", stream=stream), stream=stream)
    assert [block["type"] for block in message["content"]] == ["thinking", "text"]
    assert message["content"][0]["thinking"] == "The user greets me. I shall be brief."
    assert "signature" in message["content"][0]


@BOTH
def test_its_own_thoughts_come_back_unsigned(sides: TwoSides, stream: bool) -> None:
    """SDKs give back the whole content: a provider that does not sign thoughts must not be asked to take them."""
    message = said(sides.message("o-reasoning", stream=stream), stream=stream)
    turns = [*HELLO, {"role": "assistant", "content": message["content"]}, *HELLO]
    assert sides.message("o-ok", messages=turns).status == 200
    assert sides.body_of("ok", CHAT)["messages"][1] == {"role": "assistant", "content": "You said: Say hello."}
    assert sides.message("a-ok", messages=turns).status == 200  # nor Anthropic's, which would refuse them


@BOTH
@pytest.mark.parametrize(
    ("model", "reason"), [("length", "max_tokens"), ("content_filter", "refusal"), ("refusal", "refusal")]
)
def test_stop_reason(sides: TwoSides, model: str, reason: str, stream: bool) -> None:
    message = said(sides.message(f"o-{model}", stream=stream), stream=stream)
    assert message["stop_reason"] == reason
    if model == "refusal":
        assert message["content"] == [{"type": "text", "text": "I can't help with that."}]


@BOTH
def test_cached_prompt_stands_beside_the_prompt(sides: TwoSides, stream: bool) -> None:
    usage = said(sides.message("o-cached_usage", stream=stream), stream=stream)["usage"]
    assert (usage["input_tokens"], usage["cache_read_input_tokens"]) == (1, 1)
    assert usage["output_tokens"] > 4


@BOTH
def test_unicode(sides: TwoSides, stream: bool) -> None:
    message = said(sides.message("o-unicode", stream=stream), stream=stream)
    assert message["content"][0]["text"] == "Grüße, 你好, שלום, 👩🏽‍🚀🌍 — naïve façade ✓"


def test_start_of_a_stream_tells_about_how_long_the_prompt_is(sides: TwoSides) -> None:
    """The provider counts at the end; clients show what the start says."""
    seen = sides.message("o-tokens", stream=True, messages=[{"role": "user", "content": "word " * 400}])
    events = list(of_events(seen.body))
    started = events[0][1]["message"]["usage"]
    estimate = sides.record(seen)["decision"]["facts"]["prompt_tokens"]
    assert started == {"input_tokens": estimate, "output_tokens": 0}
    assert events[-2][0] == "message_delta"
    assert events[-2][1]["usage"]["input_tokens"] == 400
    assert events[-2][1]["usage"]["output_tokens"] == 64
