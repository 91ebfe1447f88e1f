"""Any chat, any answer and any stream of events, for properties that hold of all."""

import itertools
import json
from typing import Any

from hypothesis import strategies as st

from gateway.values.chat import (
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
    Part,
    ProviderCall,
    ProviderTool,
    Reasoning,
    ReasoningDelta,
    ReasoningSigned,
    Refusal,
    Reply,
    Role,
    Text,
    TextDelta,
    Thinking,
    Tool,
    ToolCall,
    ToolCallBegan,
    ToolCallDelta,
    ToolChoice,
    ToolResult,
    Turn,
    Used,
    WebSearch,
)
from gateway.values.usage import Usage

TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
WORDS = st.text("abcXYZ09_-", min_size=1, max_size=8)
CACHE = st.sampled_from([None, 300, 3600])
MAYBE = st.sampled_from([None, True, False])
MAKERS = st.sampled_from(["anthropic", "anthropic", "gemini", "openai/x"])
OBJECTS = st.dictionaries(TEXTS, TEXTS | st.integers(-9, 9) | st.none() | st.lists(TEXTS, max_size=2), max_size=3)
JSON_TEXTS = OBJECTS.map(json.dumps)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def _native(url: str, title: str, quote: str) -> str:
    """As Anthropic writes it."""
    said = {
        "type": "web_search_result_location",
        "cited_text": quote,
        "encrypted_index": "Eo8=",
        "title": title,
        "url": url,
    }
    return json.dumps(said, separators=(",", ":"))


def _used(call_id: str) -> str:
    return json.dumps({"type": "server_tool_use", "id": call_id, "name": "web_search", "input": {"query": "x"}})


def _cited(url: str, title: str, quote: str) -> Citation:
    return Citation(url=url, title=title, quote=quote, native=_native(url, title, quote), maker="anthropic")


cited = st.builds(_cited, st.sampled_from(["https://a.example", "https://b.example"]), WORDS, WORDS)
CITATIONS = st.lists(cited, max_size=2).map(tuple)
said = st.builds(Text, TEXTS, CACHE)
told = st.builds(Text, TEXTS, CACHE, CITATIONS | st.just((Citation(url="https://c.example"),)))
images = st.builds(
    Image, media_type=st.just("image/png"), data=st.just("aGk="), detail=maybe(st.just("low")), cache_s=CACHE
)
images |= st.builds(Image, url=st.just("https://example.com/a.png"), cache_s=CACHE)
documents = st.builds(
    Document, media_type=st.just("application/pdf"), data=st.just("JVBE"), name=maybe(TEXTS), cache_s=CACHE
)
documents |= st.builds(Document, media_type=st.just("text/plain"), data=TEXTS, cache_s=CACHE)
documents |= st.builds(
    Document, file_id=WORDS, maker=st.just("anthropic"), context=maybe(WORDS), cites=MAYBE, cache_s=CACHE
)
documents |= st.builds(Document, url=st.just("https://example.com/a.pdf"), name=maybe(TEXTS))
results = st.builds(
    ToolResult,
    call_id=WORDS,
    parts=st.lists(said | images | documents, max_size=3).map(tuple),
    is_error=st.booleans(),
    cache_s=CACHE,
)
calls = st.builds(ToolCall, WORDS, WORDS, JSON_TEXTS | st.sampled_from(["", "{", "[1]", "null"]), CACHE)
calls |= st.builds(ToolCall, WORDS, WORDS, JSON_TEXTS, signature=WORDS, maker=MAKERS)
used = st.builds(
    lambda call_id, maker: ProviderCall(id=call_id, kind="web_search", native=_used(call_id), maker=maker),
    WORDS,
    MAKERS,
)
thoughts = (
    st.builds(Reasoning, TEXTS) | st.builds(Reasoning, TEXTS, WORDS, MAKERS) | st.builds(HiddenReasoning, WORDS, MAKERS)
)
user_turns = st.builds(
    Turn,
    st.just(Role.USER),
    st.lists(said | images | documents | results | thoughts, max_size=4).map(tuple),
    maybe(WORDS),
)
model_turns = st.builds(
    Turn,
    st.just(Role.ASSISTANT),
    st.lists(told | calls | thoughts | used | st.builds(Refusal, TEXTS), max_size=4).map(tuple),
)
system_turns = st.builds(Turn, st.just(Role.SYSTEM), st.lists(said, max_size=2).map(tuple))
tools = st.builds(Tool, name=WORDS, description=maybe(TEXTS), schema=maybe(JSON_TEXTS), strict=MAYBE, cache_s=CACHE)
choices = st.sampled_from(["auto", "none", "required"]).map(ToolChoice)
searches = st.builds(
    lambda uses, domains, place, size: ProviderTool(
        kind="web_search",
        search=WebSearch(max_uses=uses, allowed_domains=domains, location=place, context_size=size),
    ),
    maybe(st.integers(1, 9)),
    st.lists(WORDS, max_size=2).map(tuple),
    st.sampled_from([(), (("city", "Paris"), ("country", "FR"))]),
    maybe(st.just("low")),
)
searches |= st.just(ProviderTool(kind="google_maps", native="{}", maker="gemini"))
efforts = st.sampled_from([None, "minimal", "low", "medium", "high", "xhigh", "max", "vast"])


