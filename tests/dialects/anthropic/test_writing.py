"""Streams and answers for callers of this dialect, of what other dialects' models say."""

import json
from typing import Any

import pytest

from gateway.dialects.anthropic.dialect import ANTHROPIC
from gateway.values.chat import (
    Began,
    Ended,
    Event,
    Finish,
    ReasoningDelta,
    Refusal,
    RefusalDelta,
    Reply,
    Text,
    TextDelta,
    ToolCall,
    ToolCallBegan,
    ToolCallDelta,
    Used,
)
from gateway.values.outcome import AttemptFailed
from gateway.values.usage import Usage
from tests.dialects.anthropic.support import PLAIN, events_in, meaning, request_of, whole

BEGAN = Began("chatcmpl-1", "gpt")


def written(*events: Event) -> list[tuple[str, dict[str, Any]]]:
    writer = ANTHROPIC.writer(request_of({**PLAIN, "stream": True}))
    out = writer.write(list(events)) + writer.end()
    assert meaning([out])["outcome"] in ("ok", "empty_answer")
    return events_in(out)


def outline(events: list[tuple[str, dict[str, Any]]]) -> list[str]:
    short = {"content_block_start": "start", "content_block_stop": "stop"}
    said = []
    for name, data in events:
        if name == "content_block_delta":
            said.append(f"{data['index']}: {next(v for k, v in data['delta'].items() if k != 'type')}")
        else:
            said.append(f"{short.get(name, name)} {data['index']}" if "index" in data else name)
    return said


def test_blocks_follow_each_other() -> None:
    events = written(
        BEGAN, ReasoningDelta("hm"), TextDelta(""), TextDelta("a"), TextDelta("b"), ToolCallBegan(0, "call_1", "f"),
        ToolCallDelta(0, '{"x"'), ToolCallDelta(0, ":1}"), ToolCallBegan(1, "call_2", "g"), ToolCallDelta(1, "{}"),
        Ended(Finish.TOOL_CALLS), Used(Usage(prompt_tokens=9, completion_tokens=4, cached_tokens=5, reasoning_tokens=1)),
    )  # fmt: skip
    assert outline(events) == [
        "message_start", "start 0", "0: hm", "stop 0", "start 1", "1: a", "1: b", "stop 1", "start 2", '2: {"x"', "2: :1}",
        "stop 2", "start 3", "3: {}", "stop 3", "message_delta", "message_stop",
    ]  # fmt: skip
    start = events[0][1]["message"]
    assert start == {
        "id": "chatcmpl-1", "type": "message", "role": "assistant", "model": "gpt", "content": [], "stop_reason": None,
        "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 0},  # the request's estimate
    }  # fmt: skip
    assert events[-2][1] == {
        "type": "message_delta",
        "delta": {"stop_reason": "tool_use", "stop_sequence": None},
        "usage": {
            "input_tokens": 4, "cache_read_input_tokens": 5, "output_tokens": 4, "output_tokens_details": {"thinking_tokens": 1},
        },
    }  # fmt: skip


def test_what_is_said_is_written_at_once_and_its_end_with_the_usage() -> None:
    writer = ANTHROPIC.writer(request_of({**PLAIN, "stream": True}))
    assert outline(events_in(writer.write([BEGAN]))) == ["message_start"]
    assert outline(events_in(writer.write([TextDelta("a")]))) == ["start 0", "0: a"]
    assert outline(events_in(writer.write([Ended(Finish.STOP)]))) == ["stop 0"]
    assert outline(events_in(writer.write([Used(Usage(prompt_tokens=1, completion_tokens=1))]))) == ["message_delta"]
    assert writer.write([]) == b""
    assert outline(events_in(writer.end())) == ["message_stop"]


def test_a_stream_without_usage_ends_too() -> None:
    events = written(BEGAN, TextDelta("a"), Ended(Finish.LENGTH))
    assert events[-2][1]["delta"]["stop_reason"] == "max_tokens"
    assert events[-2][1]["usage"] == {"output_tokens": 0}


