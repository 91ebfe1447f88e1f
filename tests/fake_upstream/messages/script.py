"""What the model says, and the two ways of saying it: a whole message, or the events of one."""

import json
from dataclasses import dataclass, field
from typing import Any

from tests.fake_upstream.call import Call
from tests.fake_upstream.messages.checks import signature_of
from tests.fake_upstream.wire import as_json

_MODEL = "claude-fake-20261021"


@dataclass(frozen=True)
class Block:
    """One block of content: as it stands whole, as a stream starts it, and the deltas between."""

    whole: dict[str, Any]
    start: dict[str, Any]
    deltas: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Script:
    """`stop_details` of a refusal. `cached` and `written`: tokens of the prompt that the cache held, and that went there."""

    blocks: tuple[Block, ...]
    stop_reason: str = "end_turn"
    stop_sequence: str | None = None
    stop_details: dict[str, Any] | None = None
    cached: int = 0
    written: int = 0
    thinking_tokens: int = 0
    extra: dict[str, Any] = field(default_factory=dict)

    def tokens(self) -> int:
        """Of the output: a delta is one; an answer has one at least."""
        return max(1, sum(len(block.deltas) for block in self.blocks))


def text(*pieces: str) -> Block:
    """Text in these pieces."""
    deltas = tuple({"type": "text_delta", "text": piece} for piece in pieces)
    return Block({"type": "text", "text": "".join(pieces)}, {"type": "text", "text": ""}, deltas)


def thinking(*pieces: str) -> Block:
    """A thought, and its signature after it."""
    whole = "".join(pieces)
    signature = signature_of(whole)
    deltas = (
        *({"type": "thinking_delta", "thinking": piece} for piece in pieces),
        {"type": "signature_delta", "signature": signature},
    )
    return Block(
        {"type": "thinking", "thinking": whole, "signature": signature},
        {"type": "thinking", "thinking": "", "signature": ""},
        deltas,
    )


def redacted(data: str) -> Block:
    """A thought that only the provider can read; it comes in its start."""
    block = {"type": "redacted_thinking", "data": data}
    return Block(block, block, ())


def tool(call_id: str, name: str, *pieces: str) -> Block:
    """A call; its arguments come in these pieces, which may cut anywhere. None: it has no arguments, and no delta."""
    head = {"type": "tool_use", "id": call_id, "name": name}
    deltas = tuple({"type": "input_json_delta", "partial_json": piece} for piece in pieces)
    return Block({**head, "input": json.loads("".join(pieces) or "{}")}, {**head, "input": {}}, deltas)


def usage(call: Call, script: Script, output: int) -> dict[str, Any]:
    """The prompt is told without what the cache held and what went there."""
    told: dict[str, Any] = {
        "input_tokens": call.prompt_tokens,
        "cache_creation_input_tokens": script.written,
        "cache_read_input_tokens": script.cached,
        "cache_creation": {"ephemeral_5m_input_tokens": script.written, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output,
        "service_tier": "standard",
        **{name: call.fields[name] for name in ("speed", "inference_geo") if name in call.fields},
    }
    if script.thinking_tokens and output > 1:
        told["output_tokens_details"] = {"thinking_tokens": script.thinking_tokens}
    return told


def whole(call: Call, script: Script) -> bytes:
    """A message."""
    return as_json(
        {
            **_head(call),
            "content": [block.whole for block in script.blocks],
            "stop_reason": script.stop_reason,
            "stop_sequence": script.stop_sequence,
            **({"stop_details": script.stop_details} if script.stop_details else {}),
            "usage": usage(call, script, script.tokens()),
            **script.extra,
        }
    )


@dataclass(frozen=True)
class Stream:
    """The events of a message, framed. `content`: of the blocks, of which every `delta` is one of `said`."""

    start: list[bytes]
    content: list[bytes]
    said: list[int]  # the places of deltas in `content`
    delta: list[bytes]
    stop: list[bytes]

    def all(self) -> list[bytes]:
        """The complete, good stream."""
        return [*self.start, *self.content, *self.delta, *self.stop]

    def first(self, deltas: int) -> list[bytes]:
        """The stream up to so many deltas."""
        if deltas >= len(self.said):
            return [*self.start, *self.content]
        until = self.said[deltas - 1] + 1 if deltas else self.said[0] if self.said else 0
        return [*self.start, *self.content[:until]]


def stream(call: Call, script: Script) -> Stream:
    """A ping comes after the first block has started, as the API's."""
    message = {
        **_head(call), "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage(call, script, 1),
    }  # fmt: skip
    content, said = [], []
    for index, block in enumerate(script.blocks):
        content.append(
            event("content_block_start", {"type": "content_block_start", "index": index, "content_block": block.start})
        )
        if index == 0:
            content.append(PING)
        for delta in block.deltas:
            said.append(len(content))
            content.append(
                event("content_block_delta", {"type": "content_block_delta", "index": index, "delta": delta})
            )
        content.append(event("content_block_stop", {"type": "content_block_stop", "index": index}))
    ended = {"stop_reason": script.stop_reason, "stop_sequence": script.stop_sequence}
    if script.stop_details:
        ended["stop_details"] = script.stop_details
    used = {"output_tokens": script.tokens()}
    if script.thinking_tokens:
        used["output_tokens_details"] = {"thinking_tokens": script.thinking_tokens}
    return Stream(
        [event("message_start", {"type": "message_start", "message": message})],
        content,
        said,
        [event("message_delta", {"type": "message_delta", "delta": ended, "usage": used})],
        [event("message_stop", {"type": "message_stop"})],
    )


def event(name: str, data: dict[str, Any]) -> bytes:
    """The API's framing: a name, a line of data, a blank line."""
    return b"event: " + name.encode() + b"\ndata: " + as_json(data) + b"\n\n"


def error(kind: str, message: str) -> dict[str, Any]:
    """An error's body, and the data of its event."""
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_011CSHoEeqs5C35K2UUqR7Fy"}


PING = event("ping", {"type": "ping"})


def _head(call: Call) -> dict[str, Any]:
    return {"id": call.id, "type": "message", "role": "assistant", "model": _MODEL}
