"""A whole chat completion, read into the canonical reply, and written from one."""

import contextlib
from typing import Any

import msgspec

from gateway.dialects.openai.annotations import annotations_body, citations_of
from gateway.dialects.openai.asked_messages import MAKER
from gateway.dialects.openai.filters import blocked_for, filter_results
from gateway.dialects.openai.logprobs import logprobs_body, logprobs_of
from gateway.dialects.openai.reasoning_details import call_signatures, encrypted_entry, text_entry, thoughts_of
from gateway.dialects.openai.reported_usage import read_usage
from gateway.dialects.openai.wire import ABSENT
from gateway.values.chat import (
    Finish,
    HiddenReasoning,
    Part,
    Reasoning,
    Refusal,
    Reply,
    Text,
    ToolCall,
)
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.request import Request
from gateway.values.surrogates import without_lone_surrogates
from gateway.values.usage import Usage

FINISHES = {
    "stop": Finish.STOP, "eos": Finish.STOP, "eos_token": Finish.STOP, "stop_sequence": Finish.STOP_SEQUENCE,
    "length": Finish.LENGTH, "model_length": Finish.LENGTH, "model_context_window_exceeded": Finish.LENGTH,
    "tool_calls": Finish.TOOL_CALLS, "function_call": Finish.TOOL_CALLS,
    "content_filter": Finish.REFUSAL, "sensitive": Finish.REFUSAL,
}  # fmt: skip
REASONS = {
    Finish.STOP: "stop", Finish.STOP_SEQUENCE: "stop", Finish.LENGTH: "length", Finish.TOOL_CALLS: "tool_calls",
    Finish.REFUSAL: "content_filter", Finish.PAUSE: "stop",
}  # fmt: skip


class _Function(msgspec.Struct, gc=False):
    name: str = ""
    arguments: str | None = None


class _Call(msgspec.Struct, gc=False):
    id: str | None = None
    function: _Function | None = None


class _Piece(msgspec.Struct, gc=False):
    text: str | None = None


class _Message(msgspec.Struct, gc=False):
    content: str | list[_Piece] | None = None
    refusal: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    reasoning_details: msgspec.Raw = ABSENT
    tool_calls: list[_Call] | None = None
    function_call: _Function | None = None
    annotations: msgspec.Raw = ABSENT


class _Choice(msgspec.Struct, gc=False):
    message: _Message
    finish_reason: str | None = None
    stop_reason: str | int | None = None  # vLLM's: the sequence that ended it
    logprobs: msgspec.Raw = ABSENT
    content_filter_results: msgspec.Raw = ABSENT


class _Body(msgspec.Struct, gc=False):
    choices: list[_Choice]
    id: str | int | None = None
    model: str | None = None
    usage: msgspec.Raw = ABSENT
    service_tier: msgspec.Raw = ABSENT


_decode = msgspec.json.Decoder(_Body).decode
_encode = msgspec.json.Encoder().encode


def reply_of(body: bytes) -> Reply:
    """Of the first choice. Raises AttemptFailed if it holds what cannot be read."""
    found = _read(body)
    choice = found.choices[0]
    finish, sequence = finish_of(choice.finish_reason, choice.stop_reason)
    return Reply(
        id=str(found.id or ""),
        model=found.model or "",
        parts=tuple(_parts(choice.message)),
        finish=finish,
        stop_sequence=sequence,
        usage=read_usage(found.usage, found.service_tier).usage,
        blocked_for=blocked_for(choice.content_filter_results),
        logprobs=logprobs_of(choice.logprobs),
    )


def _read(body: bytes) -> _Body:
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _decode(body)
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _decode(without_lone_surrogates(body))
    raise AttemptFailed(Outcome.MALFORMED_ANSWER, "an answer that cannot be translated")


def finish_of(reason: str | None, stop_reason: str | int | None) -> tuple[Finish, str | None]:
    """Why it ended, and by which sequence. A reason that nobody knows is a stop."""
    finish = FINISHES.get(reason or "", Finish.STOP)
    if finish is Finish.STOP and isinstance(stop_reason, str):
        return Finish.STOP_SEQUENCE, stop_reason
    return finish, None


