"""A whole response, given as the stream that was asked for: some servers and proxies do not stream, or not always."""

from collections.abc import Iterator
from typing import Any

import msgspec

from gateway.dialects.anthropic.wire import read
from gateway.dialects.responses.wire import as_event

_members = msgspec.json.Decoder(dict[str, Any])
_SAID: dict[str, tuple[str, str, dict[str, Any]]] = {
    "output_text": ("response.output_text", "text", {"logprobs": []}),
    "refusal": ("response.refusal", "refusal", {}),
}  # fmt: skip


def as_stream(body: bytes) -> bytes:
    """The events of a response that was read before."""
    response = read(_members, body) or {}
    events = list(_events(response))
    return b"".join(
        as_event(kind, {"type": kind, "sequence_number": at, **rest}) for at, (kind, rest) in enumerate(events)
    )


def _events(response: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    begun = {**response, "status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    yield "response.created", {"response": begun}
    yield "response.in_progress", {"response": begun}
    for index, item in enumerate(response.get("output") or ()):
        yield from _item(index, item)
    kind = "response.incomplete" if response.get("status") == "incomplete" else "response.completed"
    yield kind, {"response": response}


def _item(index: int, item: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    place = {"item_id": item.get("id") or "", "output_index": index}
    kind = item.get("type")
    empty: dict[str, Any] = (
        {"content": []} if kind == "message" else {"arguments": ""} if kind == "function_call" else {}
    )
    yield "response.output_item.added", {"output_index": index, "item": {**item, **empty, "status": "in_progress"}}
    if kind == "message":
        for at, part in enumerate(item.get("content") or ()):
            yield from _part({**place, "content_index": at}, part)
    elif kind == "function_call":
        arguments = item.get("arguments") or ""
        yield "response.function_call_arguments.delta", {**place, "delta": arguments}
        yield "response.function_call_arguments.done", {**place, "name": item.get("name"), "arguments": arguments}
    yield "response.output_item.done", {"output_index": index, "item": item}


def _part(place: dict[str, Any], part: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    if part.get("type") not in _SAID:
        return
    prefix, name, more = _SAID[part["type"]]
    empty = {**part, name: "", **({"annotations": []} if "annotations" in part else {})}
    yield "response.content_part.added", {**place, "part": empty}
    yield f"{prefix}.delta", {**place, "delta": part.get(name) or "", **more}
    for at, annotation in enumerate(part.get("annotations") or ()):
        told = {**place, "annotation_index": at, "annotation": annotation}
        yield "response.output_text.annotation.added", told
    yield f"{prefix}.done", {**place, name: part.get(name) or "", **more}
    yield "response.content_part.done", {**place, "part": part}
