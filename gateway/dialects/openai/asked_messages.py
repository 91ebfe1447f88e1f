"""The messages of a caller of chat completions, as turns.

Beside OpenAI's members (its OpenAPI description 2.3.0): `reasoning_content` and `reasoning` of messages, as vLLM and
llama.cpp take them; `reasoning_details`, in which OpenRouter gives back what a model thought with its signature;
`cache_control` of parts, which OpenRouter and others take for Anthropic's models.
"""

from collections.abc import Iterator

import msgspec

from gateway.dialects.openai.reasoning_details import call_signatures, thoughts_of
from gateway.dialects.slices import decoded
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
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.pause import Pause

MAKER = "openai"
_NO = msgspec.Raw(b"null")
_SHORT_S, _LONG_S = 300, 3600


class CacheControl(msgspec.Struct, gc=False):
    """`ttl` is 5m or 1h."""

    ttl: str | None = None

    def seconds(self) -> int:
        """How long what was written is kept."""
        return _LONG_S if self.ttl == "1h" else _SHORT_S


class _Url(msgspec.Struct, gc=False):
    url: str
    detail: str | None = None


class _Sound(msgspec.Struct, gc=False):
    data: str
    format: str


class _File(msgspec.Struct, gc=False):
    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


class _Part(msgspec.Struct, gc=False):
    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: _Url | None = None
    input_audio: _Sound | None = None
    file: _File | None = None
    cache_control: CacheControl | None = None

    def cache_s(self) -> int | None:
        """How long the prompt up to here is to be cached."""
        return None if self.cache_control is None else self.cache_control.seconds()


class _Called(msgspec.Struct, gc=False):
    name: str
    arguments: str = ""


class _Call(msgspec.Struct, gc=False):
    function: _Called
    id: str = ""


class _Message(msgspec.Struct, gc=False):
    role: str
    content: str | list[_Part] | None = None
    name: str | None = None
    refusal: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    reasoning_details: msgspec.Raw = _NO
    tool_calls: list[_Call] | None = None
    tool_call_id: str | None = None
    function_call: _Called | None = None
    annotations: msgspec.Raw = _NO  # what an answer cited; nobody takes it back


class _OnlyKnown(_Message, forbid_unknown_fields=True, gc=False):
    """A message that has no other members."""


_MANY = 64  # messages between two pauses
_EFFECTLESS = {b"null", b"[]", b"{}"}
_SYSTEM = frozenset({"system", "developer"})
_known: msgspec.json.Decoder[list[_Message]] = msgspec.json.Decoder(list[_OnlyKnown])
_messages = msgspec.json.Decoder(list[_Message])
_members = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])


def turns_of(raw: msgspec.Raw, pause: Pause) -> tuple[tuple[Turn, ...], list[str]]:
    """The turns, and the members of messages that have no place in them. Raises msgspec's errors, and AttemptFailed."""
    try:
        found: list[_Message] = list(decoded(raw, _known, pause, _known.decode))
        unsaid = []
    except msgspec.ValidationError:
        found = decoded(raw, _messages, pause, _messages.decode)
        unsaid = list(_unknown(decoded(raw, _members, pause, _members.decode)))
    unsaid += [f"messages[{at}].annotations" for at, one in enumerate(found) if _says(one.annotations)]
    return tuple(_all_turns(found, pause)), unsaid


def _unknown(messages: list[dict[str, msgspec.Raw]]) -> Iterator[str]:
    known = frozenset(_Message.__struct_fields__)
    for at, members in enumerate(messages):
        yield from (f"messages[{at}].{name}" for name in members if name not in known and _says(members[name]))


def _says(raw: msgspec.Raw) -> bool:
    return raw is not _NO and bytes(raw) not in _EFFECTLESS


