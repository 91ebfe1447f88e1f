"""A whole answer, given as the stream that was asked for: some servers and proxies do not stream, or not always."""

from collections.abc import Iterator
from typing import Any

import msgspec

from gateway.dialects.openai.repair import members, objects_in

_NULL = msgspec.Raw(b"null")
_encode = msgspec.json.Encoder().encode
_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


def as_events(body: bytes) -> list[bytes]:
    """The data of each event, of a chat completion that was read: what was said, why it ended, what was used."""
    top: dict[str, Any] = {**members(body), "object": "chat.completion.chunk"}
    usage = top.pop("usage", _NULL)
    events = [{**top, "choices": [part]} for raw in _decode_list(top["choices"]) for part in _parts(members(raw))]
    if bytes(usage) != b"null":
        events.append({**top, "choices": [], "usage": usage})
    return [_encode(event) for event in events]


def _parts(choice: dict[str, Any]) -> Iterator[dict[str, Any]]:
    message: dict[str, Any] = members(choice.pop("message"))
    if bytes(message.get("tool_calls", _NULL)) != b"null":
        calls = enumerate(objects_in(message["tool_calls"]))
        message["tool_calls"] = [{**members(call), "index": index} for index, call in calls]
    finish = choice.pop("finish_reason")
    yield {"index": 0, **choice, "delta": message, "finish_reason": None}
    yield {"index": choice.get("index", 0), "delta": {}, "finish_reason": finish}
