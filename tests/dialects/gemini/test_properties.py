"""What holds of every chat, answer and stream: only what was declared is lost, wherever it is cut."""

import contextlib
import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.dialects.contract import Fields
from gateway.dialects.gemini.dialect import GEMINI, VERTEX, GeminiDialect
from gateway.dialects.gemini.signatures import NAME
from gateway.values.chat import (
    Chat,
    Document,
    Finish,
    HiddenReasoning,
    Image,
    Part,
    ProviderCall,
    ProviderResult,
    Reasoning,
    Refusal,
    Reply,
    Role,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)
from gateway.values.outcome import AttemptFailed
from tests.dialects.chats import chats, replies, streamed
from tests.dialects.folding import folded
from tests.dialects.gemini.support import PLAIN, meaning, request_of, whole
from tests.dialects.sending import told

PATH = re.compile(r"turns\[(\d+)\](?:\.parts\[(\d+)\])?(?:\.parts\[(\d+)\])?(?:\.(\w+))?")
EFFORTS = {"xhigh": "high", "max": "high", "vast": None}


def own_signatures(chat: Chat) -> Chat:
    """Half of the thoughts are Gemini's own."""
    turns = [
        msgspec.structs.replace(
            turn,
            parts=tuple(
                signed(part, at)
                for at, part in enumerate(turn.parts)
                if not isinstance(part, ProviderCall | ProviderResult)
            ),
        )
        for turn in chat.turns
    ]
    return msgspec.structs.replace(chat, turns=tuple(turns))


def signed(part: Part, at: int) -> Part:
    if at % 2:
        return part
    if isinstance(part, HiddenReasoning) or (isinstance(part, Reasoning) and part.signature):
        return msgspec.structs.replace(part, maker=NAME)
    return msgspec.structs.replace(part, signature=f"c{at}", maker=NAME) if isinstance(part, ToolCall) else part


def without(chat: Chat, lost: tuple[str, ...]) -> Chat:
    """The chat less what was declared as lost. A refusal becomes text; a turn of the system only loses its place."""
    turns: list[list[Any]] = [[turn.role, list(turn.parts), turn.name] for turn in chat.turns]
    gone: set[tuple[int, int]] = set()
    members: dict[str, Any] = {}
    tools = list(chat.tools)
    for path in lost:
        found = PATH.fullmatch(path)
        if found is not None:
            at, place, inner, member = found.groups()
            turn = turns[int(at)]
            if member == "role":
                turn[0] = Role.USER
            elif member == "name" and place is None:
                turn[2] = None
            elif place is not None:
                gone_or(turn[1], int(at), int(place), inner, member, gone)
        elif path.startswith("tools["):
            at = int(path[6 : path.index("]")])
            if path.endswith("strict"):
                tools[at] = msgspec.structs.replace(tools[at], strict=None)
        elif path == "format.strict" or path.startswith("provider_tools["):
            continue
        elif path == "cache_control":
            turns = [[role, [uncached(part) for part in parts], name] for role, parts, name in turns]
            tools = [msgspec.structs.replace(tool, cache_s=None) for tool in tools]
        else:
            name, _, member = path.partition(".")
            before = members.get(name, getattr(chat, name))
            if name != "stop" and path != "format.schema":
                members[name] = msgspec.structs.replace(before, **{member: None}) if member else None
    kept = tuple(
        Turn(role, tuple(part for place, part in enumerate(parts) if (at, place) not in gone), name)
        for at, (role, parts, name) in enumerate(turns)
    )
    return msgspec.structs.replace(chat, turns=kept, tools=tuple(tools), **members)


def uncached(part: Any) -> Any:
    if isinstance(part, ToolResult):
        part = msgspec.structs.replace(part, parts=tuple(uncached(one) for one in part.parts))
    return msgspec.structs.replace(part, cache_s=None) if hasattr(part, "cache_s") else part


def gone_or(
    parts: list[Part], at: int, place: int, inner: str | None, member: str | None, gone: set[tuple[int, int]]
) -> None:
    part: Any = parts[place]
    if inner is not None:
        assert isinstance(part, ToolResult)
        within = list(part.parts)
        within[int(inner)] = msgspec.structs.replace(within[int(inner)], **{str(member): None})
        parts[place] = msgspec.structs.replace(part, parts=tuple(within))
    elif member == "citations":
        return
    elif member == "arguments":
        parts[place] = msgspec.structs.replace(part, arguments=json.dumps({"arguments": part.arguments}))
    elif member is not None:
        assert isinstance(part, Image | Document | ToolCall)
        parts[place] = msgspec.structs.replace(part, **{member: None})
    elif isinstance(part, Refusal):
        parts[place] = Text(part.text)
    else:
        assert isinstance(part, Reasoning | HiddenReasoning)
        gone.add((at, place))


