"""Chat completions by a provider that speaks Anthropic's Messages: what it is sent, and what becomes of its answers."""

import json
from typing import Any

import pytest

from tests.fake_upstream.messages.answers import EXPLANATION, THOUGHT
from tests.fake_upstream.messages.checks import HIDDEN, signature_of
from tests.support.client import Seen
from tests.support.two_sides import ANTHROPIC_KEY, MESSAGES, TwoSides, chunks_of, said_by

BOTH = pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
WEATHER: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": "The weather.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
    for name in ("get_weather", "get_forecast")
]
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def message_of(seen: Seen, *, stream: bool) -> dict[str, Any]:
    """What was said: `content`, thoughts, calls, `finish_reason`; the same of both modes."""
    assert seen.status == 200, seen.body
    assert seen.looks_finished(stream=stream), seen.body[-500:]
    if not stream:
        choice = json.loads(seen.body)["choices"][0]
        said = {name: value for name, value in choice["message"].items() if value is not None}
        return {**said, "finish_reason": choice["finish_reason"]}
    chunks = chunks_of(seen)
    texts = {name: said_by(chunks, name) for name in ("role", "content", "refusal", "reasoning_content")}
    found: dict[str, Any] = {name: value for name, value in texts.items() if value}
    calls: dict[int, dict[str, Any]] = {}
    details: dict[int, dict[str, Any]] = {}
    for chunk in chunks:
        for choice in chunk["choices"]:
            for call in choice["delta"].get("tool_calls") or ():
                made = calls.setdefault(call["index"], {"function": {"arguments": ""}})
                function = call["function"]
                made["function"]["arguments"] += function.pop("arguments", "")
                made["function"] |= function
                made |= {name: call[name] for name in ("id", "type") if name in call}
            for one in choice["delta"].get("reasoning_details") or ():
                entry = details.setdefault(one["index"], {"text": ""} if one["type"] == "reasoning.text" else {})
                text = entry.get("text", "") + one.get("text", "")
                entry |= one
                if "text" in entry:
                    entry["text"] = text
            if choice["finish_reason"]:
                assert "finish_reason" not in found
                found["finish_reason"] = choice["finish_reason"]
    if calls:
        found["tool_calls"] = [calls[at] for at in sorted(calls)]
    if details:
        found["reasoning_details"] = [details[at] for at in sorted(details)]
    return found


# -- what the provider is sent


def test_request_on_the_wire(sides: TwoSides) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello."},
        {"role": "assistant", "content": "Hello!"},
        {"role": "user", "content": "Say hello."},
    ]
    seen = sides.chat("a-ok", messages=messages, temperature=0.2, max_tokens=50, stop="END", user="u1")
    assert seen.status == 200
    got = sides.got("ok", MESSAGES)
    assert got["body"] == (
        '{"max_tokens":50,"system":[{"type":"text","text":"Be brief."}],"messages":['
        '{"role":"user","content":[{"type":"text","text":"Hello."}]},'
        '{"role":"assistant","content":[{"type":"text","text":"Hello!"}]},'
        '{"role":"user","content":[{"type":"text","text":"Say hello."}]}],'
        '"temperature":0.2,"stop_sequences":["END"],"metadata":{"user_id":"u1"},"model":"ok"}'
    )
    headers = got["headers"]
    assert headers["x-api-key"] == ANTHROPIC_KEY
    assert headers["anthropic-version"] == "2023-06-01"
    assert headers["content-type"] == "application/json"
    assert headers["accept"] == "application/json"
    assert "authorization" not in headers
    assert "anthropic-beta" not in headers


def test_stream_on_the_wire(sides: TwoSides) -> None:
    sides.chat("a-ok", stream=True, stream_options={"include_usage": True})
    got = sides.got("ok", MESSAGES)
    body = json.loads(got["body"])
    assert (body["stream"], body["max_tokens"], "stream_options" in body) == (True, 8192, False)
    assert got["headers"]["accept"] == "text/event-stream"


def test_callers_versions_of_another_api_are_not_sent_on(sides: TwoSides) -> None:
    body = {"model": "a-ok", "messages": [{"role": "user", "content": "hi"}]}
    assert sides.ask("/v1/chat/completions", body, anthropic_beta="x", anthropic_version="1999-01-01").status == 200
    headers = sides.got("ok", MESSAGES)["headers"]
    assert headers["anthropic-version"] == "2023-06-01"
    assert "anthropic-beta" not in headers


