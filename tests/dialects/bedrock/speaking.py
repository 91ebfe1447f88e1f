"""Converse as a provider speaks it: a reply, or the events of one, in its words. It shares no code with the gateway's reading."""

import base64
import json
from collections.abc import Iterator, Sequence
from typing import Any

from gateway.values.chat import (
    Began,
    Ended,
    Event,
    Finish,
    HiddenReasoning,
    Reasoning,
    ReasoningDelta,
    ReasoningSigned,
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
from gateway.values.request import Request
from gateway.values.usage import Usage
from tests.dialects.bedrock.support import frame

REASONS = {
    Finish.STOP: "end_turn",
    Finish.TOOL_CALLS: "tool_use",
    Finish.LENGTH: "max_tokens",
    Finish.STOP_SEQUENCE: "stop_sequence",
    Finish.REFUSAL: "content_filtered",
    Finish.PAUSE: "end_turn",
}


def usage_body(usage: Usage) -> dict[str, Any]:
    cached, written, long = usage.cached_tokens or 0, usage.cache_write_tokens or 0, usage.cache_write_1h_tokens or 0
    told: dict[str, Any] = {
        "inputTokens": usage.prompt_tokens - cached - written,
        "outputTokens": usage.completion_tokens,
        "totalTokens": usage.prompt_tokens + usage.completion_tokens,
    }
    if usage.cached_tokens is not None:
        told["cacheReadInputTokens"] = cached
    if usage.cache_write_tokens is not None:
        told["cacheWriteInputTokens"] = written
    if long:
        told["cacheDetails"] = [{"ttl": "1h", "inputTokens": long}, {"ttl": "5m", "inputTokens": written - long}]
    return told


def _stop(finish: Finish, sequence: str | None) -> dict[str, Any]:
    told = {} if sequence is None else {"additionalModelResponseFields": {"stop_sequence": sequence}}
    return {"stopReason": REASONS[finish], **told}


def _hidden(data: str) -> str:
    return base64.b64encode(data.encode()).decode()


def _block(part: Any) -> dict[str, Any]:
    match part:
        case Text(text=text) | Refusal(text=text):
            return {"text": text}
        case Reasoning(text=text, signature=signature):
            told = {"text": text} if signature is None else {"text": text, "signature": signature}
            return {"reasoningContent": {"reasoningText": told}}
        case HiddenReasoning(data=data):
            return {"reasoningContent": {"redactedContent": _hidden(data)}}
        case ToolCall(id=call_id, name=name, arguments=arguments):
            return {"toolUse": {"toolUseId": call_id, "name": name, "input": json.loads(arguments or "{}")}}
    raise AssertionError(part)


class Spoken:
    """Both ways of saying it."""

    def whole(self, reply: Reply, _: Request) -> bytes:
        body: dict[str, Any] = {"output": {"message": {"role": "assistant", "content": list(map(_block, reply.parts))}}}
        body |= _stop(reply.finish, reply.stop_sequence)
        if reply.usage is not None:
            body["usage"] = usage_body(reply.usage)
        return json.dumps(body | {"metrics": {"latencyMs": 1}}, ensure_ascii=False).encode()

    def writer(self, _: Request) -> "Writer":
        return Writer()


class Writer:
    """Of one stream: each kind of part is a block."""

    def __init__(self) -> None:
        self._index = -1
        self._kind = ""
        self._calls: dict[int, int] = {}

    def write(self, events: Sequence[Event]) -> bytes:
        return b"".join(frame(name, payload) for event in events for name, payload in self._frames(event))

    def end(self) -> bytes:
        return b""

    def _frames(self, event: Event) -> Iterator[tuple[str, Any]]:
        match event:
            case Began():
                yield "messageStart", {"role": "assistant"}
            case TextDelta(text=text) | RefusalDelta(text=text):
                yield from self._delta("text", {"text": text})
            case ReasoningDelta(text=text):
                yield from self._delta("thought", {"reasoningContent": {"text": text}})
            case ReasoningSigned(signature=signature):
                yield from self._delta("thought", {"reasoningContent": {"signature": signature}})
            case HiddenReasoning(data=data):
                self._kind = ""
                yield from self._delta("hidden", {"reasoningContent": {"redactedContent": _hidden(data)}})
            case ToolCallBegan(index=call, id=call_id, name=name):
                yield from self._begin("call")
                self._calls[call] = self._index
                start = {"toolUse": {"toolUseId": call_id, "name": name}}
                yield "contentBlockStart", {"start": start, "contentBlockIndex": self._index}
            case ToolCallDelta(index=call, arguments=arguments):
                delta = {"toolUse": {"input": arguments}}
                yield "contentBlockDelta", {"delta": delta, "contentBlockIndex": self._calls[call]}
            case Ended(finish=finish, stop_sequence=sequence):
                for index in range(self._index + 1):
                    yield "contentBlockStop", {"contentBlockIndex": index}
                yield "messageStop", _stop(finish, sequence)
            case Used(usage=usage):
                yield "metadata", {"usage": usage_body(usage), "metrics": {"latencyMs": 1}}

    def _begin(self, kind: str) -> Iterator[tuple[str, Any]]:
        self._index += 1
        self._kind = kind
        yield from ()

    def _delta(self, kind: str, delta: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        if self._kind != kind:
            yield from self._begin(kind)
        yield "contentBlockDelta", {"delta": delta, "contentBlockIndex": self._index}


SPOKEN_BEDROCK = Spoken()
