"""What the model says, and the two ways of saying it: a whole response, or the events of one."""

from dataclasses import dataclass, field
from typing import Any

from tests.fake_upstream.call import Call
from tests.fake_upstream.wire import as_json

_MODEL = "gpt-fake-2026-08-07"
CREATED = 1_795_000_000
Event = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Item:
    """One item of the output: whole, as it is added, and the events between. Each `delta` of them has a place."""

    whole: dict[str, Any]
    start: dict[str, Any]
    inner: tuple[Event, ...]


@dataclass(frozen=True)
class Script:
    """`reason`: why it is incomplete."""

    items: tuple[Item, ...]
    reason: str | None = None
    cached: int = 0
    thinking_tokens: int = 0
    extra: dict[str, Any] = field(default_factory=dict)

    def tokens(self) -> int:
        """Of the output: a delta is one; an answer has one at least."""
        return (
            max(1, sum(kind.endswith(".delta") for item in self.items for kind, _ in item.inner)) + self.thinking_tokens
        )


def message(*pieces: str, refusal: bool = False) -> Item:
    """Text in these pieces."""
    kind, name = ("refusal", "refusal") if refusal else ("output_text", "text")
    more: dict[str, Any] = {} if refusal else {"annotations": [], "logprobs": []}
    logprobs: dict[str, Any] = {} if refusal else {"logprobs": []}
    part = {"type": kind, name: "".join(pieces), **more}
    head = {"id": "msg_0a1", "type": "message", "role": "assistant"}
    inner: list[Event] = [("response.content_part.added", {"content_index": 0, "part": {**part, name: ""}})]
    inner += [(f"response.{kind}.delta", {"content_index": 0, "delta": piece, **logprobs}) for piece in pieces]
    inner += [(f"response.{kind}.done", {"content_index": 0, name: part[name], **logprobs})]
    inner += [("response.content_part.done", {"content_index": 0, "part": part})]
    whole = {**head, "status": "completed", "content": [part]}
    return Item(whole, {**head, "status": "in_progress", "content": []}, tuple(inner))


def call(call_id: str, name: str, *pieces: str) -> Item:
    """A call; its arguments come in these pieces, which may cut anywhere."""
    head = {"id": f"fc_{call_id}", "type": "function_call", "call_id": call_id, "name": name}
    arguments = "".join(pieces)
    inner: list[Event] = [("response.function_call_arguments.delta", {"delta": piece}) for piece in pieces]
    inner += [("response.function_call_arguments.done", {"name": name, "arguments": arguments})]
    whole = {**head, "status": "completed", "arguments": arguments}
    return Item(whole, {**head, "status": "in_progress", "arguments": ""}, tuple(inner))


def thought(item_id: str, content: str | None, *pieces: str) -> Item:
    """A thought with a summary in these pieces."""
    summary = [{"type": "summary_text", "text": "".join(pieces)}] if pieces else []
    inner: list[Event] = []
    if pieces:
        empty = {"type": "summary_text", "text": ""}
        inner.append(("response.reasoning_summary_part.added", {"summary_index": 0, "part": empty}))
        inner += [("response.reasoning_summary_text.delta", {"summary_index": 0, "delta": piece}) for piece in pieces]
        inner.append(("response.reasoning_summary_text.done", {"summary_index": 0, "text": "".join(pieces)}))
        inner.append(("response.reasoning_summary_part.done", {"summary_index": 0, "part": summary[0]}))
    head = {"id": item_id, "type": "reasoning"}
    return Item({**head, "summary": summary, "encrypted_content": content}, {**head, "summary": []}, tuple(inner))


def search(query: str) -> Item:
    """A search that the provider makes itself."""
    head = {"id": "ws_0a1", "type": "web_search_call"}
    action = {"type": "search", "query": query}
    inner: tuple[Event, ...] = (("response.web_search_call.searching", {}), ("response.web_search_call.completed", {}))
    return Item({**head, "status": "completed", "action": action}, {**head, "status": "in_progress"}, inner)


def whole(asked: Call, script: Script) -> bytes:
    """A response."""
    return as_json(response(asked, script))


def response(asked: Call, script: Script) -> dict[str, Any]:
    """Once it has ended."""
    return {
        **_head(asked),
        "status": "incomplete" if script.reason else "completed",
        "completed_at": None if script.reason else CREATED + 1,
        "incomplete_details": {"reason": script.reason} if script.reason else None,
        "output": [item.whole for item in script.items],
        "usage": {
            "input_tokens": asked.prompt_tokens + script.cached,
            "input_tokens_details": {"cached_tokens": script.cached, "cache_write_tokens": 0},
            "output_tokens": script.tokens(),
            "output_tokens_details": {"reasoning_tokens": script.thinking_tokens},
            "total_tokens": asked.prompt_tokens + script.cached + script.tokens(),
        },
        **script.extra,
    }


def events(asked: Call, script: Script) -> list[bytes]:
    """The complete, good stream."""
    found: list[Event] = [(kind, {"response": _head(asked)}) for kind in ("response.created", "response.in_progress")]
    for index, item in enumerate(script.items):
        found.append(("response.output_item.added", {"output_index": index, "item": item.start}))
        place = {"item_id": item.whole["id"], "output_index": index}
        found += [(kind, {**place, **rest}) for kind, rest in item.inner]
        found.append(("response.output_item.done", {"output_index": index, "item": item.whole}))
    last = "response.incomplete" if script.reason else "response.completed"
    found.append((last, {"response": response(asked, script)}))
    return [event(kind, number, **rest) for number, (kind, rest) in enumerate(found)]


def up_to(asked: Call, script: Script, deltas: int) -> list[bytes]:
    """The stream up to so many deltas."""
    every = events(asked, script)[:-1]
    places = [at for at, one in enumerate(every) if b'.delta"' in one]
    if deltas >= len(places):
        return every
    return every[: places[deltas - 1] + 1 if deltas else 2]


def event(kind: str, number: int, **rest: Any) -> bytes:
    """The API's framing: a name, a line of data, a blank line."""
    data = {"type": kind, "sequence_number": number, **rest}
    return b"event: " + kind.encode() + b"\ndata: " + as_json(data) + b"\n\n"


def failed(asked: Call, number: int, code: str) -> bytes:
    """A response that failed, as the last event."""
    error = {"code": code, "message": "It failed."}
    return event("response.failed", number, response={**_head(asked), "status": "failed", "error": error})


def _head(asked: Call) -> dict[str, Any]:
    told = asked.fields
    return {
        "id": asked.id, "object": "response", "created_at": CREATED, "completed_at": None, "status": "in_progress",
        "background": False, "error": None, "incomplete_details": None, "instructions": told.get("instructions"),
        "max_output_tokens": told.get("max_output_tokens"), "max_tool_calls": None, "model": _MODEL, "output": [],
        "parallel_tool_calls": True, "previous_response_id": None, "reasoning": {"effort": None, "summary": None},
        "service_tier": "default", "store": told.get("store", True), "temperature": 1.0,
        "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [{"description": None, "strict": True, **tool} for tool in told.get("tools") or ()], "top_logprobs": 0,
        "top_p": 1.0, "truncation": "disabled", "usage": None, "user": None, "metadata": told.get("metadata") or {},
        "presence_penalty": 0.0, "frequency_penalty": 0.0, "prompt_cache_key": None, "safety_identifier": None,
    }  # fmt: skip
