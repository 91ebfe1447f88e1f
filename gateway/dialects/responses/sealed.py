"""`encrypted_content`: what only the provider that made it can read, marked with who that is.

A thought is given back on the next turn to the provider that made it, and to no other: another one refuses it, and the whole
conversation with it. So what a provider of this dialect encrypted leaves here as `gw1.r.OWNER.ID.CONTENT`: who made it, and
the item that it belongs to, which it is checked against. What comes from other dialects is `gw1.s.MAKER.SIGNATURE` (of a thought
that can be read), `gw1.h.MAKER.DATA` (of one that cannot) or `gw1.c.MAKER.SIGNATURE` (of the call that follows).
"""

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from gateway.values.chat import HiddenReasoning, Reasoning

MAKER = "responses"  # the name of this dialect
_MARKED = "gw1."
_OF_CALL = f"{_MARKED}c."
_OWNED, _SIGNED, _HIDDEN = f"{_MARKED}r.", f"{_MARKED}s.", f"{_MARKED}h."
_NEEDLE = b'"encrypted_content"'
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode
_Change = Callable[[str, str], str]  # an item's id and its encrypted content become what is given on


def owner_of(*words: str) -> str:
    """A name for who makes thoughts: of a provider at an address."""
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:12]


def sealed(owner: str, item_id: str, content: str) -> str:
    """As it leaves here."""
    return f"{_OWNED}{owner}.{item_id.replace('.', '')}.{content}"


def unsealed(owner: str, content: str) -> tuple[str, str] | None:
    """The item's id and what its provider encrypted; None if that is not this one."""
    if not content.startswith(f"{_OWNED}{owner}."):
        return None
    item_id, dot, rest = content.removeprefix(f"{_OWNED}{owner}.").partition(".")
    return (item_id, rest) if dot else None


def is_owned(data: str) -> bool:
    """Whether a provider of this dialect made it."""
    return data.startswith(_OWNED)


def id_in(data: str) -> str:
    """The id of the item that it belongs to."""
    return data.split(".", 4)[3] if data.count(".") >= 4 else ""


def signature_as(signature: str, maker: str | None) -> str:
    """A signature of another dialect as encrypted content."""
    return f"{_SIGNED}{maker or ''}.{signature}"


def hidden_as(data: str, maker: str | None) -> str:
    """A thought of another dialect that cannot be read, likewise."""
    return data if is_owned(data) else f"{_HIDDEN}{maker or ''}.{data}"


def call_signature_as(signature: str, maker: str | None) -> str:
    """The signature of the call that follows."""
    return f"{_OF_CALL}{maker or ''}.{signature}"


def call_signature_in(content: str | None) -> tuple[str, str | None] | None:
    """The signature of the call that follows, and its maker; None for any other thought."""
    if content is None or not content.startswith(_OF_CALL):
        return None
    maker, _, signature = content.removeprefix(_OF_CALL).partition(".")
    return signature, maker or None


def thoughts_in(text: str, content: str | None) -> list[Reasoning | HiddenReasoning]:
    """What an item of thoughts is in a chat: `text` is its summary. What nobody here marked is left out."""
    plain: list[Reasoning | HiddenReasoning] = [Reasoning(text)] if text else []
    if content is None or not content.startswith(_MARKED) or content.startswith(_OF_CALL):
        return plain
    if is_owned(content):
        return [*plain, HiddenReasoning(content, MAKER)]
    maker, _, data = content.removeprefix(_SIGNED).removeprefix(_HIDDEN).partition(".")
    if content.startswith(_SIGNED):
        return [Reasoning(text, data, maker or None)]
    return [*plain, HiddenReasoning(data, maker or None)]


def sealed_body(body: bytes, owner: str) -> bytes:
    """A whole response, its thoughts marked; the same bytes where there are none."""
    return (
        _changed_response(body, lambda item_id, content: sealed(owner, item_id, content)) if _NEEDLE in body else body
    )


def sealed_event(data: bytes, owner: str) -> bytes:
    """The data of one event, likewise."""
    if _NEEDLE not in data:
        return data
    members: dict[str, Any] = _members(data)

    def mark(item_id: str, content: str) -> str:
        return sealed(owner, item_id, content)

    if "item" in members:
        members["item"] = _changed(members["item"], mark)
    if "response" in members:
        members["response"] = msgspec.Raw(_changed_response(bytes(members["response"]), mark))
    return _encode(members)


def _changed_response(body: bytes, change: _Change) -> bytes:
    members: dict[str, Any] = _members(body)
    if "output" in members:
        members["output"] = [_changed(item, change) for item in _items(members["output"])]
    return _encode(members)


def _changed(item: msgspec.Raw, change: _Change) -> Any:
    if _NEEDLE not in bytes(item):
        return item
    members: dict[str, Any] = _members(item)
    content = msgspec.json.decode(members.get("encrypted_content", b"null"))
    if not isinstance(content, str) or not content:
        return item
    item_id = msgspec.json.decode(members.get("id", b'""'))
    members["encrypted_content"] = change(item_id if isinstance(item_id, str) else "", content)
    return members


def given_back(items: Iterable[msgspec.Raw], owner: str) -> tuple[list[Any], list[int]]:
    """The items of an input as their provider `owner` takes them, and the places of thoughts that it does not: those of
    others, and those that it would have to have kept. What follows one that is left out is not called by its id: the provider
    would miss the thought.
    """
    kept: list[Any] = []
    lost: list[int] = []
    for at, item in enumerate(items):
        if b'"reasoning"' not in bytes(item):
            kept.append(item)
            continue
        members: dict[str, Any] = _members(item)
        if msgspec.json.decode(members.get("type", b"null")) != "reasoning":
            kept.append(item)
            continue
        content = msgspec.json.decode(members.get("encrypted_content", b"null"))
        found = unsealed(owner, content) if isinstance(content, str) else None
        if found is None:
            lost.append(at)
            continue
        members["encrypted_content"] = found[1]
        kept.append({**members, "id": found[0]} if found[0] else members)
    return ([_without_id(item) for item in kept] if lost else kept), lost


def _without_id(item: Any) -> Any:
    members = _members(item) if isinstance(item, msgspec.Raw) else item
    kind = msgspec.json.decode(members["type"]) if "type" in members else "message"
    if kind not in ("message", "function_call", "custom_tool_call"):
        return item
    return {name: value for name, value in members.items() if name != "id"}
