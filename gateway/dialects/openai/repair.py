"""Puts in order what a caller of chat completions does not expect; the rest of an answer keeps its bytes.

- usage beside choices moves into an event of its own, as OpenAI sends it: callers add up what they get twice;
- a tool call's part without `index` gets one (Gemini's OpenAI endpoint, mistral.rs): SDKs put the parts together by it;
- content in parts, thinking and text, becomes `reasoning_content` and text (Mistral's reasoning models);
- a choice that goes on after its finish_reason, and a tool call's part that is no object, are left out.
"""

import contextlib
from collections.abc import Collection
from typing import Any

import msgspec

from gateway.values.surrogates import without_lone_surrogates

_NULL, _NONE = msgspec.Raw(b"null"), msgspec.Raw(b"[]")
_TEXTS = frozenset({"text", "output_text"})
_THOUGHTS = frozenset({"thinking", "reasoning"})
_POINTERS = frozenset({"reference"})  # to what the request held; says nothing by itself
_encode = msgspec.json.Encoder().encode
_decode_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


class _Function(msgspec.Struct, gc=False):
    name: str | None = None


class ToolCall(msgspec.Struct, gc=False):
    """What tells one call of a message from another."""

    index: int | None = None
    id: str | None = None
    function: _Function | None = None


_decode_call = msgspec.json.Decoder(ToolCall).decode
_NAMELESS = ToolCall()


def tool_call(raw: msgspec.Raw) -> ToolCall:
    """A part of one, of an event that was read."""
    try:
        return _decode_call(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _NAMELESS


class _Calls:
    """The tool calls of one choice of a stream."""

    def __init__(self) -> None:
        self._by_id: dict[str, int] = {}
        self._last = self._top = -1

    def place(self, call: ToolCall) -> int:
        """The index that a part has, or must have had: one that names nothing goes on with the call before it."""
        name = call.function.name if call.function is not None else None
        if call.index is not None:
            index = call.index
        elif call.id and call.id in self._by_id:
            index = self._by_id[call.id]
        elif call.id or name:
            index = self._top + 1
        else:
            index = max(self._last, 0)
        if call.id:
            self._by_id.setdefault(call.id, index)
        self._last, self._top = index, max(self._top, index)
        return index


class Repair:
    """Of one stream."""

    def __init__(self) -> None:
        self._calls: dict[int, _Calls] = {}

    def saw(self, choice: int, call: ToolCall) -> int:
        """A part of a tool call came; the index that it has, or gets."""
        return self._calls.setdefault(choice, _Calls()).place(call)

    def event(self, data: bytes, *, dropped: Collection[int]) -> bytes | None:
        """A chunk without its usage and the choices at these places, the rest in order; None if no choice is left."""
        event: dict[str, Any] = members(data)
        if "usage" in event:
            event["usage"] = _NULL
        choices = [members(raw) for at, raw in enumerate(_decode_list(event["choices"])) if at not in dropped]
        event["choices"] = [self._choice(choice) for choice in choices]
        return _encode(event) if choices else None

    def _choice(self, choice: dict[str, Any]) -> dict[str, Any]:
        if not _is_set(choice.get("delta")):
            return choice
        delta = said_in_parts(members(choice["delta"]))
        if _is_set(delta.get("tool_calls")):
            index = msgspec.json.decode(choice["index"]) if _is_set(choice.get("index")) else 0
            delta["tool_calls"] = [self._call(index, raw) for raw in objects_in(delta["tool_calls"])]
        return {**choice, "delta": delta}

    def _call(self, choice: int, raw: msgspec.Raw) -> Any:
        index = self.saw(choice, tool_call(raw))
        return {"index": index, **{name: value for name, value in members(raw).items() if name != "index"}}


def usage_event(data: bytes) -> bytes:
    """An event of its own for the usage in a chunk."""
    return _encode({**members(data), "choices": _NONE})


def without_usage(data: bytes) -> bytes:
    """The chunk with no usage."""
    return _encode({**members(data), "usage": _NULL})


def said_in_parts(message: dict[str, Any]) -> dict[str, Any]:
    """A message or delta whose content is in parts, as text and `reasoning_content`; as it is where a part is neither."""
    content = message.get("content")
    if content is None or bytes(content).lstrip()[:1] != b"[":
        return message
    parts: Any = None
    for form in (bytes(content), without_lone_surrogates(bytes(content))):
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
            parts = msgspec.json.decode(form)
            break
    if not isinstance(parts, list) or not all(map(_has_kind, parts)):
        return message
    text = "".join(_text(part) for part in parts if part["type"] in _TEXTS)
    thought = "".join(_text(part) for part in parts if part["type"] in _THOUGHTS)
    changed: dict[str, Any] = {**message, "content": text}
    return {**changed, "reasoning_content": thought} if thought else changed


def _has_kind(part: Any) -> bool:
    """Whether it is a part that is known."""
    kind = part.get("type") if isinstance(part, dict) else None
    return isinstance(kind, str) and kind in _TEXTS | _THOUGHTS | _POINTERS


def _text(value: Any) -> str:
    """The text in a part, however deep: a thought is a list of texts."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(map(_text, value))
    if isinstance(value, dict):
        return _text(next((value[name] for name in ("text", "thinking", "reasoning") if name in value), None))
    return ""


def objects_in(raw: msgspec.Raw) -> list[msgspec.Raw]:
    """Of a list that was read before; what is none is left out."""
    return [one for one in _decode_list(raw) if bytes(one).lstrip()[:1] == b"{"]


def members(data: bytes | msgspec.Raw) -> dict[str, msgspec.Raw]:
    """Of an object that was read before."""
    try:
        return _decode_members(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _decode_members(without_lone_surrogates(bytes(data)))


def _is_set(raw: msgspec.Raw | None) -> bool:
    return raw is not None and bytes(raw) != b"null"
