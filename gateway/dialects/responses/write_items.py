"""The turns of a chat as items of an input. What an item cannot say is named in `lost`, by the part's path in the chat."""

from collections.abc import Iterator, Sequence
from typing import Any

from gateway.dialects.contract import Adapted, Deviation
from gateway.dialects.invalid import invalid
from gateway.dialects.responses.sealed import MAKER, id_in
from gateway.values.chat import (
    Document,
    HiddenReasoning,
    Image,
    Part,
    Reasoning,
    Refusal,
    Role,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)

Item = dict[str, Any]


def items_of(turn: Turn, path: str, lost: dict[Deviation, None]) -> Iterator[Item]:
    """A turn's items, in order."""
    if turn.name is not None:
        lost[f"{path}.name"] = None
    if any(getattr(part, "cache_s", None) for part in turn.parts):
        lost["cache_control"] = None
    if turn.role is Role.ASSISTANT:
        yield from _said(turn.parts, path, lost)
        return
    rest: list[Item] = []
    for at, part in enumerate(turn.parts):
        where = f"{path}.parts[{at}]"
        if isinstance(part, ToolResult):
            yield _result(part, where, lost)
        elif isinstance(part, Reasoning | HiddenReasoning):
            lost[where] = None
        else:
            rest.append(_piece(part, where, lost))
    if rest or not turn.parts:
        yield {"type": "message", "role": turn.role.value, "content": rest}


def _result(part: ToolResult, path: str, lost: dict[Deviation, None]) -> Item:
    if part.is_error:
        lost[f"{path}.is_error"] = None
    if any(one.cache_s for one in part.parts):
        lost["cache_control"] = None
    if all(isinstance(one, Text) for one in part.parts):
        output: Any = "\n".join(one.text for one in part.parts if isinstance(one, Text))
    else:
        output = [_piece(one, f"{path}.parts[{at}]", lost) for at, one in enumerate(part.parts)]
    return {"type": "function_call_output", "call_id": part.call_id, "output": output}


def _said(parts: Sequence[Part], path: str, lost: dict[Deviation, None]) -> Iterator[Item]:
    """What the assistant said. A thought is given back only where a provider of this dialect encrypted it."""
    content: list[Item] = []
    for at, part in enumerate(parts):
        if isinstance(part, Text | Refusal):
            content.append(_own_words(part))
            continue
        if content:
            yield {"type": "message", "role": "assistant", "content": content}
            content = []
        if isinstance(part, ToolCall):
            yield {"type": "function_call", "call_id": part.id, "name": part.name, "arguments": part.arguments}
        elif isinstance(part, HiddenReasoning) and part.maker == MAKER:
            before = parts[at - 1] if at else None
            summary = [{"type": "summary_text", "text": before.text}] if isinstance(before, Reasoning) else []
            yield {"type": "reasoning", "id": id_in(part.data), "summary": summary, "encrypted_content": part.data}
        elif not _is_a_summary(parts, at):
            lost[f"{path}.parts[{at}]"] = None
    if content or not parts:
        yield {"type": "message", "role": "assistant", "content": content}


def _is_a_summary(parts: Sequence[Part], at: int) -> bool:
    """Whether this is what can be read of the thought that follows."""
    after = parts[at + 1] if at + 1 < len(parts) else None
    part = parts[at]
    is_plain = isinstance(part, Reasoning) and part.signature is None
    return is_plain and isinstance(after, HiddenReasoning) and after.maker == MAKER


def _own_words(part: Text | Refusal) -> Item:
    if isinstance(part, Refusal):
        return {"type": "refusal", "refusal": part.text}
    return {"type": "output_text", "text": part.text, "annotations": []}


def _piece(part: Part, path: str, lost: dict[Deviation, None]) -> Item:
    if isinstance(part, Text):
        return {"type": "input_text", "text": part.text}
    if isinstance(part, Refusal):
        return {"type": "input_text", "text": part.text}
    if isinstance(part, Image):
        detail = {"type": "input_image", "detail": part.detail or "auto"}
        if part.file_id is not None and part.maker == MAKER:
            return {**detail, "file_id": part.file_id}
        url = part.url if part.data is None else f"data:{part.media_type or 'image/png'};base64,{part.data}"
        if url is None:
            raise invalid(path, "an image needs its data, or a URL")
        return {**detail, "image_url": url}
    if isinstance(part, Document):
        return _document(part, path, lost)
    raise invalid(path, f"{type(part).__name__} has no form in the provider's format")


def _document(part: Document, path: str, lost: dict[Deviation, None]) -> Item:
    for name in ("context", "cites"):
        if getattr(part, name) is not None:
            lost[f"{path}.{name}"] = None
    if part.file_id is not None and part.maker == MAKER:
        return {"type": "input_file", "file_id": part.file_id}
    if part.data is None:
        if part.url is None:
            raise invalid(path, "a document needs its data, or a URL")
        if part.name is not None:
            lost[f"{path}.name"] = None
        return {"type": "input_file", "file_url": part.url}
    if part.media_type == "text/plain":
        lost[Adapted(path, "a text, without what it is called" if part.name else "a text")] = None
        return {"type": "input_text", "text": part.data}
    if part.name is None:
        lost[Adapted(f"{path}.name", "document, since a file must have one")] = None
    data = f"data:{part.media_type or 'application/pdf'};base64,{part.data}"
    return {"type": "input_file", "filename": part.name or "document", "file_data": data}
