"""One example of each feature: of requests as chats, or as bodies of a caller's dialect whose provider side has no word for it;
and of answers. In `maker`, `ASKS` and `ANSWERS` stand for the caller's dialect and the provider's.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

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
    ProviderCall,
    ProviderTool,
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
    WebSearch,
)
from gateway.values.usage import Usage

BASE: dict[str, Any] = {"model": "m", "max_tokens": 64, "messages": [{"role": "user", "content": "Hello."}]}
_HELLO = Turn(Role.USER, (Text("Hello."),))
_TOOL = Tool(name="f", description="Looks.", schema='{"type":"object","properties":{}}')
_SCHEMA = '{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}'
_CALL = ToolCall("call_1", "f", "{}")


def _chat(*turns: Turn, **more: Any) -> Chat:
    return Chat(turns=turns or (_HELLO,), max_output_tokens=more.pop("max_output_tokens", 64), **more)


def _asked(*parts: Part) -> Chat:
    return _chat(Turn(Role.USER, (*parts, Text("Look."))))


def _said(*parts: Part) -> Chat:
    return _chat(_HELLO, Turn(Role.ASSISTANT, (*parts, Text("Hi."))), _HELLO)


def _given(result: ToolResult) -> Chat:
    return _chat(_HELLO, Turn(Role.ASSISTANT, (_CALL,)), Turn(Role.USER, (result,)), tools=(_TOOL,))


REQUESTS: dict[str, Chat] = {
    "text": _chat(),
    "system text": _chat(Turn(Role.SYSTEM, (Text("Be brief."),)), _HELLO),
    "system text between turns": _chat(_HELLO, Turn(Role.SYSTEM, (Text("Be brief."),)), _HELLO),
    "name of a participant": _chat(Turn(Role.USER, (Text("Hello."),), "ann")),
    "no bound of the answer": _chat(max_output_tokens=None),
    "image, data": _asked(Image(media_type="image/png", data="QUJD")),
    "image, URL": _asked(Image(url="https://example.com/a.png")),
    "image, detail": _asked(Image(url="https://example.com/a.png", detail="low")),
    "file, data": _asked(Document(media_type="application/pdf", data="QUJD", name="a.pdf")),
    "file, text": _asked(Document(media_type="text/plain", data="One.")),
    "file by its id": _asked(Document(file_id="file_1", maker="ASKS")),
    "file that is to be cited": _asked(Document(media_type="application/pdf", data="QUJD", name="a.pdf", cites=True)),
    "audio": _asked(Audio("QUJD", "wav")),
    "tools": _chat(tools=(_TOOL,)),
    "tools, strict": _chat(tools=(Tool(name="f", schema=_SCHEMA, strict=True),)),
    "tool choice: any": _chat(tools=(_TOOL,), tool_choice=ToolChoice("required")),
    "tool choice: one by name": _chat(tools=(_TOOL,), tool_choice=ToolChoice("required", "f")),
    "no parallel calls": _chat(tools=(_TOOL,), parallel_tool_calls=False),
    "result of a tool": _given(ToolResult(call_id="call_1", parts=(Text("18"),))),
    "result that is an error": _given(ToolResult(call_id="call_1", parts=(Text("no"),), is_error=True)),
    "image in a result": _given(
        ToolResult(call_id="call_1", parts=(Text("18"), Image(media_type="image/png", data="QUJD")))
    ),
    "search of the web": _chat(provider_tools=(ProviderTool(kind="web_search", search=WebSearch()),)),
    "other tool of the provider": _chat(
        provider_tools=(ProviderTool(kind="code_execution", native="{}", maker="ASKS"),)
    ),
    "JSON by a schema": _chat(format=Format(schema=_SCHEMA, name="answer", strict=True)),
    "JSON without a schema": _chat(format=Format()),
    "temperature": _chat(temperature=0.5),
    "temperature above 1": _chat(temperature=1.5),
    "top_p": _chat(top_p=0.9),
    "top_k": _chat(top_k=5),
    "penalties": _chat(presence_penalty=0.5, frequency_penalty=0.5),
    "seed": _chat(seed=1),
    "stop sequences": _chat(stop=("END",)),
    "log probabilities": _chat(logprobs=True, top_logprobs=2),
    "effort of thinking": _chat(thinking=Thinking(effort="low")),
    "budget of thinking": _chat(thinking=Thinking(budget_tokens=2048), max_output_tokens=4096),
    "no thinking": _chat(thinking=Thinking(is_on=False)),
    "verbosity": _chat(verbosity="low"),
    "earlier thought, not signed": _said(Reasoning("Hm.")),
    "earlier thought, the provider's own": _said(Reasoning("Hm.", "c2ln", "ANSWERS")),
    "earlier thought, encrypted, its own": _said(HiddenReasoning("ZGF0YQ==", "ANSWERS")),
    "earlier thought of another provider": _said(Reasoning("Hm.", "c2ln", "another")),
    "earlier refusal": _said(Refusal("No.")),
    "who asks": _chat(user="u-1"),
    "cached prompt, marked": _chat(Turn(Role.USER, (Text("Hello.", 300),))),
    "cached prompt, by a key": _chat(cache_key="k"),
    "service tier: flex": _chat(service_tier="flex"),
}  # fmt: skip

_Body = Callable[[str], dict[str, Any]]


def _openai(**more: Any) -> dict[str, Any]:
    return {**BASE, **more}


def _openai_after(thought: dict[str, Any]) -> dict[str, Any]:
    said = {"role": "assistant", "content": "Hi.", **thought}
    return _openai(messages=[*BASE["messages"], said, *BASE["messages"]])


def _detail(kind: str, maker: str, **more: Any) -> dict[str, Any]:
    return {"reasoning_details": [{"type": f"reasoning.{kind}", "format": maker, "index": 0, **more}]}


def _anthropic_after(block: dict[str, Any]) -> dict[str, Any]:
    said = {"role": "assistant", "content": [block, {"type": "text", "text": "Hi."}]}
    return {**BASE, "messages": [*BASE["messages"], said, *BASE["messages"]]}


def _marked(maker: str, payload: str) -> str:
    return payload if maker == "anthropic" else f"{maker}:{payload}"


def _responses(**more: Any) -> dict[str, Any]:
    return {"model": "m", "input": "Hello.", **more}


def _responses_after(thought: str | None, content: str | None = None) -> dict[str, Any]:
    summary = [] if thought is None else [{"type": "summary_text", "text": thought}]
    item = {"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": content}
    user = {"role": "user", "content": "Hello."}
    return _responses(input=[user, item, {"role": "assistant", "content": "Hi."}, user])


_THOUGHT, _OWN, _HIDDEN = (
    "earlier thought, not signed",
    "earlier thought, the provider's own",
    "earlier thought, encrypted, its own",
)
_OF_ANOTHER = "earlier thought of another provider"
# what callers of a dialect say, and its provider side does not
BODIES: dict[str, dict[str, _Body]] = {
    "openai": {
        "search of the web": lambda _: _openai(web_search_options={}),
        "cached prompt, marked": lambda _: _openai(
            messages=[
                {"role": "user", "content": [{"type": "text", "text": "Hi.", "cache_control": {"type": "ephemeral"}}]}
            ]
        ),
        "no thinking": lambda _: _openai(reasoning_effort="none"),
        _THOUGHT: lambda _: _openai_after({"reasoning_content": "Hm."}),
        _OWN: lambda maker: _openai_after(_detail("text", maker, text="Hm.", signature="c2ln")),
        _HIDDEN: lambda maker: _openai_after(_detail("encrypted", maker, data="ZGF0YQ==")),
        _OF_ANOTHER: lambda _: _openai_after(_detail("text", "another", text="Hm.", signature="c2ln")),
    },
    "anthropic": {
        "JSON by a schema": lambda _: {
            **BASE, "output_config": {"format": {"type": "json_schema", "schema": json.loads(_SCHEMA)}}
        },
        "other tool of the provider": lambda _: {
            **BASE, "tools": [{"type": "code_execution_20250825", "name": "code_execution"}]
        },
        _THOUGHT: lambda _: _anthropic_after({"type": "thinking", "thinking": "Hm.", "signature": ""}),
        _OWN: lambda maker: _anthropic_after(
            {"type": "thinking", "thinking": "Hm.", "signature": _marked(maker, "c2ln")}
        ),
        _HIDDEN: lambda maker: _anthropic_after({"type": "redacted_thinking", "data": _marked(maker, "ZGF0YQ==")}),
        _OF_ANOTHER: lambda _: _anthropic_after({"type": "thinking", "thinking": "Hm.", "signature": "another:c2ln"}),
    },
}  # fmt: skip

BODIES["responses"] = {
    "search of the web": lambda _: _responses(tools=[{"type": "web_search"}]),
    "other tool of the provider": lambda _: _responses(
        tools=[{"type": "code_interpreter", "container": {"type": "auto"}}]
    ),
    "penalties": lambda _: _responses(presence_penalty=0.5, frequency_penalty=0.5),
    "log probabilities": lambda _: _responses(include=["message.output_text.logprobs"], top_logprobs=2),
    "no thinking": lambda _: _responses(reasoning={"effort": "none"}),
    _THOUGHT: lambda _: _responses_after("Hm."),
    _OWN: lambda maker: _responses_after("Hm.", f"gw1.s.{maker}.c2ln"),
    _HIDDEN: lambda maker: _responses_after(None, f"gw1.h.{maker}.ZGF0YQ=="),
    _OF_ANOTHER: lambda _: _responses_after("Hm.", "gw1.s.another.c2ln"),
}

_USAGE = Usage(prompt_tokens=9, completion_tokens=9)


def _reply(*parts: Part, **more: Any) -> Reply:
    finish = more.pop("finish", Finish.STOP)
    return Reply(
        id="r", model="m", parts=parts or (Text("Hi."),), finish=finish, usage=more.pop("usage", _USAGE), **more
    )


_PAGE = Citation(url="https://example.com", title="A page", quote="so")
_FROM_FILE = Citation(document=0, title="a.pdf", quote="so")
# by feature an answer that has it, and the word that says so
ANSWERS: dict[str, tuple[Reply, str]] = {
    "text": (_reply(), "text"),
    "call of a tool": (_reply(_CALL, finish=Finish.TOOL_CALLS), "call"),
    "signature of a call": (
        _reply(ToolCall("call_1", "f", "{}", signature="c2ln", maker="another"), finish=Finish.TOOL_CALLS),
        "signed call",
    ),
    "thought": (_reply(Reasoning("Hm."), Text("Hi.")), "thought"),
    "signature of a thought": (_reply(Reasoning("Hm.", "c2ln", "another"), Text("Hi.")), "signature"),
    "thought, encrypted": (_reply(HiddenReasoning("ZGF0YQ==", "another"), Text("Hi.")), "hidden"),
    "citation of a page": (_reply(Text("Hi.", citations=(_PAGE,))), "page"),
    "citation of a file": (_reply(Text("Hi.", citations=(_FROM_FILE,))), "citation"),
    "call of the provider's own tool": (
        _reply(ProviderCall(id="s", kind="web_search", native="{}", maker="another"), Text("Hi.")),
        "own call",
    ),
    "log probabilities": (_reply(logprobs=(TokenLogprob("Hi.", -0.5),)), "logprobs"),
    "refusal, in words": (_reply(Refusal("No."), finish=Finish.REFUSAL), "refusal"),
    "stopped by a filter": (_reply(finish=Finish.REFUSAL), Finish.REFUSAL.value),
    "category of the filter": (_reply(finish=Finish.REFUSAL, blocked_for=("hate",)), "category"),
    "stopped by the bound": (_reply(finish=Finish.LENGTH), Finish.LENGTH.value),
    "stopped by a sequence, which": (_reply(finish=Finish.STOP_SEQUENCE, stop_sequence="END"), "sequence"),
    "usage": (_reply(), "usage"),
    "usage: read from a cache": (_reply(usage=Usage(prompt_tokens=9, completion_tokens=9, cached_tokens=3)), "cached"),
    "usage: written to a cache": (
        _reply(usage=Usage(prompt_tokens=9, completion_tokens=9, cache_write_tokens=3)),
        "written",
    ),
    "usage: thoughts": (
        _reply(usage=Usage(prompt_tokens=9, completion_tokens=9, reasoning_tokens=3)),
        "reasoning tokens",
    ),
}


def words_of_reply(reply: Reply) -> set[str]:
    """What an answer says."""
    return words_of_events([*events_of(reply)])


def events_of(reply: Reply) -> Sequence[Event]:
    """The answer as it is streamed."""
    events: list[Event] = [Began(reply.id, reply.model)]
    for part in reply.parts:
        events += _streamed(part)
    if reply.logprobs:
        events.append(Logprobs(reply.logprobs))
    events.append(Ended(reply.finish, reply.stop_sequence, reply.blocked_for))
    return events if reply.usage is None else [*events, Used(reply.usage)]


def _streamed(part: Part) -> list[Event]:
    if isinstance(part, Text):
        return [*map(Cited, part.citations), TextDelta(part.text)]
    if isinstance(part, Reasoning):
        signed = [] if part.signature is None else [ReasoningSigned(part.signature, part.maker)]
        return [ReasoningDelta(part.text), *signed]
    if isinstance(part, ToolCall):
        return [ToolCallBegan(0, part.id, part.name, part.signature, part.maker), ToolCallDelta(0, part.arguments)]
    if isinstance(part, Refusal):
        return [RefusalDelta(part.text)]
    return [part] if isinstance(part, HiddenReasoning | ProviderCall) else []


_WORDS: dict[type, str] = {
    TextDelta: "text", ReasoningDelta: "thought", ReasoningSigned: "signature", HiddenReasoning: "hidden",
    RefusalDelta: "refusal", ToolCallBegan: "call", Logprobs: "logprobs", ProviderCall: "own call", Cited: "citation",
}  # fmt: skip


def words_of_events(events: Sequence[Event]) -> set[str]:
    """What a stream says."""
    words = {_WORDS[type(event)] for event in events if type(event) in _WORDS}
    for event in events:
        if isinstance(event, ToolCallBegan | HiddenReasoning) and _signs_call(event):
            words.add("signed call")
        elif isinstance(event, Cited) and event.citation.url is not None:
            words.add("page")
        elif isinstance(event, Ended):
            words |= {event.finish.value, *(["sequence"] if event.stop_sequence else [])}
            words |= {"category"} if event.blocked_for else set()
        elif isinstance(event, Used):
            words |= _of_usage(event.usage)
    return words


def _signs_call(event: ToolCallBegan | HiddenReasoning) -> bool:
    """Messages says it as a hidden thought before the call."""
    return "+call:" in event.data if isinstance(event, HiddenReasoning) else event.signature is not None


def _of_usage(usage: Usage) -> set[str]:
    parts = {
        "cached": usage.cached_tokens, "written": usage.cache_write_tokens, "reasoning tokens": usage.reasoning_tokens,
    }  # fmt: skip
    return {"usage", *(word for word, count in parts.items() if count)}