def usual(chat: Chat) -> dict[str, Any]:
    """What it means, however it is said."""
    turns: list[list[Any]] = []
    calls: dict[str, str] = {}
    for turn in chat.turns:
        if turn.role is Role.SYSTEM:
            continue
        parts = [same(part, calls) for part in turn.parts if spoken(part)]
        if turns and turns[-1][0] is turn.role:
            turns[-1][1] += parts
        elif parts:
            turns.append([turn.role, parts])
    for _, parts in turns:  # what is hidden goes to a call after it; tools come before what the user says
        parts.sort(key=lambda part: {"hidden": 2, "result": 0}.get(part[0], 1))
    return {
        "system": [part.text for turn in chat.turns if turn.role is Role.SYSTEM for part in turn.parts if spoken(part)],
        "turns": turns,
        "tools": [(tool.name, tool.description, arguments(tool.schema)) for tool in chat.tools],
        "choice": chat.tool_choice,
        "stop": [text for text in chat.stop if text],
        "format": chat.format and json.loads(chat.format.schema or "null"),
        "thinking": chat.thinking and (chat.thinking.is_on, chat.thinking.budget_tokens),
        **{
            name: getattr(chat, name)
            for name in (
                "max_output_tokens", "temperature", "top_p", "top_k", "seed", "presence_penalty", "frequency_penalty", "user",
            )
        },
    }  # fmt: skip


def arguments(schema: str | None) -> Any:
    """A function without arguments has no schema."""
    return {} if schema is None else json.loads(schema)


def spoken(part: Part) -> bool:
    return not isinstance(part, Text) or bool(part.text)


def same(part: Part, calls: dict[str, str]) -> Any:
    match part:
        case Text(text=text) | Refusal(text=text):
            return ("text", text)
        case ToolCall():
            calls[part.id] = part.name
            return ("call", part.id, part.name, json.loads(part.arguments or "{}"), part.signature)
        case ToolResult():
            texts = "\n".join(one.text for one in part.parts if isinstance(one, Text))
            files = [same(one, calls) for one in part.parts if not isinstance(one, Text)]
            return ("result", part.call_id, texts, files, part.is_error)
        case HiddenReasoning(data=data):
            return ("hidden", data)
        case Document(url=str(url)) | Image(url=str(url)):
            return ("file", url)
    return part if isinstance(part, tuple) else ("part", part)


def apart(chat: Chat) -> Chat:
    """What is hidden is the signature of the first call after it that has none, where there is one."""
    turns = []
    for turn in chat.turns:
        parts = [part for part in turn.parts if not (isinstance(part, Reasoning) and not (part.text or part.signature))]
        turns.append(msgspec.structs.replace(turn, parts=tuple(parts)))
    return msgspec.structs.replace(chat, turns=tuple(turns))


def signatures(chat: Chat) -> list[str]:
    """All that the model signed, wherever it stands."""
    parts = [part for turn in chat.turns if turn.role is Role.ASSISTANT for part in turn.parts]
    found = [part.data if isinstance(part, HiddenReasoning) else getattr(part, "signature", None) for part in parts]
    return sorted(one for one in found if one)


def unsigned(turns: list[Any]) -> list[Any]:
    return [
        [role, [part[:4] if part[0] == "call" else part for part in parts if part[0] != "hidden"]]
        for role, parts in turns
    ]


def said(dialect: GeminiDialect, chat: Chat) -> tuple[Fields, tuple[str, ...]]:
    """Nothing of one without a word."""
    if any(turn.parts for turn in chat.turns):
        with contextlib.suppress(AttemptFailed):
            return told(dialect, chat)
    with pytest.raises(AttemptFailed, match=r"invalid (messages|turns)"):
        dialect.fields(chat)
    return {}, ()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(chats().map(own_signatures), st.sampled_from([GEMINI, VERTEX]))
