"""Errors in Google's form (google.rpc.Status): read from a provider, and written for callers.

Source: the Gemini API's error codes, and google.rpc (Status, ErrorInfo, BadRequest, QuotaFailure). google-genai raises by the
status and reads `error.status` and `error.message`.
"""

import contextlib
from typing import Any

import msgspec

from gateway.dialects.gemini.wire import ABSENT, as_event, is_present
from gateway.values.error_view import ErrorView

_BY_STATUS = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 402: "RESOURCE_EXHAUSTED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
    409: "ABORTED", 413: "INVALID_ARGUMENT", 429: "RESOURCE_EXHAUSTED", 499: "CANCELLED", 500: "INTERNAL",
    501: "UNIMPLEMENTED", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED",
}  # fmt: skip
_DOMAIN = "gateway"


class ErrorObject(msgspec.Struct):
    """`error` of a body or event. `details` are by their `@type`."""

    message: str | None = None
    status: str | None = None
    details: msgspec.Raw = ABSENT


class _Violation(msgspec.Struct, rename="camel"):
    field: str | None = None
    quota_id: str | None = None


class _Detail(msgspec.Struct, rename="camel"):
    reason: str | None = None
    retry_delay: str | None = None
    field_violations: list[_Violation] | None = None
    violations: list[_Violation] | None = None


class Details(msgspec.Struct, frozen=True):
    """What stands beside an error's words: a reason of a closed set, the field at fault, the quotas that are used up."""

    reason: str | None = None
    field: str | None = None
    quotas: tuple[str, ...] = ()


_decode_error = msgspec.json.Decoder(ErrorObject | str | None).decode
_decode_list = msgspec.json.Decoder(list[msgspec.Raw] | None).decode
_decode_detail = msgspec.json.Decoder(_Detail).decode
_MOST = 20  # details that are looked at


def error_of(raw: msgspec.Raw) -> ErrorObject:
    """An error object, as far as it is one."""
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = _decode_error(raw)
        return ErrorObject(message=found) if isinstance(found, str) else found or ErrorObject()
    return ErrorObject()


def details_of(error: ErrorObject) -> Details:
    """Those that can be read."""
    found: list[_Detail] = []
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        for raw in (_decode_list(error.details) or [])[:_MOST] if is_present(error.details) else ():
            with contextlib.suppress(msgspec.ValidationError):
                found.append(_decode_detail(raw))
    fields = (one.field for detail in found for one in detail.field_violations or ())
    return Details(
        next((one.reason for one in found if one.reason), None),
        next((one for one in fields if one), None),
        tuple(one.quota_id for detail in found for one in detail.violations or () if one.quota_id),
    )


def error_body(view: ErrorView) -> bytes:
    """For a caller."""
    return msgspec.json.encode(_error(view))


def error_event(view: ErrorView) -> bytes:
    """What ends a stream that has begun; nothing follows it."""
    return as_event(_error(view))


def _error(view: ErrorView) -> dict[str, Any]:
    default = "INTERNAL" if view.status >= 500 else "INVALID_ARGUMENT"
    details: list[dict[str, Any]] = [
        {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": view.code, "domain": _DOMAIN}
    ]
    if view.param is not None:
        violation = {"field": view.param, "description": view.message}
        details.append({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]})
    status = _BY_STATUS.get(view.status, default)
    return {"error": {"code": view.status, "message": view.message, "status": status, "details": details}}
