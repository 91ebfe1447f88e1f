"""`reasoning_details`: what a model thought, with what its provider needs to take it back.

Chat completions has no member for that. OpenRouter's is the one that clients know: entries of type reasoning.text (text,
signature) and reasoning.encrypted (data), in a stream in pieces that carry the same `index`.
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


_decode = msgspec.json.Decoder(list[_Entry] | None).decode


def thoughts_of(details: msgspec.Raw, plain: str | None) -> list[Reasoning | HiddenReasoning]:
    """What an assistant's message says of its thoughts: by its details, else by its `plain` text."""
    try:
        entries = _decode(details) or []
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        entries = []
    found: list[Reasoning | HiddenReasoning] = []
    at: int | None = None  # the index of the last text
    for entry in entries:
        if entry.type == _ENCRYPTED and entry.data is not None:
            found.append(HiddenReasoning(entry.data))
            at = None
        elif entry.type == _TEXT:
            last = found[-1] if found else None
            if isinstance(last, Reasoning) and entry.index is not None and entry.index == at:
                found[-1] = Reasoning(last.text + (entry.text or ""), entry.signature or last.signature)
            else:
                found.append(Reasoning(entry.text or "", entry.signature))
            at = entry.index
    if not found and plain:
        found.append(Reasoning(plain))
    return found


def text_entry(index: int, text: str | None = None, signature: str | None = None) -> dict[str, Any]:
    """A thought, or a piece of one."""
    said = {"text": text, "signature": signature}
    return {"type": _TEXT, **{name: value for name, value in said.items() if value is not None}, "index": index}


def encrypted_entry(index: int, data: str) -> dict[str, Any]:
    """A thought that only its provider can read."""
    return {"type": _ENCRYPTED, "data": data, "index": index}
