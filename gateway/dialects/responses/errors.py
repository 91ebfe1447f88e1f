"""Errors for callers: OpenAI's body, and the event that says it in a stream.

OpenAI's description of the event has code and message beside its type; its API, and Open Responses, put them into `error`, which
is what its SDKs raise for. Here they stand in both places.
"""

from typing import Any

from gateway.dialects.openai.errors import body as error_body
from gateway.dialects.responses.wire import as_event
from gateway.values.error_view import ErrorView

__all__ = ["error_body", "error_event", "failed_event"]
# the codes that a response may fail with, by ours; all others are the server's error
_CODES = {"rate_limited": "rate_limit_exceeded"}


def error_event(view: ErrorView, sequence_number: int = 0) -> bytes:
    """The event `error`."""
    error = {"type": view.kind, "code": view.code, "message": view.message, "param": view.param}
    event = {"type": "error", "sequence_number": sequence_number, **error, "error": error}
    return as_event("error", {**event, "type": "error"})


def failed_event(view: ErrorView, response: dict[str, Any], sequence_number: int) -> bytes:
    """The event `response.failed`, the last of a stream that broke: `response` is what it began with."""
    error = {"code": _CODES.get(view.code, "server_error"), "message": view.message}
    failed = {**response, "status": "failed", "error": error, "completed_at": None, "store": False}
    kind = "response.failed"
    return as_event(kind, {"type": kind, "sequence_number": sequence_number, "response": failed})
