"""A whole message as a reply, and back."""

from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.dialects.anthropic.citations import citation_body, citations_of
from gateway.dialects.anthropic.marks import MAKER, marked_for_call
from gateway.dialects.anthropic.own_tools import Used, native_of, used_part
from gateway.dialects.anthropic.reported_usage import read_usage
from gateway.dialects.anthropic.stop import finish_of, reason_of
from gateway.dialects.anthropic.wire import Block, Message, category_of, explanation_of, is_present, read
from gateway.dialects.anthropic.write_parts import call_block, id_of, thought_block
from gateway.values.chat import (
    Citation,
    Finish,
    HiddenReasoning,
    Part,
    ProviderCall,
    ProviderResult,
    Reasoning,
    Refusal,
    Reply,
    Text,
    ToolCall,
)
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.usage import Usage

_decoder = msgspec.json.Decoder(Message)
_encode = msgspec.json.Encoder().encode
_TIERS = frozenset({"priority", "batch"})


def read_reply(body: bytes) -> Reply:
    """A message that was found to be one."""
    message = read(_decoder, body)
    if message is None or message.content is None:
        raise AttemptFailed(Outcome.MALFORMED_ANSWER, "the body is not a message")
    parts = [part for part in map(_part, message.content) if part is not None]
    finish = finish_of(message.stop_reason, calls=any(isinstance(part, ToolCall) for part in parts))
    explanation = explanation_of(message.stop_details) if finish is Finish.REFUSAL else None
    if explanation and not any(isinstance(part, Text) for part in parts):
        parts.append(Refusal(explanation))
    return Reply(
        id=message.id or "",
        model=message.model or "",
        parts=tuple(parts),
        finish=finish,
        stop_sequence=message.stop_sequence,
        usage=read_usage(message.usage).usage,
        blocked_for=category_of(message.stop_details) if finish is Finish.REFUSAL else (),
    )


def write_reply(reply: Reply) -> bytes:
    """A message for a caller."""
    content: list[dict[str, Any]] = []
    calls = 0
    for part in reply.parts:
        if isinstance(part, ToolCall):
            if part.signature is not None:
                content.append({"type": "redacted_thinking", "data": marked_for_call(part.signature, part.maker)})
            content.append({**call_block(part)[0], "id": answered_id(part.id, reply.id, calls)})
            calls += 1
        elif isinstance(part, Reasoning | HiddenReasoning):
            content.append(thought_block(part))
        elif isinstance(part, Text | Refusal) and part.text:
            content.append(text_block(part.text, part.citations if isinstance(part, Text) else ()))
    refuses = any(isinstance(part, Refusal) for part in reply.parts)
    message = start_of(reply.id, reply.model)
    message["content"] = content
    message["stop_reason"] = reason_of(reply.finish, calls=calls > 0, refuses=refuses)
    message["stop_sequence"] = reply.stop_sequence
    if reply.blocked_for:
        message["stop_details"] = stop_details(reply.blocked_for)
    message["usage"] = usage_of(reply.usage)
    return _encode(message)


def text_block(text: str, citations: Sequence[Citation]) -> dict[str, Any]:
    """With what it cites, as far as that has a form here."""
    cited = [body for one in citations if (body := citation_body(one)) is not None]
    return {"type": "text", "text": text, **({"citations": cited} if cited else {})}


def stop_details(categories: Sequence[str]) -> dict[str, Any]:
    """Why an answer was refused: the first category that is told."""
    return {"type": "refusal", "category": categories[0], "explanation": None}


def start_of(message_id: str, model: str) -> dict[str, Any]:
    """A message before anything is said."""
    return {
        "id": message_id, "type": "message", "role": "assistant", "model": model, "content": [], "stop_reason": None,
        "stop_sequence": None,
    }  # fmt: skip


def usage_of(usage: Usage | None) -> dict[str, Any]:
    """The prompt without what was read from the cache and written to it, which is told beside it. Where nothing is known
    it says 0: callers of this dialect need a number.
    """
    if usage is None:
        return {"input_tokens": 0, "output_tokens": 0}
    cached, written = usage.cached_tokens or 0, usage.cache_write_tokens or 0
    told: dict[str, Any] = {"input_tokens": max(usage.prompt_tokens - cached - written, 0)}
    if usage.cache_write_tokens is not None:
        told["cache_creation_input_tokens"] = written
    if usage.cache_write_1h_tokens:
        short = max(written - usage.cache_write_1h_tokens, 0)
        told["cache_creation"] = {
            "ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": usage.cache_write_1h_tokens,
        }  # fmt: skip
    if usage.cached_tokens is not None:
        told["cache_read_input_tokens"] = cached
    told["output_tokens"] = usage.completion_tokens
    if usage.reasoning_tokens is not None:
        told["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    if usage.service_tier in _TIERS:
        told["service_tier"] = usage.service_tier
    return told


def answered_id(call_id: str, message_id: str, call: int) -> str:
    """The id of a call of an answer; made of the answer's where a server gives none."""
    return id_of(call_id) if call_id else id_of(f"toolu_{message_id}_{call}")


def arguments_of(block: Block) -> str:
    """JSON text."""
    return bytes(block.input).decode("utf-8", "replace") if is_present(block.input) else "{}"


def _part(block: Block) -> Part | None:
    if block.type == "text":
        return Text(block.text, citations=citations_of(block.citations)) if block.text else None
    if block.type == "thinking":
        return Reasoning(block.thinking or "", block.signature or None, MAKER if block.signature else None)
    if block.type == "redacted_thinking":
        return HiddenReasoning(block.data or "", MAKER)
    if block.type == "tool_use":
        return ToolCall(block.id or "", block.name or "", arguments_of(block))
    return used_by(block)


def used_by(block: Block, arguments: str | None = None) -> ProviderCall | ProviderResult | None:
    """What a tool of Anthropic's was asked, or gave back. `arguments`: where they come after the block began."""
    used = Used(block.type, block.id, block.name, block.tool_use_id)
    return used_part(used, native_of(block, arguments_of(block) if arguments is None else arguments))
