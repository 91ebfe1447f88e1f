"""Encode: the caller's fields as they are, but for the model's name, the usage of a stream and names of the vendor's own."""

import msgspec

from gateway.dialects.openai.ways import USUAL, Ways
from gateway.values.call import Call
from gateway.values.deployment import Deployment
from gateway.values.request import Request

PATH = "/chat/completions"
_ASK_USAGE = msgspec.Raw(b'{"include_usage":true}')
_encode = msgspec.json.Encoder().encode
_decode_options = msgspec.json.Decoder(dict[str, msgspec.Raw] | None).decode


def encode(request: Request, target: Deployment, *, ask_usage: bool, ways: Ways = USUAL) -> Call:
    """A call of chat completions."""
    if ways.renames and not ways.renames.keys().isdisjoint(request.fields):
        named = {ways.renames.get(name, name): value for name, value in request.fields.items()}
        own = {name: request.fields[name] for name in ways.renames.values() if name in request.fields}
        request = msgspec.structs.replace(request, fields=named | own)
    return encode_to(PATH, request, target, ask_usage=ask_usage, ways=ways)


def encode_to(path: str, request: Request, target: Deployment, *, ask_usage: bool, ways: Ways = USUAL) -> Call:
    """Bytes are stable: the same request gives the same body, so that a prompt cache upstream can hit (FAULTS T4)."""
    fields = dict(request.fields)
    fields["model"] = msgspec.Raw(_encode(target.model))
    if ways.usage_unasked:
        fields.pop("stream_options", None)
    elif ask_usage and request.facts.stream and not request.wants_usage:
        fields["stream_options"] = _with_usage(fields.get("stream_options"))
    accept = "text/event-stream" if request.facts.stream else "application/json"
    headers = (("content-type", "application/json"), ("accept", accept), ("x-request-id", request.id))
    return Call("POST", path if ways is USUAL else ways.path(path, target), headers, _encode(fields))


def wants_running_usage(request: Request) -> bool:
    """Whether the caller asked for usage beside what is said (vLLM's `continuous_usage_stats`)."""
    options = request.fields.get("stream_options")
    asked = _decode_options(options) if options is not None else None
    return asked is not None and bytes(asked.get("continuous_usage_stats", b"")) == b"true"


def _with_usage(options: msgspec.Raw | None) -> msgspec.Raw:
    given = _decode_options(options) if options is not None else None
    if not given:
        return _ASK_USAGE
    return msgspec.Raw(_encode({**given, "include_usage": True}))