def test_calls_that_overlap_are_put_in_a_row() -> None:
    events = written(
        BEGAN, ToolCallBegan(0, "a", "f"), ToolCallDelta(0, '{"x":'), ToolCallBegan(1, "b", "g"), ToolCallDelta(1, '{"y":'),
        ToolCallDelta(0, "1}"), ToolCallDelta(1, "2}"), ToolCallBegan(1, "b", "g"), ToolCallBegan(2, "c", "h"),
        ToolCallDelta(0, " "), TextDelta("t"), Ended(Finish.STOP),
    )  # fmt: skip
    assert outline(events) == [
        "message_start", "start 0", '0: {"x":', "0: 1}", "stop 0", "start 1", '1: {"y":', "1: 2}", "stop 1", "start 2",
        "stop 2", "start 3", "3: t", "stop 3", "message_delta", "message_stop",
    ]  # fmt: skip


def test_what_comes_of_a_call_that_is_over_is_not_lost_in_silence() -> None:
    writer = ANTHROPIC.writer(request_of({**PLAIN, "stream": True}))
    writer.write([BEGAN, ToolCallBegan(0, "a", "f"), ToolCallDelta(0, "{}"), ToolCallBegan(1, "b", "g")])
    with pytest.raises(AttemptFailed, match="a tool call goes on"):
        writer.write([ToolCallDelta(0, '{"more":1}')])


def test_a_call_that_was_asked_for_by_name_ends_as_a_call() -> None:
    events = written(BEGAN, ToolCallBegan(0, "a", "f"), ToolCallDelta(0, "{}"), Ended(Finish.STOP))
    assert events[-2][1]["delta"]["stop_reason"] == "tool_use"
    reply = Reply(id="i", model="m", parts=(ToolCall("a", "f", "{}"),), finish=Finish.STOP)
    assert json.loads(whole(reply))["stop_reason"] == "tool_use"


def test_a_refusal_is_text_and_a_reason() -> None:
    events = written(BEGAN, RefusalDelta("I"), RefusalDelta(" won't"), Ended(Finish.STOP))
    assert outline(events)[1:5] == ["start 0", "0: I", "0:  won't", "stop 0"]
    assert events[-2][1]["delta"]["stop_reason"] == "refusal"
    told = json.loads(whole(Reply(id="i", model="m", parts=(Refusal("I won't"),), finish=Finish.STOP)))
    assert (told["content"], told["stop_reason"]) == ([{"type": "text", "text": "I won't"}], "refusal")


@pytest.mark.parametrize(
    ("given", "told"),
    [("call_1", "call_1"), ("functions.get:0", "functions_get_0"), ("é", "_"), ("", "toolu_chatcmpl-1_0")],
)
def test_ids_of_calls_are_in_the_characters_that_are_allowed(given: str, told: str) -> None:
    events = written(BEGAN, ToolCallBegan(0, given, "f"), Ended(Finish.TOOL_CALLS))
    assert events[1][1]["content_block"]["id"] == told
    reply = Reply(id="chatcmpl-1", model="m", parts=(ToolCall(given, "f", "{}"),), finish=Finish.TOOL_CALLS)
    assert json.loads(whole(reply))["content"][0]["id"] == told


@pytest.mark.parametrize("arguments", ["{", "[1]", "null", "words"])
def test_arguments_that_are_no_object_stand_in_one(arguments: str) -> None:
    reply = Reply(id="i", model="m", parts=(ToolCall("a", "f", arguments),), finish=Finish.TOOL_CALLS)
    assert json.loads(whole(reply))["content"][0]["input"] == {"arguments": arguments}


def test_usage_is_split_again() -> None:
    usage = Usage(
        prompt_tokens=2121, completion_tokens=7, cached_tokens=2000, cache_write_tokens=100, service_tier="priority"
    )
    reply = Reply(id="i", model="m", parts=(Text("x"),), finish=Finish.STOP, usage=usage)
    assert json.loads(whole(reply))["usage"] == {
        "input_tokens": 21, "cache_creation_input_tokens": 100, "cache_read_input_tokens": 2000, "output_tokens": 7,
        "service_tier": "priority",
    }  # fmt: skip
    assert ANTHROPIC.reply(whole(reply)).usage == usage


def test_what_is_kept_for_an_hour_is_told_apart() -> None:
    usage = Usage(prompt_tokens=130, completion_tokens=7, cache_write_tokens=100, cache_write_1h_tokens=60)
    reply = Reply(id="i", model="m", parts=(Text("x"),), finish=Finish.STOP, usage=usage)
    told = json.loads(whole(reply))["usage"]
    assert told["cache_creation"] == {"ephemeral_5m_input_tokens": 40, "ephemeral_1h_input_tokens": 60}
    assert (told["input_tokens"], told["cache_creation_input_tokens"]) == (30, 100)
    assert ANTHROPIC.reply(whole(reply)).usage == usage
