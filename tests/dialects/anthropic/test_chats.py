"""Bodies as chats and chats as bodies: what is refused, what is lost, what is put in another place."""

import json
from typing import Any

import msgspec
import pytest

from gateway.dialects.anthropic.dialect import ANTHROPIC
from gateway.values.chat import (
    Audio,
    Chat,
    Format,
    Image,
    Refusal,
    Role,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from gateway.values.outcome import AttemptFailed, Outcome
from tests.dialects.anthropic.support import PLAIN, fields_of
from tests.dialects.sending import told

ASKS = Turn(Role.USER, (Text("x"),))
F = Tool(name="f")


def body_of(chat: Chat) -> tuple[dict[str, Any], tuple[str, ...]]:
    fields, lost = told(ANTHROPIC, chat)
    return {name: json.loads(bytes(raw)) for name, raw in fields.items()}, lost


def message(content: Any, role: str = "user") -> dict[str, Any]:
    return {**PLAIN, "messages": [{"role": role, "content": content}]}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"max_tokens": 1}, "messages"),
        ({**PLAIN, "messages": "hi"}, "messages"),
        ({**PLAIN, "messages": [{"content": "x"}]}, "messages[0]"),
        (message("x", "tool"), "messages[0].role"),
        (message(7), "messages[0].content"),
        (message([{"text": "x"}]), "messages[0].content[0]"),
        (message([{"type": "text"}]), "messages[0].content[0].text"),
        (message([{"type": "text", "text": 7}]), "messages[0].content[0].text"),
        (message([{"type": "image"}]), "messages[0].content[0].source"),
        (message([{"type": "image", "source": {"type": "base64"}}]), "messages[0].content[0].source.data"),
        (message([{"type": "image", "source": {"type": "url"}}]), "messages[0].content[0].source.url"),
        (message([{"type": "tool_use", "name": "f", "input": {}}]), "messages[0].content[0].id"),
        (message([{"type": "tool_result"}]), "messages[0].content[0].tool_use_id"),
        (
            message([{"type": "tool_result", "tool_use_id": "a", "content": [{"type": "thinking", "thinking": "x"}]}]),
            "messages[0].content[0].content",
        ),
        (
            message([{"type": "document", "source": {"type": "text", "data": "x"}, "citations": "yes"}]),
            "messages[0].content[0].citations",
        ),
        ({**PLAIN, "system": 7}, "system"),
        ({**PLAIN, "max_tokens": "many"}, "max_tokens"),
        ({**PLAIN, "temperature": "hot"}, "temperature"),
        ({**PLAIN, "stop_sequences": "x"}, "stop_sequences"),
        ({**PLAIN, "stop_sequences": [1]}, "stop_sequences[0]"),
        ({**PLAIN, "tools": {}}, "tools"),
        ({**PLAIN, "tools": [{"input_schema": {}}]}, "tools[0]"),
        ({**PLAIN, "tool_choice": "auto"}, "tool_choice"),
        ({**PLAIN, "tool_choice": {"type": "tool"}}, "tool_choice"),
        ({**PLAIN, "tool_choice": {"type": "some"}}, "tool_choice"),
        ({**PLAIN, "thinking": {"budget_tokens": 1}}, "thinking"),
        ({**PLAIN, "metadata": {"user_id": 7}}, "metadata.user_id"),
    ],
)
def test_a_body_that_makes_no_sense_is_refused_with_its_path(body: dict[str, Any], param: str) -> None:
    with pytest.raises(AttemptFailed) as refused:
        ANTHROPIC.chat(fields_of(body))
    assert refused.value.outcome is Outcome.BAD_REQUEST
    assert refused.value.param == param
    assert refused.value.message is not None
    assert refused.value.message.startswith(f"Invalid {param!r}: ")


def test_what_has_no_place_is_named() -> None:
    body = {
        **PLAIN, "cache_control": {"type": "ephemeral"}, "container": None, "mcp_servers": [], "service_tier": "gold",
        "tools": [{"name": "f", "input_schema": {}, "defer_loading": True}, {"type": "bash_20250124", "name": "bash"}],
        "tool_choice": {"type": "tool", "name": "bash"}, "thinking": {"type": "between_tools"},
        "messages": [
            {"role": "assistant", "content": [{"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
             {"type": "text", "text": "x", "citations": [{"type": "char_location"}]}]},
            {"role": "user", "content": [{"type": "search_result", "source": "s", "title": "t", "content": []},
             {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "tool_reference", "tool_name": "f"}]}]},
        ],
    }  # fmt: skip
    assert ANTHROPIC.chat(fields_of(body)).unsaid == (
        "cache_control", "mcp_servers", "tools[0].defer_loading", "tools[1]", "messages[1].content[0]",
        "messages[1].content[1].content[0]", "tool_choice",
        "thinking.type", "service_tier",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["output_config", "output_format"])
