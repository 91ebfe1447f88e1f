"""`reasoning_details`: what a model thought, with what its provider needs to take it back.

Chat completions has no member for that. OpenRouter's is the one that clients know: entries of type reasoning.text (text,
signature) and reasoning.encrypted (data), in a stream in pieces that carry the same `index`. `format` names who made the
signature or the data; `id` of an encrypted one is that of the call that it signs.
"""

from typing import Any

import msgspec

from gateway.values.chat import HiddenReasoning, Reasoning

_TEXT, _ENCRYPTED = "reasoning.text", "reasoning.encrypted"


class _Entry(msgspec.Struct, gc=False):
    type: str | None = None
    text: str | None = None
    signature: str | None = None
    data: str | None = None
    index: int | None = None
    format: str | None = None
    id: str | None = None


_decode = msgspec.json.Decoder(list[_Entry] | None).decode


def _entries(details: msgspec.Raw) -> list[_Entry]:
    try:
        return _decode(details) or []
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []


def thoughts_of(details: msgspec.Raw, plain: str | None) -> list[Reasoning | HiddenReasoning]:
    """What an assistant's message says of its thoughts: by its details, else by its `plain` text."""
    found: list[Reasoning | HiddenReasoning] = []
    at: int | None = None  # the index of the last text
    for entry in _entries(details):
        if entry.type == _ENCRYPTED and entry.data is not None:
            if entry.id is None:
                found.append(HiddenReasoning(entry.data, entry.format))
            at = None
        elif entry.type == _TEXT:
            last = found[-1] if found else None
            if isinstance(last, Reasoning) and entry.index is not None and entry.index == at:
                signature, maker = entry.signature or last.signature, entry.format or last.maker
                found[-1] = Reasoning(last.text + (entry.text or ""), signature, maker)
            else:
                found.append(Reasoning(entry.text or "", entry.signature, entry.format))
            at = entry.index
    texts = [one for one in found if isinstance(one, Reasoning)]
    if plain and (not found or (texts and not any(one.text for one in texts))):
        # the SDK for JavaScript keeps the last piece alone of each member of a stream: what it gives back was not signed so
        found = [Reasoning(plain), *(one for one in found if isinstance(one, HiddenReasoning))]
    return found


def call_signatures(details: msgspec.Raw) -> dict[str, tuple[str, str | None]]:
    """By a call's id, its signature and who made that."""
    if bytes(details) == b"null":
        return {}
    return {
        entry.id: (entry.data, entry.format)
        for entry in _entries(details)
        if entry.type == _ENCRYPTED and entry.id is not None and entry.data is not None
    }


def text_entry(
    index: int, text: str | None = None, signature: str | None = None, maker: str | None = None
) -> dict[str, Any]:
    """A thought, or a piece of one."""
    said = {"text": text, "signature": signature, "format": maker}
    return {"type": _TEXT, **{name: value for name, value in said.items() if value is not None}, "index": index}


def encrypted_entry(index: int, data: str, maker: str | None = None, call_id: str | None = None) -> dict[str, Any]:
    """A thought that only its provider can read, or the signature of a call."""
    said = {"format": maker, "id": call_id}
    more = {name: value for name, value in said.items() if value is not None}
    return {"type": _ENCRYPTED, "data": data, **more, "index": index}
