"""The questions that a deployment is asked, as an application would ask them: small, harmless and cheap."""

import json
from typing import Any

from gateway.surfaces.table import SURFACES
from gateway.values.caller import Caller
from gateway.values.request import Request
from gateway.values.surface import Surface

_ROWS = {row.surface: row for row in SURFACES}
_OUTPUT_TOKENS = 16  # few, and enough for a word
_CALL_TOKENS = 256
TOOL = "report_status"
_SCHEMA = {
    "type": "object", "properties": {"status": {"type": "string"}}, "required": ["status"], "additionalProperties": False,
}  # fmt: skip


def _chat(words: str, **more: Any) -> Request:
    body = {"messages": [{"role": "user", "content": words}], "max_tokens": _OUTPUT_TOKENS, **more}
    return _request(Surface.CHAT, body)


def _request(surface: Surface, body: dict[str, Any]) -> Request:
    return _ROWS[surface].read(json.dumps({"model": "m", **body}).encode(), {}, Caller.anonymous(), "doctor")


def answer() -> Request:
    """A few tokens."""
    return _chat("Reply with the word OK.")


def stream() -> Request:
    """The same, streamed, with its usage."""
    return _chat("Reply with the word OK.", stream=True, stream_options={"include_usage": True})


def tool_call(*, forced: bool) -> Request:
    """A call of a tool."""
    tool = {"name": TOOL, "description": "Report that the service works.", "parameters": _SCHEMA}
    words = f"Call the tool {TOOL} with the status OK."
    more = {"tool_choice": "required"} if forced else {}
    return _chat(words, tools=[{"type": "function", "function": tool}], max_tokens=_CALL_TOKENS, **more)


def schema() -> Request:
    """An answer by a JSON schema."""
    form = {"type": "json_schema", "json_schema": {"name": "status", "strict": True, "schema": _SCHEMA}}
    return _chat("Reply with a JSON object whose status is OK.", response_format=form, max_tokens=_CALL_TOKENS)


def completion() -> Request:
    """One token of a legacy completion."""
    return _request(Surface.COMPLETIONS, {"prompt": "OK", "max_tokens": 1})


def embedding() -> Request:
    """The vector of a word."""
    return _request(Surface.EMBEDDINGS, {"input": "OK"})