def test_a_chat_loses_only_what_is_declared(chat: Chat, dialect: Any) -> None:
    fields, lost = said(dialect, chat)
    if not fields:
        return
    again = dialect.chat(fields)
    assert again.unsaid == ()
    kept = apart(without(chat, lost))
    before, after = usual(kept), usual(again)
    assert signatures(kept) == signatures(again)
    before["turns"], after["turns"] = [[one for one in unsigned(both["turns"]) if one[1]] for both in (before, after)]
    if "thinking" in lost:
        assert again.thinking is not None
        assert not again.thinking.is_on
        before["thinking"] = after["thinking"] = None
    elif chat.thinking is not None:
        assert again.thinking is not None
        asked = chat.thinking.effort
        kept_effort = None if chat.thinking.budget_tokens is not None else EFFORTS.get(asked or "", asked)
        assert again.thinking.effort == kept_effort
        assert ("thinking.effort" in lost) is (kept_effort != asked)
    for name in ("tools", "format"):
        if any(path.startswith(name) and path.endswith("schema") for path in lost):
            before[name] = after[name] = None
    before["tools"], after["tools"] = bare(before["tools"]), bare(after["tools"])
    assert before == after
    if chat.service_tier in ("flex", "priority"):
        assert ("service_tier" in lost) is (dialect is VERTEX)
        assert (again.service_tier == chat.service_tier) is (dialect is GEMINI)
    assert chat.parallel_tool_calls is not False or "parallel_tool_calls" in lost


def bare(tools: Any) -> Any:
    """Functions without arguments are told without a schema."""
    empty = {"type", "properties", "required", "additionalProperties"}
    return tools and [
        (name, description, {} if isinstance(schema, dict) and schema.keys() <= empty else schema)
        for name, description, schema in tools
    ]


def said_here(reply: Reply) -> Reply:
    """What an answer of this dialect can say."""
    any_call = any(isinstance(part, ToolCall) for part in reply.parts)
    finish = reply.finish
    if finish in (Finish.STOP, Finish.STOP_SEQUENCE, Finish.PAUSE, Finish.TOOL_CALLS):
        finish = Finish.TOOL_CALLS if any_call else Finish.STOP
    assert reply.usage is not None
    usage = msgspec.structs.replace(reply.usage, cache_write_tokens=None, cache_write_1h_tokens=None)
    return msgspec.structs.replace(reply, finish=finish, stop_sequence=None, usage=usage)


def told_here(reply: Reply) -> bool:
    """What a provider's own tools did is left out; a citation keeps its page and its place."""
    return not any(
        isinstance(part, ProviderCall | ProviderResult) or getattr(part, "citations", ()) for part in reply.parts
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(replies().filter(told_here))
def test_a_reply_is_whole_after_it_was_written(reply: Reply) -> None:
    assert GEMINI.reply(whole(reply)) == said_here(reply)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_events_are_the_same_after_they_were_written(data: st.DataObject) -> None:
    reply = data.draw(replies().filter(told_here))
    events = data.draw(streamed(reply))
    writer = GEMINI.writer(request_of(PLAIN, stream=True))
    written = b"".join([writer.write([event]) for event in events]) + writer.end()
    assert folded(GEMINI.reader().read(written)) == said_here(reply) == GEMINI.reply(whole(reply))
    if not any(getattr(part, "text", None) or isinstance(part, ToolCall) for part in reply.parts):
        return  # signatures alone are no answer
    found = meaning([written])  # it is a stream that the decoder takes, as it is
    assert found["forwarded"] == written.decode()
    assert found["outcome"] == "ok"
    assert "anomalies" not in found
    assert found["usage"] == msgspec.to_builtins(said_here(reply).usage)
    writer = GEMINI.writer(request_of(PLAIN, stream=True))
    again = writer.write(events) + writer.end()
    assert folded(GEMINI.reader().read(again)) == said_here(reply)


@pytest.mark.parametrize("maker", [None, NAME, "anthropic"])
def test_a_signature_comes_back_as_it_was(maker: str | None) -> None:
    parts = (
        Reasoning("hm", "c2ln", maker), Text("x"), HiddenReasoning("ZGF0YQ==", maker),
        ToolCall("1", "f", "{}", signature="é\n", maker=maker),
    )  # fmt: skip
    reply = Reply(id="r", model="m", parts=parts, finish=Finish.TOOL_CALLS)
    assert GEMINI.reply(whole(reply)) == reply
