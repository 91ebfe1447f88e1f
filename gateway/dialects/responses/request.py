"""Encode: the caller's fields as they are, but for the model's name, what is kept, and thoughts that others encrypted.

The provider is to keep nothing (`store: false`): the gateway keeps responses itself, and what a provider keeps means nothing
to another one that answers the next turn. So thoughts go along with each turn, encrypted, which has to be asked for.
"""

from typing import Any

import msgspec

from gateway.dialects.contract import Prepared
from gateway.dialects.responses.sealed import given_back
from gateway.dialects.slices import decoded, encoded
from gateway.values.call import Call
from gateway.values.deployment import Deployment
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.pause import Pause
from gateway.values.request import Request

_THOUGHTS = "reasoning.encrypted_content"
_OURS = frozenset({"previous_response_id"})  # it names what the gateway keeps
_NO = msgspec.Raw(b"false")
_encode = msgspec.json.Encoder().encode
_items = msgspec.json.Decoder(list[msgspec.Raw])
_words = msgspec.json.Decoder(list[str] | None)


def prepare(request: Request, owner: str, pause: Pause) -> Prepared:
    """The request with the thoughts of this provider as it made them, and without those of others, which are named."""
    raw = request.fields.get("input", msgspec.Raw(b"null"))
    if b'"reasoning"' not in bytes(raw):
        return Prepared(request)
    try:
        items, lost = given_back(decoded(raw, _items, pause, _items.decode), owner)
    except (ValueError, RecursionError):
        why = "Invalid 'input': an item of thoughts cannot be read."
        raise AttemptFailed(Outcome.BAD_REQUEST, "thoughts that cannot be read", message=why, param="input") from None
    own = msgspec.structs.replace(request, fields={**request.fields, "input": encoded(items, pause)})
    return Prepared(own, tuple(f"input[{at}]" for at in lost))


def encode(request: Request, target: Deployment, thinking: tuple[str, ...]) -> Call:
    """Bytes are stable: the same request gives the same body. `thinking`: how the names of models begin that think."""
    fields: dict[str, Any] = {name: raw for name, raw in request.fields.items() if name not in _OURS}
    fields["model"] = msgspec.Raw(_encode(target.model))
    if fields.get("store") != _NO:
        fields["store"] = _NO
        if target.model.startswith(thinking):
            fields["include"] = _with_thoughts(fields.get("include"))
    accept = "text/event-stream" if request.facts.stream else "application/json"
    headers = (("content-type", "application/json"), ("accept", accept), ("x-request-id", request.id))
    return Call("POST", "/responses", headers, _encode(fields))


def _with_thoughts(include: msgspec.Raw | None) -> Any:
    try:
        given = _words.decode(include) or [] if include is not None else []
    except (msgspec.DecodeError, UnicodeDecodeError):
        return include  # the provider says what is wrong with it
    return given if _THOUGHTS in given else [*given, _THOUGHTS]
