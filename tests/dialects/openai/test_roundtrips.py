"""Chat completions as a dialect: what is put into it and read again is the same, but for what is said to be lost."""

import itertools
import json
from typing import Any

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from gateway.dialects.openai.dialect import OPENAI
from gateway.dialects.openai.stream import OpenAIStreamDecoder
from gateway.surfaces.table import CHAT
from gateway.values.caller import Caller
from gateway.values.chat import (
    Audio,
    Began,
    Chat,
    Citation,
    Cited,
    Document,
    Ended,
    Event,
    Finish,
    Format,
    HiddenReasoning,
    Image,
    Logprobs,
    Part,
    Reasoning,
    ReasoningDelta,
    ReasoningSigned,
    Refusal,
    RefusalDelta,
    Reply,
    Role,
    Text,
    TextDelta,
    Thinking,
    TokenLogprob,
    Tool,
    ToolCall,
    ToolCallBegan,
    ToolCallDelta,
    ToolChoice,
    ToolResult,
    Turn,
    Used,
)
from gateway.values.request import Request
from gateway.values.usage import Usage
from tests.dialects.folding import folded
from tests.support.openai_spec import check, schemas

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
NAME = st.text("abcdefgh_", min_size=1, max_size=8)
BASE64 = st.sampled_from(["QUJD", "AAAA"])
SCHEMA = st.sampled_from(['{"type":"object"}', '{"type":"object","properties":{"a":{"const":1.50}}}'])
CACHE = st.sampled_from([None, None, None, 300])
FINISH = st.sampled_from([Finish.STOP, Finish.LENGTH, Finish.TOOL_CALLS, Finish.REFUSAL])

said = st.builds(Text, TEXT, CACHE)
images = st.builds(
    Image, media_type=st.just("image/png"), data=BASE64, detail=st.sampled_from([None, "low"])
) | st.builds(Image, url=st.just("https://example.com/a.png"), cache_s=CACHE)
documents = st.builds(Document, media_type=st.just("application/pdf"), data=BASE64, name=NAME)
documents |= st.builds(Document, file_id=NAME, maker=st.just("openai"))
calls = st.builds(ToolCall, NAME, NAME, st.sampled_from(["{}", '{"a": 1}', "oops"]), CACHE)
results = st.builds(
    ToolResult, call_id=NAME, parts=st.lists(st.builds(Text, TEXT), max_size=1).map(tuple), is_error=st.booleans()
)
named = st.none() | NAME
MAKER = st.sampled_from(["anthropic", "gemini"])
signed = st.builds(Reasoning, TEXT) | st.builds(Reasoning, TEXT, NAME, MAKER) | st.builds(HiddenReasoning, NAME, MAKER)
cited = st.builds(
    Citation, url=st.just("https://example.com"), title=TEXT, start=st.integers(0, 3), end=st.integers(4, 9)
)
TOKENS = st.builds(
    TokenLogprob,
    TEXT,
    st.sampled_from([-0.5, -2.0]),
    st.none() | st.just(b"x"),
    st.sampled_from([(), (TokenLogprob("y", -3.0),)]),
)
turns = st.one_of(
    st.builds(Turn, st.just(Role.SYSTEM), st.lists(said, min_size=1, max_size=2).map(tuple), named),
    st.builds(
        Turn,
        st.just(Role.USER),
        st.lists(said | images | documents | st.builds(Audio, BASE64, st.just("wav")), min_size=1, max_size=3).map(
            tuple
        ),
        named,
    ),
    st.builds(Turn, st.just(Role.USER), st.tuples(results)),
    st.builds(
        lambda thoughts, texts, refusals, called: Turn(
            Role.ASSISTANT, (*thoughts, *texts, *refusals, *called) or (Text("a"),)
        ),
        st.lists(signed, max_size=1),
        st.lists(said, max_size=2),
        st.lists(st.builds(Refusal, TEXT), max_size=1),
        st.lists(calls, max_size=2),
    ),
)
tools = st.lists(
    st.builds(Tool, name=NAME, description=st.none() | TEXT, schema=st.none() | SCHEMA, strict=st.none() | st.booleans(), cache_s=CACHE),
    min_size=1,
    max_size=2,
).map(tuple)  # fmt: skip
limits = st.none() | st.floats(0, 1)
BY_SCHEMA = settings(max_examples=20, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])  # it is slow


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    return schemas()


