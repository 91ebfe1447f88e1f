"""The items of an input as the turns of a chat. What has no place in one is named, by its path."""

from collections.abc import Callable, Sequence

import msgspec

from gateway.dialects.invalid import invalid, read_member
from gateway.dialects.openai.wire import ABSENT
from gateway.dialects.responses.sealed import MAKER, call_signature_in, thoughts_in
from gateway.values.chat import (
    Audio,
    Document,
    Image,
    Part,
    Refusal,
    Role,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)

_ROLES = {"user": Role.USER, "assistant": Role.ASSISTANT, "system": Role.SYSTEM, "developer": Role.SYSTEM}
_TEXTS = frozenset({"input_text", "output_text", "text", "summary_text", "reasoning_text"})


class _Audio(msgspec.Struct):
    data: str
    format: str


class Piece(msgspec.Struct, gc=False):
    """A part of a message's content, of what a tool gave back, or of a thought."""

    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: str | None = None
    detail: str | None = None
    file_id: str | None = None
    file_data: str | None = None
    file_url: str | None = None
    filename: str | None = None
    input_audio: _Audio | None = None


class ReadItem(msgspec.Struct, gc=False):
    """One item of an input. A message may leave out its type."""

    type: str | None = None
    role: str | None = None
    content: msgspec.Raw = ABSENT
    summary: msgspec.Raw = ABSENT
    encrypted_content: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: msgspec.Raw = ABSENT
    output: msgspec.Raw = ABSENT
    id: str | None = None


_content = msgspec.json.Decoder(str | list[Piece] | None)
_text = msgspec.json.Decoder(str | None)


def turns_of(items: Sequence[ReadItem], unsaid: list[str]) -> list[Turn]:
    """What the assistant said, called and thought in a row is one turn of its own, and what tools gave back in a row one of
    the user's.
    """
    signed: tuple[str, str | None] | None = None  # the call that follows, and by whom
    turns: list[tuple[Role, bool, list[Part]]] = []  # the second: whether the next item may join it
    for at, item in enumerate(items):
        path = f"input[{at}]"
        if item.type in (None, "message"):
            role = _ROLES.get(item.role or "")
            if role is None:
                raise invalid(f"{path}.role", "expected user, assistant, system or developer")
            parts, joins = _parts(item.content, f"{path}.content", unsaid), role is Role.ASSISTANT
        elif item.type in _KINDS:
            role, read = _KINDS[item.type]
            parts, joins = read(item, path, unsaid), True
        else:
            unsaid.append(path)  # what tools of a provider's own were asked, and did
            continue
        if signed is not None and item.type == "function_call":
            parts = [msgspec.structs.replace(part, signature=signed[0], maker=signed[1]) for part in parts]
        if joins and turns and turns[-1][:2] == (role, True):
            turns[-1][2].extend(parts)
        else:
            turns.append((role, joins, parts))
        signed = call_signature_in(item.encrypted_content)
    return [Turn(role, tuple(parts)) for role, _, parts in turns]


def _call(item: ReadItem, path: str, _: list[str]) -> list[Part]:
    arguments = read_member(_text, item.arguments, f"{path}.arguments")
    return [ToolCall(_said(item.call_id, f"{path}.call_id"), _said(item.name, f"{path}.name"), arguments or "{}")]


def _result(item: ReadItem, path: str, unsaid: list[str]) -> list[Part]:
    parts = _parts(item.output, f"{path}.output", unsaid)
    kept = tuple(part for part in parts if isinstance(part, Text | Image | Document))
    return [ToolResult(call_id=_said(item.call_id, f"{path}.call_id"), parts=kept)]


def _thought(item: ReadItem, path: str, unsaid: list[str]) -> list[Part]:
    """Its summary, else its own words."""
    texts = _texts(item.summary, f"{path}.summary") or _texts(item.content, f"{path}.content")
    found = thoughts_in("\n\n".join(texts), item.encrypted_content)
    if not found and call_signature_in(item.encrypted_content) is None:
        unsaid.append(path)
    return [*found]


def _texts(raw: msgspec.Raw, path: str) -> list[str]:
    content = read_member(_content, raw, path)
    return [content] if isinstance(content, str) else [piece.text for piece in content or () if piece.text]


_KINDS: dict[str, tuple[Role, Callable[[ReadItem, str, list[str]], list[Part]]]] = {
    "function_call": (Role.ASSISTANT, _call),
    "function_call_output": (Role.USER, _result),
    "reasoning": (Role.ASSISTANT, _thought),
}


def _parts(raw: msgspec.Raw, path: str, unsaid: list[str]) -> list[Part]:
    content = read_member(_content, raw, path)
    if isinstance(content, str):
        return [Text(content)] if content else []
    found: list[Part] = []
    for at, piece in enumerate(content or ()):
        part = _part(piece, f"{path}[{at}]")
        if part is None:
            unsaid.append(f"{path}[{at}]")
        else:
            found.append(part)
    return found


def _part(piece: Piece, path: str) -> Part | None:
    """None for one that has no place."""
    if piece.type in _TEXTS:
        return Text(_said(piece.text, f"{path}.text"))
    if piece.type == "refusal":
        return Refusal(_said(piece.refusal, f"{path}.refusal"))
    read = _MEDIA.get(piece.type)
    return None if read is None else read(piece, path)


def _image(piece: Piece, path: str) -> Image:
    if piece.file_id is not None:
        return Image(file_id=piece.file_id, maker=MAKER, detail=_detail(piece))
    url = _said(piece.image_url, f"{path}.image_url")
    media_type, data = _inline(url)
    if data is not None:
        return Image(media_type=media_type, data=data, detail=_detail(piece))
    return Image(url=url, detail=_detail(piece))


def _detail(piece: Piece) -> str | None:
    """What is usual is not said."""
    return None if piece.detail == "auto" else piece.detail


def _document(piece: Piece, path: str) -> Document:
    if piece.file_id is not None:
        return Document(file_id=piece.file_id, maker=MAKER, name=piece.filename)
    if piece.file_data is None:
        return Document(url=_said(piece.file_url, f"{path}.file_url"), name=piece.filename)
    media_type, data = _inline(piece.file_data)
    return Document(media_type=media_type or "application/pdf", data=data or piece.file_data, name=piece.filename)


def _audio(piece: Piece, path: str) -> Audio:
    if piece.input_audio is None:
        raise invalid(f"{path}.input_audio", "an object is missing")
    return Audio(piece.input_audio.data, piece.input_audio.format)


_MEDIA: dict[str, Callable[[Piece, str], Part]] = {
    "input_image": _image,
    "input_file": _document,
    "input_audio": _audio,
}


def _inline(url: str) -> tuple[str | None, str | None]:
    """The media type and the base64 of a `data:` URL; (None, None) of any other."""
    head, comma, data = url.partition(",")
    if not comma or not head.startswith("data:") or not head.endswith(";base64"):
        return None, None
    return head.removeprefix("data:").split(";", maxsplit=1)[0] or None, data


def _said(value: str | None, path: str) -> str:
    if value is None:
        raise invalid(path, "a string is missing")
    return value