def test_a_format_is_read_under_both_its_names(name: str) -> None:
    form = {"type": "json_schema", "schema": {"type": "object"}}
    said = {"output_config": {"format": form}, "output_format": form}[name]
    chat = ANTHROPIC.chat(fields_of({**PLAIN, name: said}))
    assert (chat.format, chat.unsaid) == (Format(schema='{"type": "object"}'), ())
    odd = {**form, "type": "grammar"}
    said = {"output_config": {"format": odd}, "output_format": odd}[name]
    unsaid = ANTHROPIC.chat(fields_of({**PLAIN, name: said})).unsaid
    assert unsaid == ("output_config.format" if name == "output_config" else name,)


def test_a_request_of_claude_code_is_read_whole() -> None:
    """Its shape: a system of cached blocks, tools, thinking that adapts, results of parallel calls, reminders."""
    body = {
        "model": "claude-sonnet-5", "max_tokens": 32000, "stream": True, "temperature": 1,
        "metadata": {"user_id": "user_1_account__session_2"},
        "system": [{"type": "text", "text": "You are an agent.", "cache_control": {"type": "ephemeral"}}],
        "tools": [{"name": "Bash", "description": "Runs.", "input_schema": {"type": "object", "properties": {}}}],
        "thinking": {"type": "adaptive"}, "output_config": {"effort": "high"},
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "<system-reminder>r</system-reminder>"}, {"type": "text", "text": "go"}]},
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "", "signature": "c2ln"},
             {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "ls"}},
             {"type": "tool_use", "id": "toolu_2", "name": "Bash", "input": {"command": "id"}}]},
            {"role": "user", "content": [{"tool_use_id": "toolu_1", "type": "tool_result", "content": "a", "is_error": False},
             {"tool_use_id": "toolu_2", "type": "tool_result", "content": [{"type": "text", "text": "b"}],
              "cache_control": {"type": "ephemeral", "ttl": "1h"}}]},
        ],
    }  # fmt: skip
    chat = ANTHROPIC.chat(fields_of(body))
    assert chat.unsaid == ()
    assert [turn.role for turn in chat.turns] == [Role.SYSTEM, Role.USER, Role.ASSISTANT, Role.USER]
    assert chat.thinking == Thinking(effort="high")
    again, lost = body_of(chat)
    assert lost == ()
    assert again["messages"][1] == body["messages"][1]
    assert again["system"] == body["system"]
    assert again["messages"][2]["content"][1] == body["messages"][2]["content"][1]


def test_the_system_stands_first_and_its_place_is_named_as_lost() -> None:
    later = Turn(Role.SYSTEM, (Text("later"),))
    body, lost = body_of(Chat(turns=(Turn(Role.SYSTEM, (Text("first"),)), ASKS, later, ASKS)))
    assert body["system"] == [{"type": "text", "text": "first"}, {"type": "text", "text": "later"}]
    assert body["messages"] == [{"role": "user", "content": [{"type": "text", "text": "x"}] * 2}]
    assert lost == ("turns[2]",)


def test_a_chat_of_only_the_system_is_answered() -> None:
    body, lost = body_of(Chat(turns=(Turn(Role.SYSTEM, (Text("a"),)), Turn(Role.SYSTEM, (Text("b"),)))))
    assert (body["system"], body["messages"][0]["role"]) == ([{"type": "text", "text": "a"}], "user")
    assert lost == ("turns[1].role",)


def test_results_stand_before_what_else_the_user_says() -> None:
    result = ToolResult(call_id="functions.f:0", parts=(Text(""), Text("r")), is_error=True)
    calls = Turn(Role.ASSISTANT, (ToolCall("functions.f:0", "f", ""),))
    body, lost = body_of(Chat(turns=(ASKS, calls, ASKS, Turn(Role.USER, (result,)))))
    assert body["messages"][1]["content"] == [{"type": "tool_use", "id": "functions_f_0", "name": "f", "input": {}}]
    assert body["messages"][2]["content"] == [
        {
            "type": "tool_result",
            "tool_use_id": "functions_f_0",
            "content": [{"type": "text", "text": "r"}],
            "is_error": True,
        },
        {"type": "text", "text": "x"},
    ]
    assert lost == ()


def test_an_answer_to_be_gone_on_with_does_not_end_in_space() -> None:
    body, _ = body_of(Chat(turns=(ASKS, Turn(Role.ASSISTANT, (Text("so "), Text(" "), Text("far \n"))))))
    assert [block["text"] for block in body["messages"][1]["content"]] == ["so ", "far"]