def refused(why: str, path: str | None = None) -> AttemptFailed:
    """What must not be lost, and has no form; or what makes no sense."""
    message = f"Invalid {path!r}: {why}." if path else f"The request cannot be put into the provider's format: {why}."
    return AttemptFailed(Outcome.BAD_REQUEST, "it has no form in the provider's dialect", message=message, param=path)


def _all_turns(messages: list[_Message], pause: Pause) -> Iterator[Turn]:
    for at, message in enumerate(messages):
        if at % _MANY == _MANY - 1:
            pause()
        yield from _turns(message, f"messages[{at}]")


def _turns(message: _Message, path: str) -> list[Turn]:
    if message.role in _SYSTEM:
        return [Turn(Role.SYSTEM, _parts(message.content, path), message.name)]
    if message.role == "user":
        return [Turn(Role.USER, _parts(message.content, path), message.name)]
    if message.role == "assistant":
        return [Turn(Role.ASSISTANT, _said(message, path), message.name)]
    if message.role in ("tool", "function"):
        given = [part for part in _parts(message.content, path) if isinstance(part, Text | Image | Document)]
        call = message.tool_call_id or message.name or ""
        return [Turn(Role.USER, (ToolResult(call_id=call, parts=tuple(given)),))]
    raise refused("expected one of system, developer, user, assistant, tool", f"{path}.role")


def _said(message: _Message, path: str) -> tuple[Part, ...]:
    """What the assistant said: thoughts first, then text, then calls."""
    thought = message.reasoning_content or message.reasoning
    parts: list[Part] = [*thoughts_of(message.reasoning_details, thought)]
    signed = call_signatures(message.reasoning_details)
    parts += _parts(message.content, path)
    if message.refusal:
        parts.append(Refusal(message.refusal))
    for call in message.tool_calls or ():
        signature, maker = signed.get(call.id, (None, None))
        function = call.function
        parts.append(ToolCall(call.id, function.name, function.arguments, signature=signature, maker=maker))
    if message.function_call is not None:  # before tools had ids: its result says the name
        parts.append(ToolCall(message.function_call.name, message.function_call.name, message.function_call.arguments))
    return tuple(parts)


def _parts(content: str | list[_Part] | None, path: str) -> tuple[Part, ...]:
    if content is None:
        return ()
    if isinstance(content, str):
        return (Text(content),) if content else ()
    return tuple(_part(part, f"{path}.content[{at}]") for at, part in enumerate(content))


def _part(part: _Part, path: str) -> Part:
    if part.type == "text" or part.type.endswith("_text"):
        return Text(part.text or "", part.cache_s())
    if part.refusal is not None:
        return Refusal(part.refusal)
    if part.image_url is not None:
        media_type, data = _inline(part.image_url.url)
        detail, cache_s = part.image_url.detail, part.cache_s()
        if data is not None:
            return Image(media_type=media_type, data=data, detail=detail, cache_s=cache_s)
        return Image(url=part.image_url.url, detail=detail, cache_s=cache_s)
    if part.input_audio is not None:
        return Audio(part.input_audio.data, part.input_audio.format)
    if part.file is not None:
        return _file(part.file, part.cache_s(), path)
    raise refused(f"a part of type {part.type!r} has no form in the provider's format", path)


def _file(file: _File, cache_s: int | None, path: str) -> Document:
    if file.file_data is not None:
        media_type, data = _inline(file.file_data)
        return Document(media_type=media_type, data=data or file.file_data, name=file.filename, cache_s=cache_s)
    if file.file_id is not None:
        return Document(file_id=file.file_id, maker=MAKER, name=file.filename, cache_s=cache_s)
    raise refused("expected the file's data or its id", path)


def _inline(url: str) -> tuple[str | None, str | None]:
    """The media type and the base64 of a `data:` URL; (None, None) of any other."""
    head, comma, data = url.partition(",")
    if not comma or not head.startswith("data:") or not head.endswith(";base64"):
        return None, None
    return head.removeprefix("data:").split(";", maxsplit=1)[0] or None, data