def via(maker: str | None) -> str:
    """Who made a signature that a server of this dialect gives: that one, whosoever it has it from."""
    return MAKER if maker is None else f"{MAKER}/{maker}"


def _parts(message: _Message) -> list[Part]:
    thoughts = thoughts_of(message.reasoning_details, message.reasoning_content or message.reasoning)
    parts: list[Part] = [
        one
        if isinstance(one, Reasoning) and one.signature is None
        else msgspec.structs.replace(one, maker=via(one.maker))
        for one in thoughts
    ]
    signed = call_signatures(message.reasoning_details)
    content = message.content
    text = content if isinstance(content, str) else "".join(piece.text or "" for piece in content or ())
    if text:
        parts.append(Text(text, citations=citations_of(message.annotations)))
    if message.refusal:
        parts.append(Refusal(message.refusal))
    for at, call in enumerate(message.tool_calls or ()):
        function = call.function or _Function()
        signature, maker = signed.get(call.id or "", (None, None))
        made_by = None if signature is None else via(maker)
        call_id, arguments = call.id or f"call_{at}", function.arguments or "{}"
        parts.append(ToolCall(call_id, function.name, arguments, signature=signature, maker=made_by))
    if message.function_call is not None:
        function = message.function_call
        parts.append(ToolCall("call_0", function.name, function.arguments or "{}"))
    return parts


def whole(reply: Reply, request: Request) -> bytes:
    """A chat completion."""
    choice: dict[str, Any] = {
        "index": 0, "message": _message(reply.parts), "logprobs": logprobs_body(reply.logprobs),
        "finish_reason": REASONS[reply.finish],
    }  # fmt: skip
    if reply.blocked_for:
        choice["content_filter_results"] = filter_results(reply.blocked_for)
    body: dict[str, Any] = {
        "id": reply.id, "object": "chat.completion", "created": request.arrived_at, "model": reply.model,
        "choices": [choice],
    }  # fmt: skip
    if reply.usage is not None:
        body["usage"] = usage_body(reply.usage)
        if reply.usage.service_tier is not None:
            body["service_tier"] = reply.usage.service_tier
    return _encode(body)


def _message(parts: tuple[Part, ...]) -> dict[str, Any]:
    texts = [part.text for part in parts if isinstance(part, Text)]
    refusals = [part.text for part in parts if isinstance(part, Refusal)]
    thoughts = [part for part in parts if isinstance(part, Reasoning | HiddenReasoning)]
    calls = [part for part in parts if isinstance(part, ToolCall)]
    said: dict[str, Any] = {
        "role": "assistant", "content": "".join(texts) if texts or not calls else None,
        "refusal": "".join(refusals) if refusals else None,
    }  # fmt: skip
    if annotations := annotations_body([part for part in parts if isinstance(part, Text)]):
        said["annotations"] = annotations
    if thoughts:
        said["reasoning_content"] = "".join(one.text for one in thoughts if isinstance(one, Reasoning)) or None
        said["reasoning_details"] = [
            text_entry(at, one.text, one.signature, one.maker)
            if isinstance(one, Reasoning)
            else encrypted_entry(at, one.data, one.maker)
            for at, one in enumerate(thoughts)
        ]
    signed = [one for one in calls if one.signature is not None]
    if signed:
        said.setdefault("reasoning_details", []).extend(
            encrypted_entry(at, one.signature or "", one.maker, one.id) for at, one in enumerate(signed, len(thoughts))
        )
    if calls:
        said["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in calls
        ]
    return said


def usage_body(usage: Usage) -> dict[str, Any]:
    """`usage` with the parts that are known."""
    of_prompt = {"cached_tokens": usage.cached_tokens, "cache_write_tokens": usage.cache_write_tokens,
                 "audio_tokens": usage.audio_prompt_tokens}  # fmt: skip
    of_completion = {"reasoning_tokens": usage.reasoning_tokens, "audio_tokens": usage.audio_completion_tokens}
    body: dict[str, Any] = {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }
    for name, parts in (("prompt_tokens_details", of_prompt), ("completion_tokens_details", of_completion)):
        known = {part: tokens for part, tokens in parts.items() if tokens is not None}
        if known:
            body[name] = known
    return body
