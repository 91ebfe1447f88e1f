"""A response as its caller is told of it before it says anything: what was asked for, each member with its default.

Sources: Response of OpenAI's OpenAPI description 2.3.0; ResponseResource of Open Responses, 2026-04-24, which requires more.
"""

from typing import Any

import msgspec

from gateway.values.request import Request

_NULL = msgspec.Raw(b"null")
_TEXT = {"format": {"type": "text"}}
# members of the request that the response repeats, and what they are where nothing was said
_REPEATED: dict[str, Any] = {
    "instructions": None, "max_output_tokens": None, "max_tool_calls": None, "parallel_tool_calls": True,
    "previous_response_id": None, "prompt_cache_key": None, "safety_identifier": None, "store": True, "temperature": 1.0,
    "tool_choice": "auto", "top_logprobs": 0, "top_p": 1.0, "truncation": "disabled", "user": None, "metadata": {},
    "presence_penalty": 0.0, "frequency_penalty": 0.0,
}  # fmt: skip
_tools = msgspec.json.Decoder(list[dict[str, msgspec.Raw]] | None).decode
_members = msgspec.json.Decoder(dict[str, msgspec.Raw] | None).decode
_FUNCTION = b'"function"'


def id_of(request: Request) -> str:
    """The response's id: it is found again by it."""
    return f"resp_{request.id}"


def begun(request: Request, model: str) -> dict[str, Any]:
    """The members of a response that is in progress."""
    fields = request.fields
    said = {name: raw for name, raw in fields.items() if bytes(raw) != b"null"}
    return {
        "id": id_of(request), "object": "response", "created_at": request.arrived_at, "completed_at": None,
        "status": "in_progress", "background": False, "error": None, "incomplete_details": None, "model": model,
        "output": [], "usage": None, "service_tier": "default",
        **{name: said.get(name, default) for name, default in _REPEATED.items()},
        "reasoning": _thinking(said.get("reasoning", _NULL)), "text": _text(said.get("text", _NULL)),
        "tools": _said_tools(said.get("tools", _NULL)),
    }  # fmt: skip


def _thinking(raw: msgspec.Raw) -> Any:
    return {"effort": None, "summary": None, **(_members(raw) or {})}


def _text(raw: msgspec.Raw) -> Any:
    said: dict[str, Any] = {**_TEXT, **(_members(raw) or {})}
    form = said["format"]
    if isinstance(form, msgspec.Raw):
        members = _members(form)
        if members is None:
            said["format"] = _TEXT["format"]
        elif "schema" in members:
            said["format"] = {"description": None, "strict": False, **members}
    return said


def _said_tools(raw: msgspec.Raw) -> list[Any]:
    """A function has each of its members."""
    return [
        {"description": None, "parameters": None, "strict": None, **tool}
        if bytes(tool.get("type", b"")) == _FUNCTION
        else tool
        for tool in _tools(raw) or ()
    ]
