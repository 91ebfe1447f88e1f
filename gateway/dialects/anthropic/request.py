"""Encode: the caller's fields as they are, but for the model's name, and thoughts that Anthropic did not sign, which are left
out before.

Such thoughts are what another provider's model thought earlier in the conversation: with an empty signature, or another
one's, they are refused, and the whole conversation with them.
"""

import re
from typing import Annotated

import msgspec

from gateway.dialects.anthropic.marks import is_of_another
from gateway.dialects.contract import Prepared
from gateway.dialects.reported import MOST_TOKENS
from gateway.dialects.slices import decoded, encoded
from gateway.values.call import Call
from gateway.values.deployment import Deployment
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.pause import Pause
from gateway.values.request import Request

# the last version that takes temperature, top_p and top_k: callers of other dialects send them
VERSION = "2023-06-01"
_PASSED_ON = ("anthropic-version", "anthropic-beta")
# versions and names of betas, no free text: it would go on unlooked at
_VALUE = re.compile(r"[a-z0-9-]{1,64}( ?, ?[a-z0-9-]{1,64}){0,31}")
_COUNTED = (
    "messages", "system", "tools", "tool_choice", "thinking", "output_config", "cache_control", "speed",
)  # fmt: skip
_UNSIGNED = re.compile(rb'"(?:signature|data)"\s*:\s*"(?:"|[A-Za-z0-9_./+-]{1,80}:)')
_encode = msgspec.json.Encoder().encode


class _Kind(msgspec.Struct):
    type: str = ""
    signature: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"null")


class _Count(msgspec.Struct):
    input_tokens: Annotated[int, msgspec.Meta(ge=0, le=MOST_TOKENS)]


_turns = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_blocks = msgspec.json.Decoder(list[msgspec.Raw]).decode
_kind = msgspec.json.Decoder(_Kind).decode
_data = msgspec.json.Decoder(str | None).decode
_count = msgspec.json.Decoder(_Count).decode


def encode(request: Request, target: Deployment) -> Call:
    """Bytes are stable: the same request gives the same body, so that a prompt cache upstream can hit (FAULTS T4)."""
    fields = dict(request.fields)
    fields["model"] = msgspec.Raw(_encode(target.model))
    accept = "text/event-stream" if request.facts.stream else "application/json"
    return Call("POST", "/messages", _headers(request, accept), _encode(fields))


def prepare(request: Request, pause: Pause) -> Prepared:
    """The request without thoughts that were not signed, and which these were."""
    messages = request.fields.get("messages", msgspec.Raw(b""))
    if not _UNSIGNED.search(memoryview(messages)):
        return Prepared(request)
    signed, lost = _signed(messages, pause)
    return Prepared(msgspec.structs.replace(request, fields={**request.fields, "messages": signed}), lost)


def encode_count(request: Request, target: Deployment) -> Call:
    """What of the body makes the prompt; nothing else may stand beside it."""
    fields = {name: request.fields[name] for name in _COUNTED if name in request.fields}
    fields["model"] = msgspec.Raw(_encode(target.model))
    return Call("POST", "/messages/count_tokens", _headers(request, "application/json"), _encode(fields))


def decode_count(body: bytes) -> int:
    """The tokens of the prompt."""
    try:
        return _count(body).input_tokens
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise AttemptFailed(Outcome.MALFORMED_ANSWER, "no count of tokens came") from wrong


def _headers(request: Request, accept: str) -> tuple[tuple[str, str], ...]:
    """With the API's version and what of it is in trial, as the caller asked for."""
    told = [(name, value) for name, value in request.headers if name in _PASSED_ON and _VALUE.fullmatch(value)]
    if all(name != "anthropic-version" for name, _ in told):
        told.insert(0, ("anthropic-version", VERSION))
    return (("content-type", "application/json"), ("accept", accept), *told, ("x-request-id", request.id))


def _signed(messages: msgspec.Raw, pause: Pause) -> tuple[msgspec.Raw, tuple[str, ...]]:
    """The turns without unsigned thoughts, and which these were; as they are where a turn is not understood."""
    lost: list[str] = []
    try:
        turns = decoded(messages, _turns, pause, _turns.decode)
        for at, turn in enumerate(turns):
            content = turn.get("content", msgspec.Raw(b"null"))
            if bytes(content).lstrip()[:1] != b"[" or not _UNSIGNED.search(bytes(content)):
                continue
            blocks = _blocks(content)
            unsigned = {place for place, block in enumerate(blocks) if _is_unsigned(block)}
            if unsigned and len(unsigned) < len(blocks):
                kept = [block for place, block in enumerate(blocks) if place not in unsigned]
                turn["content"] = msgspec.Raw(_encode(kept))
                lost += [f"messages[{at}].content[{place}]" for place in sorted(unsigned)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return messages, ()
    return (encoded(turns, pause), tuple(lost)) if lost else (messages, ())


def _is_unsigned(block: msgspec.Raw) -> bool:
    kind = _kind(block)
    if kind.type == "redacted_thinking":
        return is_of_another(_data(kind.data))
    return kind.type == "thinking" and kind.signature is not None and is_of_another(kind.signature)