@st.composite
def chats(draw: st.DrawFn) -> Chat:
    offered = draw(st.lists(tools, max_size=2, unique_by=lambda tool: tool.name).map(tuple))
    named = st.sampled_from([ToolChoice("required", tool.name) for tool in offered]) if offered else st.none()
    return Chat(
        turns=draw(st.lists(user_turns | model_turns | system_turns, min_size=1, max_size=6).map(tuple)),
        tools=offered,
        tool_choice=draw(maybe(choices | named)),
        parallel_tool_calls=draw(MAYBE),
        max_output_tokens=draw(maybe(st.integers(0, 10_000))),
        temperature=draw(maybe(st.sampled_from([0.0, 0.5, 1.0, 1.5, 2.0]))),
        top_p=draw(maybe(st.sampled_from([0.1, 0.96, 1.0]))),
        top_k=draw(maybe(st.integers(1, 100))),
        stop=draw(st.lists(TEXTS, max_size=3).map(tuple)),
        seed=draw(maybe(st.integers(0, 9))),
        presence_penalty=draw(maybe(st.just(0.5))),
        frequency_penalty=draw(maybe(st.just(0.5))),
        format=draw(
            maybe(st.builds(Format, schema=JSON_TEXTS, name=maybe(WORDS), description=maybe(TEXTS), strict=MAYBE))
        ),
        thinking=draw(
            maybe(
                st.builds(Thinking, is_on=st.booleans(), budget_tokens=maybe(st.integers(1024, 4096)), effort=efforts)
            )
        ),
        user=draw(maybe(TEXTS | st.just("u" * 300))),
        service_tier=draw(st.sampled_from([None, "auto", "default", "flex", "priority"])),
        provider_tools=draw(st.lists(searches, max_size=1).map(tuple)),
        logprobs=draw(st.sampled_from([None, True])),
        top_logprobs=draw(maybe(st.integers(0, 5))),
        verbosity=draw(maybe(st.just("low"))),
        cache_key=draw(maybe(WORDS)),
    )


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    cached, written = draw(maybe(st.integers(0, 50))), draw(maybe(st.integers(0, 50)))
    completion = draw(st.integers(1, 1000))
    return Usage(
        prompt_tokens=draw(st.integers(1, 1000)) + (cached or 0) + (written or 0),
        completion_tokens=completion,
        cached_tokens=cached,
        cache_write_tokens=written,
        reasoning_tokens=draw(maybe(st.integers(0, completion))),
        cache_write_1h_tokens=draw(st.integers(1, written)) if written and draw(st.booleans()) else None,
        service_tier=draw(st.sampled_from([None, "priority", "batch"])),
    )


def _alternating(parts: list[Part]) -> bool:
    """Neighbours of one kind would be one in a stream."""
    kinds = [type(part) for part in parts]
    return all(
        one is not other or one is ToolCall or one is HiddenReasoning for one, other in itertools.pairwise(kinds)
    )


@st.composite
def replies(draw: st.DrawFn) -> Reply:
    text = st.builds(Text, TEXTS.filter(bool), citations=CITATIONS)
    signed = st.builds(Reasoning, TEXTS, WORDS, st.just("anthropic")) | st.builds(Reasoning, TEXTS.filter(bool))
    called = st.builds(ToolCall, WORDS, WORDS, OBJECTS.map(lambda value: json.dumps(value, separators=(",", ":"))))
    parts = draw(
        st.lists(
            text | signed | called | st.builds(HiddenReasoning, WORDS, st.just("anthropic")), min_size=1, max_size=5
        ).filter(_alternating)
    )
    any_call = any(isinstance(part, ToolCall) for part in parts)
    finish = draw(st.sampled_from([one for one in Finish if not (one is Finish.STOP and any_call)]))
    stop = draw(WORDS) if finish is Finish.STOP_SEQUENCE else None
    return Reply(
        id=draw(WORDS), model=draw(WORDS), parts=tuple(parts), finish=finish, stop_sequence=stop, usage=draw(usages()),
        blocked_for=draw(st.sampled_from([(), ("bio",)])) if finish is Finish.REFUSAL else (),
    )  # fmt: skip


@st.composite
def streamed(draw: st.DrawFn, reply: Reply) -> list[Event]:
    """The reply as events, its texts cut anywhere; usage at its end."""
    events: list[Event] = [Began(reply.id, reply.model)]
    called = 0
    for part in reply.parts:
        if isinstance(part, Text):
            events += map(Cited, part.citations)
            events += [TextDelta(piece) for piece in draw(pieces(part.text))]
        elif isinstance(part, Reasoning):
            events += [ReasoningDelta(piece) for piece in draw(pieces(part.text))]
            events += [ReasoningSigned(part.signature, part.maker)] if part.signature else []
        elif isinstance(part, ToolCall):
            events.append(ToolCallBegan(called, part.id, part.name))
            events += [ToolCallDelta(called, piece) for piece in draw(pieces(part.arguments))]
            called += 1
        elif isinstance(part, HiddenReasoning):
            events.append(part)
    assert reply.usage is not None
    return [*events, Ended(reply.finish, reply.stop_sequence, reply.blocked_for), Used(reply.usage)]


@st.composite
def pieces(draw: st.DrawFn, text: str) -> list[str]:
    edges = sorted(draw(st.lists(st.integers(0, len(text)), max_size=4)))
    cut = [text[a:b] for a, b in zip([0, *edges], [*edges, len(text)], strict=True)]
    return [piece for piece in cut if piece]
