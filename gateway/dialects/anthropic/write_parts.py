"""Parts of a turn as blocks of content. What a block cannot say is named in `lost`, by the part's path in the chat."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from gateway.dialects.anthropic.citations import citation_body
from gateway.dialects.anthropic.marks import MAKER, marked
from gateway.dialects.contract import Adapted, Deviation
from gateway.dialects.invalid import invalid
from gateway.values.chat import (
    Audio,
    Document,
    HiddenReasoning,
    Image,
    Part,
    ProviderCall,
    ProviderResult,
    Reasoning,
    Refusal,
    Role,
    Text,
    ToolCall,
    ToolResult,
)

Block = dict[str, Any]
_LONG_S = 3600
_NOT_OF_IDS = re.compile(r"[^a-zA-Z0-9_-]")  # an id with another character is refused
_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def blocks_of(parts: Sequence[Part], role: Role, path: str, lost: list[Deviation]) -> list[Block]:
    """Text without a word is refused, so it is left out."""
    found = [_block(part, role, f"{path}.parts[{at}]", lost) for at, part in enumerate(parts)]
    return [block for block in found if block is not None]


def cached(block: Block, cache_s: int | None) -> Block:
    """With the mark that the prompt up to here is to be cached."""
    if cache_s is not None:
        control = {"type": "ephemeral", "ttl": "1h"} if cache_s >= _LONG_S else {"type": "ephemeral"}
        block["cache_control"] = control
    return block


def call_block(call: ToolCall) -> tuple[Block, bool]:
    """A call; and whether its arguments were no object, and stand in one as text."""
    try:
        _object(call.arguments or "{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        arguments: Any = {"arguments": call.arguments}
        return {"type": "tool_use", "id": id_of(call.id), "name": call.name, "input": arguments}, True
    arguments = msgspec.Raw((call.arguments or "{}").encode())
    return {"type": "tool_use", "id": id_of(call.id), "name": call.name, "input": arguments}, False


def id_of(call_id: str) -> str:
    """The id of a call, in the characters that are allowed; the same for its result."""
    return _NOT_OF_IDS.sub("_", call_id) or "_"


def _block(part: Part, role: Role, path: str, lost: list[Deviation]) -> Block | None:
    if isinstance(part, Text):
        if any(one.maker != MAKER for one in part.citations):
            lost.append(f"{path}.citations")
        return _text(part)
    if isinstance(part, ProviderCall | ProviderResult):
        if role is Role.ASSISTANT and part.maker == MAKER:
            own: Block = msgspec.json.decode(part.native)
            return own
        lost.append(path)
        return None
    if isinstance(part, Reasoning | HiddenReasoning | Refusal):
        return _of_model(part, role, path, lost)
    return _OTHERS[type(part)](part, path, lost)


def _of_model(
    part: Reasoning | HiddenReasoning | Refusal, role: Role, path: str, lost: list[Deviation]
) -> Block | None:
    """A thought that was not signed is refused; a refusal is told as text."""
    if isinstance(part, Refusal):
        lost.append(Adapted(path, "said as text"))
        return _text(Text(part.text))
    if role is not Role.ASSISTANT or part.maker != MAKER or (isinstance(part, Reasoning) and part.signature is None):
        lost.append(path)
        return None
    return thought_block(part)


def _image(part: Image, path: str, lost: list[Deviation]) -> Block:
    if part.detail is not None:
        lost.append(f"{path}.detail")
    return cached({"type": "image", "source": _image_source(part, path)}, part.cache_s)


def _call(part: ToolCall, path: str, lost: list[Deviation]) -> Block:
    block, is_wrapped = call_block(part)
    if is_wrapped:
        lost.append(Adapted(f"{path}.arguments", "an object that holds them as text, since they were none"))
    if part.signature is not None:
        lost.append(f"{path}.signature")
    return cached(block, part.cache_s)


def _audio(_: Audio, path: str, __: list[Deviation]) -> Block:
    raise invalid(path, "audio has no place in Anthropic's messages")


def thought_block(part: Reasoning | HiddenReasoning) -> Block:
    """What the model thought."""
    if isinstance(part, HiddenReasoning):
        return {"type": "redacted_thinking", "data": marked(part.data, part.maker)}
    return {"type": "thinking", "thinking": part.text, "signature": marked(part.signature, part.maker)}


def _text(part: Text) -> Block | None:
    if not part.text.strip():
        return None
    block: Block = {"type": "text", "text": part.text}
    own = [citation_body(one) for one in part.citations if one.maker == MAKER]
    return cached({**block, "citations": own} if own else block, part.cache_s)


def _image_source(part: Image, path: str) -> Block:
    if part.url is not None:
        return {"type": "url", "url": part.url}
    if part.file_id is not None:
        return _file(part, path)
    if part.data is None or part.media_type is None:
        raise invalid(path, "an image needs its data and media type, or a URL")
    return {"type": "base64", "media_type": part.media_type, "data": part.data}


def _file(part: Image | Document, path: str) -> Block:
    if part.maker != MAKER:
        raise invalid(path, "the file is at another provider; send its data or a URL")
    return {"type": "file", "file_id": part.file_id}


def _document(part: Document, path: str, _: list[Deviation]) -> Block:
    if part.url is not None:
        source = {"type": "url", "url": part.url}
    elif part.file_id is not None:
        source = _file(part, path)
    elif part.data is None or part.media_type is None:
        raise invalid(path, "a document needs its data and media type, or a URL")
    else:
        kind = "text" if part.media_type == "text/plain" else "base64"
        source = {"type": kind, "media_type": part.media_type, "data": part.data}
    block: Block = {"type": "document", "source": source}
    if part.name is not None:
        block["title"] = part.name
    if part.context is not None:
        block["context"] = part.context
    if part.cites is not None:
        block["citations"] = {"enabled": part.cites}
    return cached(block, part.cache_s)


def _result(part: ToolResult, path: str, lost: list[Deviation]) -> Block:
    block: Block = {"type": "tool_result", "tool_use_id": id_of(part.call_id)}
    content = blocks_of(part.parts, Role.USER, path, lost)
    if content:
        block["content"] = content
    if part.is_error:
        block["is_error"] = True
    return cached(block, part.cache_s)


_OTHERS: dict[type, Callable[[Any, str, list[Deviation]], Block]] = {
    Image: _image,
    Document: _document,
    ToolCall: _call,
    ToolResult: _result,
    Audio: _audio,
}
