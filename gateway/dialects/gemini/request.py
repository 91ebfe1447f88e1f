"""Encode: the caller's fields as they are; the model and whether it streams are in the path, not in the body.

Source: the Gemini API's reference (v1beta) and Vertex AI's (v1): `models/MODEL:generateContent`, `:streamGenerateContent`, which
frames events where `alt=sse` asks for it, and `:countTokens`.
"""

import re
from typing import Annotated
from urllib.parse import quote

import msgspec

from gateway.dialects.gemini.signatures import NOT_SIGNED
from gateway.dialects.gemini.thinking import fitted
from gateway.dialects.gemini.wire import ABSENT
from gateway.dialects.reported import MOST_TOKENS
from gateway.values.call import Call
from gateway.values.deployment import Deployment
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.request import Request

_NOT_THE_BODYS = frozenset({"model", "stream"})
_COUNTED = ("contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "cachedContent")
_COUNTED_ON_VERTEX = ("contents", "systemInstruction", "tools", "generationConfig")
_MARK = b',"thoughtSignature":"%b"' % NOT_SIGNED.encode()
_BEFORE_SIGNATURES = re.compile(r"(?:^|/)gemini-[12](?:\.|-|$)")  # they take none that they did not make
_encode = msgspec.json.Encoder().encode
_members = msgspec.json.Decoder(dict[str, msgspec.Raw] | None).decode


class _Count(msgspec.Struct, rename="camel"):
    total_tokens: Annotated[int, msgspec.Meta(ge=0, le=MOST_TOKENS)]


_count = msgspec.json.Decoder(_Count).decode


def encode(request: Request, target: Deployment) -> Call:
    """Bytes are stable: the same request gives the same body, so that a prompt cache upstream can hit (FAULTS T4)."""
    is_stream = request.facts.stream
    verb = "streamGenerateContent?alt=sse" if is_stream else "generateContent"
    accept = "text/event-stream" if is_stream else "application/json"
    body = _encode(_fields(request, target.model))
    return Call(
        "POST", f"{path_of(target.model)}:{verb}", _headers(request, accept), _without_marks(body, target.model)
    )


def encode_count(request: Request, target: Deployment, *, on_vertex: bool) -> Call:
    """What of the body makes the prompt."""
    fields = _fields(request, target.model)
    counted = {name: fields[name] for name in (_COUNTED_ON_VERTEX if on_vertex else _COUNTED) if name in fields}
    told = counted if on_vertex else {"generateContentRequest": {"model": _name_of(target.model), **counted}}
    body = _without_marks(_encode(told), target.model)
    return Call("POST", f"{path_of(target.model)}:countTokens", _headers(request, "application/json"), body)


def decode_count(body: bytes) -> int:
    """The tokens of the prompt."""
    try:
        return _count(body).total_tokens
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise AttemptFailed(Outcome.MALFORMED_ANSWER, "no count of tokens came") from wrong


def path_of(model: str) -> str:
    """Below the base URL: `/models/MODEL`, or as it is where it names its collection (`tunedModels/MODEL`)."""
    return "/" + quote(_name_of(model), safe="/@")


def _name_of(model: str) -> str:
    return model if "/" in model else f"models/{model}"


def _fields(request: Request, model: str) -> dict[str, msgspec.Raw]:
    fields = {name: raw for name, raw in request.fields.items() if name not in _NOT_THE_BODYS}
    config = fields.get("generationConfig", ABSENT)
    if b'"thinkingConfig"' in bytes(config):
        fields["generationConfig"] = _fitting(config, model)
    return fields


def _fitting(config: msgspec.Raw, model: str) -> msgspec.Raw:
    """With as much thinking as a model of this name can be asked for."""
    try:
        members = _members(config) or {}
        asked = msgspec.json.decode(members["thinkingConfig"])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError):
        return config
    if not isinstance(asked, dict):
        return config
    return msgspec.Raw(_encode({**members, "thinkingConfig": fitted(asked, model)}))


def _without_marks(body: bytes, model: str) -> bytes:
    """Models that sign no calls refuse the marker of one that was not signed."""
    return body.replace(_MARK, b"") if _BEFORE_SIGNATURES.search(model) and _MARK in body else body


def _headers(request: Request, accept: str) -> tuple[tuple[str, str], ...]:
    return (("content-type", "application/json"), ("accept", accept), ("x-request-id", request.id))
