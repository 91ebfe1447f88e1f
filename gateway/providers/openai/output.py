"""Output under names that are not known here: `reasoning_details`, `images`, `annotations`, whatever comes next."""

import contextlib
from typing import Any

import msgspec

from gateway.providers.openai.wire import ABSENT
from gateway.values.surrogates import without_lone_surrogates

# what says of an answer what it is, and nothing of what it says
_LABELS = frozenset({
    "role", "name", "id", "object", "type", "model", "index", "created", "format", "finish_reason", "stop_reason",
})  # fmt: skip


class _Usual(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A delta without other names; what stands under these was looked at."""

    role: msgspec.Raw = ABSENT
    content: msgspec.Raw = ABSENT
    refusal: msgspec.Raw = ABSENT
    reasoning: msgspec.Raw = ABSENT
    reasoning_content: msgspec.Raw = ABSENT
    tool_calls: msgspec.Raw = ABSENT
    function_call: msgspec.Raw = ABSENT
    audio: msgspec.Raw = ABSENT


class _UsualChoice(msgspec.Struct, gc=False):
    delta: _Usual | None = None
    message: _Usual | None = None


class _UsualBody(msgspec.Struct, gc=False):
    choices: list[_UsualChoice]


class _Choice(msgspec.Struct):
    delta: dict[str, Any] | None = None
    message: dict[str, Any] | None = None


class _Body(msgspec.Struct):
    choices: list[_Choice] | None = None


_decode = msgspec.json.Decoder(_Body).decode
_decode_usual = msgspec.json.Decoder(_UsualBody).decode


def says_anything(body: bytes) -> bool:
    """True if a message or delta in a chat completion, or a chunk of one, holds text under another name than the usual."""
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        _decode_usual(body)
        return False
    for form in (body, without_lone_surrogates(body)):
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return any(_says(choice.delta) or _says(choice.message) for choice in _decode(form).choices or ())
    return False


def _says(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_says(member) for name, member in value.items() if name not in _LABELS)
    if isinstance(value, list):
        return any(map(_says, value))
    return isinstance(value, str) and bool(value)