def test_images_on_the_wire(sides: TwoSides) -> None:
    content = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}},
    ]
    seen = sides.chat("a-ok", messages=[{"role": "user", "content": content}])
    assert message_of(seen, stream=False)["content"] == "You said: What is it? [image base64] [image url]"
    assert sides.body_of("ok", MESSAGES)["messages"][0]["content"][1:] == [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
        {"type": "image", "source": {"type": "url", "url": "https://example.com/cat.png"}},
    ]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", {"type": "auto"}),
        ("required", {"type": "any"}),
        ("none", {"type": "none"}),
        ({"type": "function", "function": {"name": "get_forecast"}}, {"type": "tool", "name": "get_forecast"}),
    ],
)
def test_tools_on_the_wire(sides: TwoSides, choice: Any, expected: Any) -> None:
    assert sides.chat("a-ok", tools=WEATHER, tool_choice=choice).status == 200
    body = sides.body_of("ok", MESSAGES)
    assert body["tool_choice"] == expected
    function = WEATHER[0]["function"]
    assert body["tools"][0] == {
        "name": "get_weather", "description": "The weather.", "input_schema": function["parameters"],
    }  # fmt: skip


def test_reasoning_effort_on_the_wire(sides: TwoSides) -> None:
    assert sides.chat("a-thinking", reasoning_effort="high", temperature=0.3).status == 200
    body = sides.body_of("thinking", MESSAGES)
    assert body["thinking"] == {"type": "adaptive"}
    assert body["output_config"] == {"effort": "high"}
    assert "temperature" not in body
    assert body["max_tokens"] > 8192


# -- what becomes of its answers


@BOTH
def test_text(sides: TwoSides, stream: bool) -> None:
    seen = sides.chat("a-unicode", stream=stream)
    said = message_of(seen, stream=stream)
    assert said == {"role": "assistant", "content": 'Grüße, 你好, 👩🏽‍🚀🌍 — "naïve" \\ \n ✓', "finish_reason": "stop"}
    record = sides.record(seen)
    assert (record["outcome"], record["answered_by"]) == ("ok", "a-unicode")
    usage = record["attempts"][0]["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (2, 4)
    assert record["attempts"][0]["cost_usd"] == pytest.approx((2 * 1.0 + 4 * 2.0) / 1e6)


def test_whole_answer_is_a_chat_completion(sides: TwoSides) -> None:
    seen = sides.chat("a-ok")
    body = json.loads(seen.body)
    assert set(body) == {"id", "object", "created", "model", "choices", "usage"}
    assert (body["object"], body["model"]) == ("chat.completion", "claude-fake-20261021")
    assert body["usage"]["total_tokens"] == body["usage"]["prompt_tokens"] + body["usage"]["completion_tokens"]
    assert seen.headers["content-type"] == "application/json"
    assert float(seen.headers["x-gateway-cost-usd"]) > 0


@pytest.mark.parametrize("wants_usage", [False, True])
def test_stream_is_of_chunks_usage_and_done(sides: TwoSides, wants_usage: bool) -> None:
    options = {"stream_options": {"include_usage": True}} if wants_usage else {}
    seen = sides.chat("a-tokens", stream=True, **options)
    assert seen.headers["content-type"].startswith("text/event-stream")
    assert seen.events[-1] == "[DONE]"
    chunks = chunks_of(seen)
    assert {chunk["id"] for chunk in chunks} == {chunks[0]["id"]}
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert said_by(chunks, "content").split()[:3] == ["0", "1", "2"]
    usages = [chunk["usage"] for chunk in chunks if chunk.get("usage")]
    assert [usage["completion_tokens"] for usage in usages] == ([64] if wants_usage else [])
    if wants_usage:
        assert chunks[-1]["choices"] == []
        assert usages[0]["total_tokens"] == 64 + usages[0]["prompt_tokens"]
    assert sides.record(seen)["attempts"][0]["usage"]["completion_tokens"] == 64


@BOTH
def test_parallel_tools(sides: TwoSides, stream: bool) -> None:
    said = message_of(sides.chat("a-tools", stream=stream, tools=WEATHER), stream=stream)
    assert (said["content"], said["finish_reason"]) == ("I look.", "tool_calls")
    calls = said["tool_calls"]
    assert [(call["id"], call["type"], call["function"]["name"]) for call in calls] == [
        ("toolu_01A", "function", "get_weather"),
        ("toolu_01B", "function", "get_forecast"),
    ]
    assert [json.loads(call["function"]["arguments"]) for call in calls] == [
        {"city": "Paris é", "days": 2},
        {"city": "Rom"},
    ]


@BOTH
def test_tool_without_arguments(sides: TwoSides, stream: bool) -> None:
    said = message_of(sides.chat("a-tool_without_arguments", stream=stream, tools=WEATHER), stream=stream)
    assert [call["function"]["arguments"] for call in said["tool_calls"]] == ["{}"]


@pytest.mark.parametrize("text", [{}, {"text": ""}])
def test_a_thought_of_which_the_client_kept_the_last_piece_goes_back_without_its_signature(
    sides: TwoSides, text: dict[str, str]
) -> None:
    """OpenAI's SDK for JavaScript puts streams together so: the last `reasoning_content`, the last `reasoning_details`."""
    signed = {
        "type": "reasoning.text",
        **text,
        "signature": signature_of("".join(THOUGHT)),
        "format": "anthropic",
        "index": 0,
    }
    torn = {"role": "assistant", "content": "Hello.", "reasoning_content": THOUGHT[-1], "reasoning_details": [signed]}
    said = [{"role": "user", "content": "Hello."}, torn, {"role": "user", "content": "Again."}]
    seen = sides.chat("a-ok", messages=said, reasoning_effort="low")
    assert message_of(seen, stream=False)["content"] == "You said: Again."
    assert "messages[1]" in seen.headers["x-gateway-lost"]
    assert sides.body_of("ok", MESSAGES)["messages"][1]["content"] == [{"type": "text", "text": "Hello."}]


@BOTH
def test_whole_round_of_tools_with_signed_thoughts(sides: TwoSides, stream: bool) -> None:
    """What the model thought goes back with its signature: the provider refuses the next turn without it."""
    said = message_of(sides.chat("a-redacted", stream=stream, tools=WEATHER, reasoning_effort="low"), stream=stream)
    thought = "".join(THOUGHT)
    assert said["reasoning_content"] == thought
    assert said["reasoning_details"] == [
        {
            "type": "reasoning.text",
            "text": thought,
            "signature": signature_of(thought),
            "format": "anthropic",
            "index": 0,
        },
        {"type": "reasoning.encrypted", "data": HIDDEN, "format": "anthropic", "index": 1},
    ]
    del said["finish_reason"]
    call = said["tool_calls"][0]
    messages = [
        {"role": "user", "content": "Weather?"},
        said,
        {"role": "tool", "tool_call_id": call["id"], "content": "18 degrees"},
    ]
    answer = sides.chat("a-ok", messages=messages, tools=WEATHER, reasoning_effort="low")
    assert message_of(answer, stream=False)["content"] == f"You said: [result {call['id']}: 18 degrees]"
    turns = sides.body_of("ok", MESSAGES)["messages"]
    assert turns[1]["content"] == [
        {"type": "thinking", "thinking": thought, "signature": signature_of(thought)},
        {"type": "redacted_thinking", "data": HIDDEN},
        {"type": "tool_use", "id": call["id"], "name": "get_weather", "input": {"city": "Paris"}},
    ]


def test_round_of_parallel_tools_and_an_image(sides: TwoSides) -> None:
    calls = [
        {"id": f"call_{at}", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Rom"}'}}
        for at in range(2)
    ]
    messages = [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "call_0", "content": "18"},
        {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "19"}]},
        {"role": "user", "content": "And?"},
    ]
    said = message_of(sides.chat("a-ok", messages=messages, tools=WEATHER), stream=False)
    assert said["content"] == "You said: [result call_0: 18] [result call_1: 19] And?"


