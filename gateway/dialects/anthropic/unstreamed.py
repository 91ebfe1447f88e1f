"""A whole message, given as the stream that was asked for: some servers and proxies do not stream, or not always."""

from collections.abc import Iterator
from typing import Any

import msgspec

from gateway.dialects.anthropic.wire import read

_NULL = msgspec.Raw(b"null")
_TEXTS = {"text": "text_delta", "thinking": "thinking_delta"}
_encode = msgspec.json.Encoder().encode
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_list = msgspec.json.Decoder(list[msgspec.Raw])
_OF_THE_END = ("stop_reason", "stop_sequence", "stop_details", "container")


def as_stream(body: bytes) -> bytes:
    """The events of a message that was read before: what was said, why it ended, what was used."""
    return b"".join(as_event(str(data["type"]), data) for data in _events(read(_members, body) or {}))


def as_event(name: str, data: dict[str, Any]) -> bytes:
    """One event in the usual framing. Its data is of one line."""
    return b"event: " + name.encode() + b"\ndata: " + _encode(data) + b"\n\n"


def _events(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    start = {**message, "content": [], "stop_reason": None, "stop_sequence": None}
    yield {"type": "message_start", "message": start}
    blocks = read(_list, bytes(message["content"]))
    for index, raw in enumerate(blocks or []):
        block: dict[str, Any] = read(_members, bytes(raw)) or {}
        kind = msgspec.json.decode(block.get("type", _NULL))
        deltas = list(_deltas(kind, block))
        yield {"type": "content_block_start", "index": index, "content_block": block}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    delta = {name: message[name] for name in _OF_THE_END if name in message}
    yield {"type": "message_delta", "delta": delta, "usage": message.get("usage", {"output_tokens": 0})}
    yield {"type": "message_stop"}


def _deltas(kind: Any, block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What is taken out of the block, to be said after its start."""
    if kind in _TEXTS:
        text, block[kind] = block.get(kind, ""), ""
        yield {"type": _TEXTS[kind], kind: text}
    if kind == "thinking" and "signature" in block:
        signature, block["signature"] = block["signature"], ""
        yield {"type": "signature_delta", "signature": signature}
    if kind == "tool_use" and "input" in block:
        arguments, block["input"] = bytes(block["input"]).decode("utf-8", "replace"), {}
        yield {"type": "input_json_delta", "partial_json": arguments}