chats = st.builds(
    lambda with_tools, **more: Chat(**more, **with_tools),
    st.just({})
    | st.fixed_dictionaries(
        {
            "tools": tools,
            "tool_choice": st.none()
            | st.sampled_from([ToolChoice("auto"), ToolChoice("required"), ToolChoice("named", "f")]),
            "parallel_tool_calls": st.none() | st.booleans(),
        }
    ),
    turns=st.lists(turns, min_size=1, max_size=4).map(tuple),
    max_output_tokens=st.none() | st.integers(1, 9999),
    temperature=limits,
    top_p=limits,
    top_k=st.none() | st.integers(1, 99),
    stop=st.lists(TEXT, max_size=2).map(tuple),
    seed=st.none() | st.integers(0, 99),
    presence_penalty=limits,
    frequency_penalty=limits,
    format=st.none()
    | st.just(Format())
    | st.builds(Format, schema=SCHEMA, name=NAME, strict=st.none() | st.booleans()),
    thinking=st.none() | st.sampled_from([Thinking(effort="low"), Thinking(budget_tokens=9), Thinking(is_on=False)]),
    user=st.none() | NAME,
    service_tier=st.none() | st.just("flex"),
    logprobs=st.none() | st.booleans(),
    top_logprobs=st.none() | st.integers(0, 5),
    verbosity=st.none() | st.just("low"),
    cache_key=st.none() | NAME,
)


def kept(part: Part) -> Part | None:
    """What chat completions can say of it."""
    if isinstance(part, Reasoning | HiddenReasoning):
        return None
    if isinstance(part, ToolResult):
        part = msgspec.structs.replace(part, is_error=False)
    return msgspec.structs.replace(part, cache_s=None) if getattr(part, "cache_s", None) else part


def without_what_is_lost(chat: Chat) -> Chat:
    told = [(turn, tuple(one for part in turn.parts if (one := kept(part)) is not None)) for turn in chat.turns]
    thinking = chat.thinking
    return msgspec.structs.replace(
        chat,
        turns=tuple(msgspec.structs.replace(turn, parts=parts) for turn, parts in told),
        tools=tuple(msgspec.structs.replace(tool, cache_s=None) for tool in chat.tools),
        thinking=thinking if thinking is not None and thinking.effort is not None else None,
    )


@settings(max_examples=300, deadline=None)
@given(chats)
def test_a_chat_loses_only_what_is_declared(chat: Chat) -> None:
    fields, lost = OPENAI.fields(chat)
    expected = without_what_is_lost(chat)
    assert OPENAI.chat(fields) == expected
    assert bool(lost) is (expected != chat)


@BY_SCHEMA
@given(chat=chats)
def test_what_is_written_is_a_request_by_openais_schema(spec: dict[str, Any], chat: Chat) -> None:
    fields, _ = OPENAI.fields(chat)
    body = json.loads(msgspec.json.encode(fields)) | {"model": "gpt-4o-mini"}
    body.pop("top_k", None)  # vLLM's and llama.cpp's
    for tool in body.get("tools", ()):
        tool["function"].setdefault("parameters", {})
    check(spec, "CreateChatCompletionRequest", body)


def request(*, stream: bool = False, usage: bool = True) -> Request:
    options = {"stream_options": {"include_usage": True}} if stream and usage else {}
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": stream, **options}
    return CHAT.read(json.dumps(body).encode(), {}, Caller.anonymous(), "d")


usages = st.builds(
    Usage, prompt_tokens=st.integers(1, 99), completion_tokens=st.integers(1, 99), cached_tokens=st.none() | st.just(1),
    cache_write_tokens=st.none() | st.just(1), reasoning_tokens=st.none() | st.just(1),
)  # fmt: skip
thoughts = st.lists(signed, max_size=3)
replies = st.builds(
    lambda thought, texts, refusals, called, **more: Reply(parts=(*thought, *texts, *refusals, *called), **more),
    thoughts,
    st.lists(st.builds(Text, TEXT, citations=st.lists(cited, max_size=2).map(tuple)), max_size=1),
    st.lists(st.builds(Refusal, TEXT), max_size=1),
    st.lists(
        st.builds(ToolCall, NAME, NAME, st.sampled_from(["{}", '{"a": 1}']))
        | st.builds(ToolCall, NAME, NAME, st.just("{}"), signature=NAME, maker=MAKER),
        max_size=2,
        unique_by=lambda call: call.id,
    ),
    id=NAME,
    model=NAME,
    finish=FINISH,
    usage=st.none() | usages,
    blocked_for=st.sampled_from([(), ("hate", "violence")]),
    logprobs=st.lists(TOKENS, max_size=2).map(tuple),
)


