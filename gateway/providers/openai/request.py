"""Encode: the caller's fields as they are, but for the model's name and the usage of a stream."""

import msgspec

from gateway.values.call import Call
from gateway.values.deployment import Deployment
from gateway.values.request import ChatRequest

_ASK_USAGE = msgspec.Raw(b'{"include_usage":true}')
_encode = msgspec.json.Encoder().encode
_decode_options = msgspec.json.Decoder(dict[str, msgspec.Raw] | None).decode


def encode(request: ChatRequest, target: Deployment, *, ask_usage: bool) -> Call:
    """Bytes are stable: the same request gives the same body, so that a prompt cache upstream can hit (FAULTS T4)."""
    fields = dict(request.fields)
    fields["model"] = msgspec.Raw(_encode(target.model))
    if ask_usage and request.facts.stream and not request.wants_usage:
        fields["stream_options"] = _with_usage(fields.get("stream_options"))
    accept = "text/event-stream" if request.facts.stream else "application/json"
    headers = (("content-type", "application/json"), ("accept", accept), ("x-request-id", request.id))
    return Call("POST", "/chat/completions", headers, _encode(fields))


def wants_running_usage(request: ChatRequest) -> bool:
    """Whether the caller asked for usage beside what is said (vLLM's `continuous_usage_stats`)."""
    options = request.fields.get("stream_options")
    asked = _decode_options(options) if options is not None else None
    return asked is not None and bytes(asked.get("continuous_usage_stats", b"")) == b"true"


def _with_usage(options: msgspec.Raw | None) -> msgspec.Raw:
    given = _decode_options(options) if options is not None else None
    if not given:
        return _ASK_USAGE
    return msgspec.Raw(_encode({**given, "include_usage": True}))
