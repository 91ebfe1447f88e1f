"""Errors for callers: Anthropic's body, and its event for a stream that has begun.

Its SDKs raise by the status and read `error.type`; since API version 2026-10-21 `error.details.error_code` names the
cause: ours. Source: Anthropic, "Errors" (2026-11).
"""

from typing import Any

import msgspec

from gateway.dialects.anthropic.unstreamed import as_event

_BY_STATUS = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_BUSY = frozenset({"overloaded", "gateway_busy", "at_capacity", "gateway_stopped", "no_healthy_deployment"})
_CONTEXT = "context_length_exceeded"
_TOO_LONG = "prompt is too long"  # what applications look for, to make it shorter


def error_body(status: int, code: str, message: str, request_id: str | None) -> bytes:
    """A body that goes with `status`. `code` is one of ours, or a provider's word."""
    return msgspec.json.encode(_error(status, code, message, request_id))


def error_event(status: int, code: str, message: str, request_id: str | None) -> bytes:
    """What ends a stream that has begun; no message_stop follows it."""
    return as_event("error", _error(status, code, message, request_id))


def error_type(status: int, code: str) -> str:
    """Anthropic's word for it."""
    if status == 503 and code in _BUSY:
        return "overloaded_error"
    return _BY_STATUS.get(status, "api_error" if status >= 500 else "invalid_request_error")


def _error(status: int, code: str, message: str, request_id: str | None) -> dict[str, Any]:
    if code == _CONTEXT and _TOO_LONG not in message.lower():
        message = f"{_TOO_LONG}: {message}"
    error = {"type": error_type(status, code), "message": message, "details": {"error_code": code}}
    return {"type": "error", "error": error, "request_id": request_id}