@pytest.mark.parametrize(
    ("chat", "said", "lost"),
    [
        ({}, {"max_tokens": 8192}, ()),
        ({"max_output_tokens": 9}, {"max_tokens": 9}, ()),
        ({"thinking": Thinking(budget_tokens=2000)}, {"max_tokens": 10192, "thinking": {"type": "enabled", "budget_tokens": 2000}}, ()),
        ({"thinking": Thinking(effort="minimal")}, {"output_config": {"effort": "low"}, "thinking": {"type": "adaptive"}}, ("thinking.effort",)),
        ({"thinking": Thinking(is_on=False)}, {"thinking": {"type": "disabled"}}, ()),
        ({"temperature": 1.7}, {"temperature": 1.0}, ("temperature",)),
        ({"temperature": 0.2, "top_p": 0.9}, {"temperature": 0.2, "top_p": None}, ("top_p",)),
        ({"top_p": 0.9}, {"top_p": 0.9}, ()),
        ({"temperature": 0.2, "top_k": 4, "thinking": Thinking()}, {"temperature": None, "top_k": None}, ("temperature", "top_k")),
        ({"stop": (" ", "END")}, {"stop_sequences": ["END"]}, ("stop",)),
        ({"seed": 7, "presence_penalty": 0.5}, {}, ("seed", "presence_penalty")),
        ({"service_tier": "flex"}, {"service_tier": None}, ("service_tier",)),
        ({"service_tier": "default"}, {"service_tier": "standard_only"}, ()),
        ({"tool_choice": ToolChoice("auto")}, {"tool_choice": None}, ("tool_choice",)),
        ({"tools": (F,), "tool_choice": ToolChoice("required")}, {"tool_choice": {"type": "any"}}, ()),
        ({"tools": (F,), "tool_choice": ToolChoice("auto", "f")}, {"tool_choice": {"type": "tool", "name": "f"}}, ()),
        (
            {"tools": (F,), "parallel_tool_calls": False},
            {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}, (),
        ),
        ({"tools": (F,), "tool_choice": ToolChoice("none"), "parallel_tool_calls": True}, {"tool_choice": {"type": "none"}}, ("parallel_tool_calls",)),
        ({"tools": (F,), "tool_choice": ToolChoice("named", "f"), "thinking": Thinking()}, {"thinking": None}, ("thinking",)),
        ({"tools": (F,), "tool_choice": ToolChoice("required"), "thinking": Thinking()}, {"thinking": None}, ("thinking",)),
        ({"format": Format(schema="{}", name="n")}, {"output_config": {"format": {"type": "json_schema", "schema": {}}}}, ("format.name",)),
    ],
)  # fmt: skip
def test_settings_are_said_as_the_api_takes_them(
    chat: dict[str, Any], said: dict[str, Any], lost: tuple[str, ...]
) -> None:
    body, found = body_of(Chat(turns=(ASKS,), **chat))
    assert {name: body.get(name) for name in said} == said
    assert found == lost


@pytest.mark.parametrize(
    ("chat", "param"),
    [
        ({"turns": (Turn(Role.USER, (Audio("aGk=", "wav"),)),)}, "turns[0].parts[0]"),
        ({"turns": (Turn(Role.USER, (Image(data="aGk="),)),)}, "turns[0].parts[0]"),
        ({"turns": (Turn(Role.SYSTEM, (Image(url="https://example.com"),)), ASKS)}, "turns[0]"),
        ({"turns": (Turn(Role.USER, (Text(" "),)),)}, "messages"),
        ({"turns": ()}, "messages"),
    ],
)
def test_what_must_not_be_lost_is_refused(chat: dict[str, Any], param: str) -> None:
    with pytest.raises(AttemptFailed) as refused:
        ANTHROPIC.fields(msgspec.structs.replace(Chat(turns=(ASKS,)), **chat))
    assert (refused.value.outcome, refused.value.param) == (Outcome.BAD_REQUEST, param)


def test_parts_that_are_told_another_way_are_named() -> None:
    turns = (
        Turn(Role.USER, (Image(url="https://example.com/a.png", detail="low"),), "ann"),
        Turn(Role.ASSISTANT, (Refusal("I won't"), ToolCall("a", "f", "{bad"))),
    )
    body, lost = body_of(Chat(turns=turns))
    assert lost == ("turns[0].name", "turns[0].parts[0].detail", "turns[1].parts[0]", "turns[1].parts[1].arguments")
    assert body["messages"][1]["content"] == [
        {"type": "text", "text": "I won't"},
        {"type": "tool_use", "id": "a", "name": "f", "input": {"arguments": "{bad"}},
    ]
