"""Blocks of a caller's content, as parts of a turn."""

from collections.abc import Callable

import msgspec

from gateway.dialects.anthropic.citations import citations_of
from gateway.dialects.anthropic.marks import MAKER, told
from gateway.dialects.anthropic.own_tools import Used, used_part
from gateway.dialects.anthropic.wire import ABSENT, is_present
from gateway.dialects.invalid import invalid, read_member
from gateway.values.chat import (
    Document,
    HiddenReasoning,
    Image,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)

_SHORT_S, _LONG_S = 300, 3600


class CacheControl(msgspec.Struct):
    """`ttl` is 5m or 1h."""

    ttl: str | None = None

    def seconds(self) -> int:
        """How long what was written is kept."""
        return _LONG_S if self.ttl == "1h" else _SHORT_S


class _Source(msgspec.Struct):
    type: str
    file_id: str | None = None
    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    content: msgspec.Raw = ABSENT


class _Citing(msgspec.Struct):
    enabled: bool | None = None


class _Block(msgspec.Struct):
    type: str
    text: str | None = None
    source: msgspec.Raw = ABSENT
    title: msgspec.Raw = ABSENT
    id: str | None = None
    name: str | None = None
    input: msgspec.Raw = ABSENT
    tool_use_id: str | None = None
    content: msgspec.Raw = ABSENT
    is_error: bool | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    cache_control: CacheControl | None = None
    citations: msgspec.Raw = ABSENT
    context: str | None = None
    transformations: msgspec.Raw = ABSENT

    def cache_s(self) -> int | None:
        """How long the prompt up to here is to be cached."""
        return None if self.cache_control is None else self.cache_control.seconds()


_content = msgspec.json.Decoder(str | list[_Block] | None)
_source = msgspec.json.Decoder(_Source)
_title = msgspec.json.Decoder(str | None)
_texts = msgspec.json.Decoder(str | list[_Block])
_natives = msgspec.json.Decoder(list[msgspec.Raw]).decode
_used = msgspec.json.Decoder(Used).decode
_citing = msgspec.json.Decoder(_Citing)
# beside what a block is: members that say more of it, and have no place in other dialects
_MORE = ("transformations",)


def read_content(raw: msgspec.Raw, path: str, unsaid: list[str]) -> tuple[Part, ...]:
    """Text, or blocks. Those that have no place in a chat are named in `unsaid`, by their paths."""
    blocks = read_member(_content, raw, path)
    if blocks is None:
        return ()
    if isinstance(blocks, str):
        return (Text(blocks),)
    parts: list[Part] = []
    signed: tuple[str, str | None] | None = None  # the signature of the call that follows, and who made it
    for at, block in enumerate(blocks):
        where = f"{path}[{at}]"
        if block.type == "redacted_thinking":
            payload, maker, of_call = told(block.data)
            if of_call:
                signed = payload or "", maker
                continue
        part = _part(block, where, unsaid)
        if part is None and block.type not in _KINDS:
            native = bytes(_natives(raw)[at])
            part = used_part(_used(native), native.decode("utf-8", "replace"))
        if signed is not None and isinstance(part, ToolCall):
            part = msgspec.structs.replace(part, signature=signed[0], maker=signed[1])
            signed = None
        if part is None:
            unsaid.append(where)
            continue
        unsaid += [f"{where}.{name}" for name in _MORE if is_present(getattr(block, name))]
        parts.append(part)
    return tuple(parts)


def _part(block: _Block, path: str, unsaid: list[str]) -> Part | None:
    """None for a block that has no place, or is of Anthropic's own tools."""
    read = _KINDS.get(block.type)
    return None if read is None else read(block, path, unsaid)


def _text(block: _Block, path: str, _: list[str]) -> Text:
    return Text(_said(block.text, f"{path}.text"), block.cache_s(), citations_of(block.citations))


def _call(block: _Block, path: str, _: list[str]) -> ToolCall:
    arguments = bytes(block.input).decode() if is_present(block.input) else "{}"
    return ToolCall(_said(block.id, f"{path}.id"), _said(block.name, f"{path}.name"), arguments, block.cache_s())


def _thought(block: _Block, path: str, _: list[str]) -> Reasoning:
    signature, maker, _of_call = told(block.signature)
    return Reasoning(_said(block.thinking, f"{path}.thinking"), signature, maker)


def _hidden(block: _Block, path: str, _: list[str]) -> HiddenReasoning:
    data, maker, _of_call = told(_said(block.data, f"{path}.data"))
    return HiddenReasoning(data or "", maker)


def _said(value: str | None, path: str) -> str:
    if value is None:
        raise invalid(path, "a string is missing")
    return value


def _image(block: _Block, path: str, _: list[str]) -> Image | None:
    cache_s = block.cache_s()
    source = read_member(_source, block.source, f"{path}.source")
    if source.type == "base64":
        return Image(media_type=source.media_type, data=_said(source.data, f"{path}.source.data"), cache_s=cache_s)
    if source.type == "file":
        return Image(file_id=_said(source.file_id, f"{path}.source.file_id"), maker=MAKER, cache_s=cache_s)
    return Image(url=_said(source.url, f"{path}.source.url"), cache_s=cache_s) if source.type == "url" else None


def _document(block: _Block, path: str, _: list[str]) -> Document | None:
    cache_s = block.cache_s()
    source = read_member(_source, block.source, f"{path}.source")
    name = read_member(_title, block.title, f"{path}.title")
    found = _of_source(source, name, cache_s, path)
    cites = None
    if is_present(block.citations):
        cites = read_member(_citing, block.citations, f"{path}.citations").enabled
    return None if found is None else msgspec.structs.replace(found, context=block.context, cites=cites)


def _of_source(source: _Source, name: str | None, cache_s: int | None, path: str) -> Document | None:
    if source.type == "file":
        file_id = _said(source.file_id, f"{path}.source.file_id")
        return Document(file_id=file_id, maker=MAKER, name=name, cache_s=cache_s)
    if source.type in ("base64", "text"):
        data = _said(source.data, f"{path}.source.data")
        return Document(media_type=source.media_type, data=data, name=name, cache_s=cache_s)
    if source.type == "url":
        return Document(url=_said(source.url, f"{path}.source.url"), name=name, cache_s=cache_s)
    text = _only_text(source.content, f"{path}.source.content") if source.type == "content" else None
    return None if text is None else Document(media_type="text/plain", data=text, name=name, cache_s=cache_s)


def _only_text(raw: msgspec.Raw, path: str) -> str | None:
    """The text of a document that is given as content; None if it has images."""
    content = read_member(_texts, raw, path)
    if isinstance(content, str):
        return content
    return "\n".join(block.text or "" for block in content) if all(block.type == "text" for block in content) else None


def _result(block: _Block, path: str, unsaid: list[str]) -> ToolResult:
    parts = read_content(block.content, f"{path}.content", unsaid)
    kept = tuple(part for part in parts if isinstance(part, Text | Image | Document))
    if len(kept) < len(parts):
        raise invalid(f"{path}.content", "expected text, images and documents")
    call_id = _said(block.tool_use_id, f"{path}.tool_use_id")
    return ToolResult(call_id=call_id, parts=kept, is_error=bool(block.is_error), cache_s=block.cache_s())


_KINDS: dict[str, Callable[[_Block, str, list[str]], Part | None]] = {
    "text": _text,
    "image": _image,
    "document": _document,
    "tool_use": _call,
    "tool_result": _result,
    "thinking": _thought,
    "redacted_thinking": _hidden,
}