@settings(max_examples=300, deadline=None)
@given(replies)
def test_a_reply_is_the_same_again(reply: Reply) -> None:
    body = OPENAI.whole(reply, request())
    assert OPENAI.reply(body) == of_a_server(reply)


def events_of(reply: Reply, cuts: list[int]) -> list[Event]:
    """A reply as a provider streams it; texts in pieces."""
    sizes = itertools.cycle(cuts or [3])

    def pieces(text: str) -> list[str]:
        size = next(sizes)
        return [text[at : at + size] for at in range(0, len(text), size)]

    events: list[Event] = [Began(reply.id, reply.model)]
    index = 0
    for part in reply.parts:
        match part:
            case Text(text=text):
                events += map(TextDelta, pieces(text))
                events += map(Cited, part.citations)
            case Refusal(text=text):
                events += map(RefusalDelta, pieces(text))
            case Reasoning(text=text, signature=signature):
                events += map(ReasoningDelta, pieces(text))
                events += [ReasoningSigned(signature, part.maker)] if signature else []
            case HiddenReasoning():
                events.append(part)
            case ToolCall():
                events.append(ToolCallBegan(index, part.id, part.name, part.signature, part.maker))
                events += [ToolCallDelta(index, piece) for piece in pieces(part.arguments)]
                index += 1
            case _:
                raise AssertionError(part)
    events += [Logprobs(reply.logprobs)] if reply.logprobs else []
    events.append(Ended(reply.finish, blocked_for=reply.blocked_for))
    return [*events, Used(reply.usage)] if reply.usage is not None else events


def of_a_server(reply: Reply) -> Reply:
    """What a server of this dialect signs, it made: whosoever it has it from."""
    parts = [
        msgspec.structs.replace(part, maker=f"openai/{part.maker}") if getattr(part, "maker", None) else part
        for part in reply.parts
    ]
    return msgspec.structs.replace(reply, parts=tuple(parts))


def merged(reply: Reply) -> Reply:
    """Thoughts without a signature that follow each other are one in a stream."""
    parts: list[Part] = []
    for part in reply.parts:
        last = parts[-1] if parts else None
        if isinstance(part, Reasoning) and isinstance(last, Reasoning) and last.signature is None:
            parts[-1] = Reasoning(last.text + part.text, part.signature, part.maker)
        else:
            parts.append(part)
    return msgspec.structs.replace(reply, parts=tuple(parts))


@settings(max_examples=300, deadline=None)
@given(replies, st.lists(st.integers(1, 5), min_size=1, max_size=4), st.integers(1, 9))
def test_events_are_the_same_again(reply: Reply, cuts: list[int], at_once: int) -> None:
    writer, reader = OPENAI.writer(request(stream=True)), OPENAI.reader()
    events = events_of(reply, cuts)
    written = [writer.write(events[at : at + at_once]) for at in range(0, len(events), at_once)]
    read = [event for part in [*written, writer.end()] for event in reader.read(part)]
    assert folded(events) == merged(reply)
    assert folded(read) == of_a_server(merged(reply))


@BY_SCHEMA
@given(reply=replies, usage=st.booleans())
def test_what_is_written_is_a_complete_stream_by_the_dialects_own_decoder(
    spec: dict[str, Any], reply: Reply, usage: bool
) -> None:
    """And by OpenAI's schema. Where nothing was said, it is no answer there either."""
    writer = OPENAI.writer(request(stream=True, usage=usage))
    body = writer.write(events_of(reply, [2])) + writer.end()
    assert body.endswith(b"data: [DONE]\n\n")
    payloads = [json.loads(line[6:]) for line in body.decode().split("\n\n") if line.startswith("data: {")]
    for payload in payloads:
        check(spec, "CreateChatCompletionStreamResponse", payload)
    assert sum(bool(payload.get("usage")) for payload in payloads) == (usage and reply.usage is not None)
    decoder = OpenAIStreamDecoder(keep_usage=True)
    chunks: list[Any] = decoder.feed(body)
    assert chunks[-1].done or not reply.parts
