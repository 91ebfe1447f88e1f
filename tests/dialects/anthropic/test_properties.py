"""What holds of every chat, answer and stream: only what was declared is lost, wherever it is cut."""

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.dialects.anthropic.dialect import ANTHROPIC
from gateway.dialects.anthropic.write_chat import DEFAULT_MAX_TOKENS, DEFAULT_THINKING_TOKENS
from gateway.values.chat import (
    Chat,
    HiddenReasoning,
    Image,
    Part,
    ProviderCall,
    ProviderTool,
    Reasoning,
    Refusal,
    Reply,
    Role,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from gateway.values.outcome import AttemptFailed
from tests.dialects.anthropic.support import PLAIN, meaning, request_of, whole
from tests.dialects.chats import chats, replies, streamed
from tests.dialects.folding import folded
from tests.dialects.sending import told

PATH = re.compile(r"turns\[(\d+)\](?:\.parts\[(\d+)\])?(?:\.parts\[(\d+)\])?(?:\.(\w+))?")


def without(chat: Chat, lost: tuple[str, ...]) -> Chat:
    """The chat less what was declared as lost. A refusal becomes text; a turn of the system only loses its place."""
    turns = [[turn.role, list(turn.parts), turn.name] for turn in chat.turns]
    gone: set[tuple[int, int]] = set()
    members: dict[str, Any] = {}
    for path in lost:
        found = PATH.fullmatch(path)
        if path.startswith("provider_tools"):
            continue
        if found is None:
            name, _, member = path.partition(".")
            value = getattr(chat, name)
            if member:
                before = members.get(name, value)
                members[name] = msgspec.structs.replace(before, **{member: None})
            elif name not in ("temperature", "stop"):
                members[name] = None
            continue
        at, place, inner, member = found.groups()
        turn = turns[int(at)]
        if member == "role":
            turn[0] = Role.USER
        elif member == "name":
            turn[2] = None
        elif place is not None:
            gone_or(turn[1], int(at), int(place), inner, member, gone)
    kept = tuple(
        Turn(role, tuple(part for place, part in enumerate(parts) if (at, place) not in gone), name)
        for at, (role, parts, name) in enumerate(turns)
    )
    return msgspec.structs.replace(chat, turns=kept, **members)


def gone_or(
    parts: list[Part], at: int, place: int, inner: str | None, member: str | None, gone: set[tuple[int, int]]
) -> None:
    part = parts[place]
    if inner is not None:
        assert isinstance(part, ToolResult)
        assert member == "detail"
        within = list(part.parts)
        within[int(inner)] = msgspec.structs.replace(within[int(inner)], detail=None)
        parts[place] = msgspec.structs.replace(part, parts=tuple(within))
    elif member == "detail":
        assert isinstance(part, Image)
        parts[place] = msgspec.structs.replace(part, detail=None)
    elif member == "arguments":
        assert isinstance(part, ToolCall)
        parts[place] = msgspec.structs.replace(part, arguments=json.dumps({"arguments": part.arguments}))
    elif member in ("citations", "signature"):
        assert isinstance(part, Text | ToolCall)
        parts[place] = without_payload(part)
    elif isinstance(part, Refusal):
        parts[place] = Text(part.text)
    else:
        assert not isinstance(part, Text | Image | ToolCall | ToolResult)
        gone.add((at, place))


def without_payload(part: Text | ToolCall) -> Part:
    if isinstance(part, ToolCall):
        return msgspec.structs.replace(part, signature=None, maker=None)
    return msgspec.structs.replace(part, citations=tuple(one for one in part.citations if one.maker == "anthropic"))


def usual(chat: Chat) -> dict[str, Any]:
    """What it means, however it is said."""
    system = [part for turn in chat.turns if turn.role is Role.SYSTEM for part in turn.parts if spoken(part)]
    turns: list[list[Any]] = []
    for turn in chat.turns:
        parts = [same(part) for part in turn.parts if spoken(part)]
        if turn.role is Role.SYSTEM:
            continue
        if turns and turns[-1][0] is turn.role:
            turns[-1][1] += parts
        elif parts:
            turns.append([turn.role, parts])
    for role, parts in turns:
        if role is Role.USER:
            parts.sort(key=lambda part: not isinstance(part, ToolResult))
    if turns and turns[-1][0] is Role.ASSISTANT and isinstance(turns[-1][1][-1], Text):
        last = turns[-1][1][-1]
        turns[-1][1][-1] = msgspec.structs.replace(last, text=last.text.rstrip())
    thinking = chat.thinking
    budget = DEFAULT_MAX_TOKENS
    if thinking is not None and thinking.is_on:
        budget += thinking.budget_tokens or DEFAULT_THINKING_TOKENS
    choice = chat.tool_choice
    if choice is None and chat.parallel_tool_calls is not None:
        choice = ToolChoice("auto")
    return {
        "system": system,
        "turns": turns,
        "tools": [as_told(tool) for tool in chat.tools],
        "choice": choice,
        "parallel": chat.parallel_tool_calls,
        "most": budget if chat.max_output_tokens is None else chat.max_output_tokens,
        "temperature": chat.temperature,
        "stop": [text for text in chat.stop if text.strip()],
        "format": chat.format and json.loads(chat.format.schema or "null"),
        "thinking": thinking,
        **{
            name: getattr(chat, name)
            for name in (
                "top_p",
                "top_k",
                "user",
                "service_tier",
                "seed",
                "presence_penalty",
                "frequency_penalty",
                "logprobs",
                "top_logprobs",
                "verbosity",
                "cache_key",
            )
        },
        "own_tools": [as_searched(tool) for tool in chat.provider_tools if tool.search is not None],
    }


def has_words(turn: Turn, chat: Chat) -> bool:
    """Whether something of a turn is left to be answered."""
    if turn.role is Role.SYSTEM:
        alone = all(one.role is Role.SYSTEM for one in chat.turns)
        return alone and turn is chat.turns[-1] and any(map(spoken, turn.parts))
    left = [part for part in turn.parts if spoken(part) and not (isinstance(part, Refusal) and not part.text.strip())]
    if turn.role is Role.USER:
        return any(not isinstance(part, Reasoning | HiddenReasoning) for part in left)
    return any(not is_of_others(part) for part in left)


def is_of_others(part: Part) -> bool:
    """What Anthropic did not make, or sign."""
    if isinstance(part, Reasoning) and part.signature is None:
        return True
    return isinstance(part, Reasoning | HiddenReasoning | ProviderCall) and part.maker != "anthropic"


def as_searched(tool: ProviderTool) -> Any:
    assert tool.search is not None
    return msgspec.structs.replace(tool.search, context_size=None)


def spoken(part: Part) -> bool:
    return not isinstance(part, Text) or bool(part.text.strip())


def same(part: Part) -> Any:
    if isinstance(part, ToolCall):
        return (part.id, part.name, json.loads(part.arguments or "{}"), part.cache_s, part.signature)
    if isinstance(part, ProviderCall):
        return (part.id, part.kind, json.loads(part.native))
    if isinstance(part, ToolResult):
        return msgspec.structs.replace(part, parts=tuple(one for one in part.parts if spoken(one)))
    return part


def as_told(tool: Tool) -> Any:
    schema = {"type": "object", "properties": {}} if tool.schema is None else json.loads(tool.schema)
    return (tool.name, tool.description, schema, tool.strict, tool.cache_s)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(chats())
def test_a_chat_loses_only_what_is_declared(chat: Chat) -> None:
    if not any(turn.parts and has_words(turn, chat) for turn in chat.turns):
        with pytest.raises(AttemptFailed, match="invalid messages"):
            ANTHROPIC.fields(chat)
        return
    fields, lost = told(ANTHROPIC, chat)
    again = ANTHROPIC.chat(fields)
    assert again.unsaid == ()
    before, after = usual(without(chat, lost)), usual(again)
    if "temperature" in lost:
        del before["temperature"], after["temperature"]
    if "max_output_tokens" not in lost and chat.max_output_tokens is None:
        before["most"] = after["most"]
    if "thinking.effort" in lost:
        for one in (before, after):
            one["thinking"] = msgspec.structs.replace(one["thinking"] or Thinking(), effort=None)
    if "thinking" in lost and chat.thinking is not None and chat.thinking.effort:
        before["thinking"] = after["thinking"]  # how much, which beside it is still said
    assert before == after


@settings(deadline=None)
@given(replies())
def test_a_reply_is_whole_after_it_was_written(reply: Reply) -> None:
    again = ANTHROPIC.reply(whole(reply))
    assert again == msgspec.structs.replace(reply, finish=again.finish)
    assert again.finish is reply.finish


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_events_are_the_same_after_they_were_written(data: st.DataObject) -> None:
    reply = data.draw(replies())
    events = data.draw(streamed(reply))
    writer = ANTHROPIC.writer(request_of({**PLAIN, "stream": True}))
    written = b"".join([writer.write([event]) for event in events]) + writer.end()
    expected = folded(events)
    read = ANTHROPIC.reader().read(written)
    assert folded(read) == expected == reply
    found = meaning([written])  # it is a stream that the decoder takes, as it is
    assert found["outcome"] == "ok"
    assert found["forwarded"] == written.decode()
    assert "anomalies" not in found
    assert found["usage"] == msgspec.to_builtins(reply.usage)
    writer = ANTHROPIC.writer(request_of({**PLAIN, "stream": True}))
    assert writer.write(events) + writer.end() == written


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_stream_and_a_whole_answer_say_the_same(data: st.DataObject) -> None:
    reply = data.draw(replies())
    writer = ANTHROPIC.writer(request_of({**PLAIN, "stream": True}))
    written = writer.write(data.draw(streamed(reply))) + writer.end()
    assert folded(ANTHROPIC.reader().read(written)) == ANTHROPIC.reply(whole(reply))


def test_thoughts_of_a_budget_are_told_apart_from_those_of_a_word() -> None:
    turn = Turn(Role.USER, (Text("x"),))
    for thinking in (Thinking(budget_tokens=2000), Thinking(effort="high"), Thinking(is_on=False), Thinking()):
        fields, lost = told(ANTHROPIC, Chat(turns=(turn,), thinking=thinking))
        assert lost == ()
        assert ANTHROPIC.chat(fields).thinking == thinking


def test_a_thought_without_a_signature_is_not_sent() -> None:
    turns = (
        Turn(Role.USER, (Text("x"),)),
        Turn(Role.ASSISTANT, (Reasoning("hm"), Text("y"))),
        Turn(Role.USER, (Text("z"),)),
    )
    fields, lost = told(ANTHROPIC, Chat(turns=turns))
    assert lost == ("turns[1].parts[0]",)
    assert b"hm" not in bytes(fields["messages"])