@BOTH
def test_reasoning(sides: TwoSides, stream: bool) -> None:
    seen = sides.chat("a-thinking", stream=stream, reasoning_effort="low", stream_options={"include_usage": True})
    said = message_of(seen, stream=stream)
    assert said["reasoning_content"] == "".join(THOUGHT)
    assert said["content"] == "You said: Say hello."
    usage = chunks_of(seen)[-1]["usage"] if stream else json.loads(seen.body)["usage"]
    assert usage["completion_tokens_details"]["reasoning_tokens"] == 9


@BOTH
def test_cached_prompt_is_part_of_the_prompt(sides: TwoSides, stream: bool) -> None:
    seen = sides.chat("a-cached", stream=stream, stream_options={"include_usage": True})
    usage = chunks_of(seen)[-1]["usage"] if stream else json.loads(seen.body)["usage"]
    assert usage["prompt_tokens"] == 1202
    assert usage["prompt_tokens_details"]["cached_tokens"] == 1000
    assert sides.record(seen)["attempts"][0]["usage"]["cached_tokens"] == 1000


@BOTH
@pytest.mark.parametrize(
    ("model", "finish"), [("max_tokens", "length"), ("stop_sequence", "stop"), ("refusal", "content_filter")]
)
def test_finish_reason(sides: TwoSides, model: str, finish: str, stream: bool) -> None:
    said = message_of(sides.chat(f"a-{model}", stream=stream), stream=stream)
    assert said["finish_reason"] == finish
    if model == "refusal":
        assert said["refusal"] == EXPLANATION


@pytest.mark.parametrize("model", ["a-pings-20", "a-new_events", "a-no_stop", "a-not_streamed"])
def test_odd_but_complete_streams(sides: TwoSides, model: str) -> None:
    said = message_of(sides.chat(model, stream=True), stream=True)
    assert (said["content"], said["finish_reason"]) == ("You said: Say hello.", "stop")
