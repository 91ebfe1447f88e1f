"""What the model says, and OpenAI's two ways of saying it: a whole chat completion, or chunks of one.

Shapes: CreateChatCompletionResponse and CreateChatCompletionStreamResponse of OpenAI's OpenAPI description 2.3.0.
"""

from dataclasses import dataclass, field
from typing import Any

from tests.fake_upstream import texts, vectors
from tests.fake_upstream.call import Call, Kind
from tests.fake_upstream.said import said
from tests.fake_upstream.wire import DONE, as_json

CREATED = 1_795_435_000  # a fixed instant, so that the same request has the same bytes


@dataclass(frozen=True)
class Tool:
    """A tool call; `arguments` come in these pieces."""

    name: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Script:
    """What is said, in pieces: a piece is a token and a chunk. `extra` goes into the top of every body."""

    content: tuple[str, ...] = ()
    finish: str | None = "stop"
    reasoning: tuple[str, ...] = ()
    reasoning_field: str = "reasoning"
    refusal: tuple[str, ...] = ()
    tools: tuple[Tool, ...] = ()
    logprobs: bool = False
    cached_tokens: int = 0
    model: str | None = None
    echoes: bool = False  # each choice answers its own prompt
    extra: dict[str, Any] = field(default_factory=dict)

    def tokens(self) -> int:
        """Completion tokens of one choice, reasoning included."""
        tools = sum(len(tool.arguments) + 1 for tool in self.tools)
        return len(self.content) + len(self.reasoning) + len(self.refusal) + tools


@dataclass(frozen=True)
class Stream:
    """A stream's payloads (JSON, without framing) by part; `content` is every delta between role and finish."""

    role: list[bytes]
    content: list[bytes]
    finish: list[bytes]
    usage: list[bytes]

    def before_done(self) -> list[bytes]:
        """All but the end marker."""
        return [*self.role, *self.content, *self.finish, *self.usage]

    def all(self) -> list[bytes]:
        """The complete, good stream."""
        return [*self.before_done(), DONE]


def counted(tokens: int = 16) -> Script:
    """Numbers from 0: a reader sees at once what is missing, and what came twice."""
    return Script(tuple(f" {number}" if number else "0" for number in range(tokens)))


def echo(call: Call) -> Script:
    """What `ok` says: the last user text, or each prompt, with log probabilities where the request asks for them."""
    wanted = call.fields.get("logprobs")
    return Script(said(f"You said: {call.text}"), logprobs=wanted is True or wanted == 1, echoes=True)


def whole(call: Call, script: Script) -> dict[str, Any]:
    """A chat completion with `n` choices; beside chat, what the request asks for."""
    if call.kind is Kind.COMPLETIONS:
        return {**_top(call, script, texts.OBJECT), "choices": texts.whole(call, script), "usage": usage(call, script)}
    if call.kind is Kind.EMBEDDINGS:
        return vectors.whole(call)
    choices = [
        {
            "index": index,
            "message": _message(script),
            "logprobs": _logprobs(script.content) if script.logprobs else None,
            "finish_reason": script.finish,
        }
        for index in range(call.n)
    ]
    return {**_top(call, script, "chat.completion"), "choices": choices, "usage": usage(call, script)}


def stream(call: Call, script: Script) -> Stream:
    """The chunks of a chat completion, or of a completion, which has no role; the choices take turns."""
    if call.kind is Kind.COMPLETIONS:
        top = _top(call, script, texts.OBJECT)
        content, finish = texts.chunks(call, script, top)
        return Stream([], content, finish, [usage_chunk(call, script)] if call.include_usage else [])
    role = {"role": "assistant", "content": None if script.tools else "", "refusal": None}
    deltas = _deltas(script)
    every = range(call.n)
    return Stream(
        [_chunk(call, script, index, role) for index in every],
        [_chunk(call, script, index, delta) for delta in deltas for index in every],
        [_chunk(call, script, index, {}, script.finish) for index in every],
        [usage_chunk(call, script)] if call.include_usage else [],
    )


def usage(call: Call, script: Script) -> dict[str, Any]:
    """CompletionUsage, details included."""
    completion = script.tokens() * call.n
    return {
        "prompt_tokens": call.prompt_tokens,
        "completion_tokens": completion,
        "total_tokens": call.prompt_tokens + completion,
        "prompt_tokens_details": {"cached_tokens": min(script.cached_tokens, call.prompt_tokens), "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": len(script.reasoning) * call.n, "audio_tokens": 0},
    }


def usage_chunk(call: Call, script: Script) -> bytes:
    """The last chunk of a stream that was asked for usage: no choices."""
    kind = "chat.completion.chunk" if call.kind is Kind.CHAT else texts.OBJECT
    return as_json({**_top(call, script, kind), "choices": [], "usage": usage(call, script)})


def _top(call: Call, script: Script, kind: str) -> dict[str, Any]:
    return {
        "id": call.id,
        "object": kind,
        "created": CREATED,
        "model": script.model or call.model,
        "service_tier": "default",
        "system_fingerprint": "fp_fake",
        **script.extra,
    }


def _chunk(call: Call, script: Script, index: int, delta: dict[str, Any], finish: str | None = None) -> bytes:
    piece = delta.get("content")
    logprobs = _logprobs((piece,)) if script.logprobs and piece else None
    choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
    body = {**_top(call, script, "chat.completion.chunk"), "choices": [choice]}
    return as_json({**body, "usage": None} if call.include_usage else body)


def _message(script: Script) -> dict[str, Any]:
    only_else = not script.content and (script.tools or script.refusal)
    message: dict[str, Any] = {
        "role": "assistant",
        "content": None if only_else else "".join(script.content),
        "refusal": "".join(script.refusal) or None,
        "annotations": [],
    }
    if script.reasoning:
        message[script.reasoning_field] = "".join(script.reasoning)
    if script.tools:
        message["tool_calls"] = [_tool(index, tool, "".join(tool.arguments)) for index, tool in enumerate(script.tools)]
    return message


def _tool(index: int, tool: Tool, arguments: str) -> dict[str, Any]:
    return {"id": f"call_{index}", "type": "function", "function": {"name": tool.name, "arguments": arguments}}


def _deltas(script: Script) -> list[dict[str, Any]]:
    deltas: list[dict[str, Any]] = [{script.reasoning_field: piece} for piece in script.reasoning]
    deltas += [{"content": piece} for piece in script.content]
    deltas += [{"refusal": piece} for piece in script.refusal]
    for index, tool in enumerate(script.tools):
        deltas.append({"tool_calls": [{"index": index, **_tool(index, tool, "")}]})
        deltas += [{"tool_calls": [{"index": index, "function": {"arguments": piece}}]} for piece in tool.arguments]
    return deltas


def _logprobs(pieces: tuple[str, ...]) -> dict[str, Any]:
    tokens = [{"token": piece, "logprob": -0.25, "bytes": list(piece.encode()), "top_logprobs": []} for piece in pieces]
    return {"content": tokens, "refusal": None}
