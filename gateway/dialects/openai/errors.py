"""OpenAI's error body; the official SDKs raise by the status."""

import msgspec

from gateway.values.error_view import ErrorView


def body(view: ErrorView) -> bytes:
    """The body of an error."""
    error = {"message": view.message, "type": view.kind, "param": view.param, "code": view.code}
    return msgspec.json.encode({"error": error, **view.more})


def event(view: ErrorView) -> bytes:
    """The same as an event, for a stream that has begun. No [DONE] follows it."""
    return b"data: " + body(view) + b"\n\n"
