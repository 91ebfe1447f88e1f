"""What a caller of chat completions asks for, as the canonical chat.

Source: OpenAI's OpenAPI description 2.3.0 (CreateChatCompletionRequest). Beside it: `top_k` and `reasoning_content` of
messages, as vLLM and llama.cpp take them; `reasoning_details` of messages, in which OpenRouter gives back what a model
thought with its signature.
"""

from collections.abc import Iterator

import msgspec

from gateway.dialects.contract import Fields
from gateway.dialects.openai.reasoning_details import thoughts_of
from gateway.dialects.slices import decoded
from gateway.values.chat import (
    Audio,
    Chat,
    Document,
    Format,
    Image,
    Part,
    Refusal,
    Role,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.pause import Pause

_NO = msgspec.Raw(b"null")


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


class _Function(msgspec.Struct, gc=False):
    name: str
    arguments: str = ""
    description: str | None = None
    parameters: msgspec.Raw = _NO
    strict: bool | None = None


class _Call(msgspec.Struct, gc=False):
    function: _Function
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
    function_call: _Function | None = None


class _ToolEntry(msgspec.Struct, gc=False):
    type: str = "function"
    function: _Function | None = None


class _NamedFunction(msgspec.Struct, gc=False):
    name: str


class _NamedTool(msgspec.Struct, gc=False):
    function: _NamedFunction


class _Schema(msgspec.Struct, gc=False):
    name: str | None = None
    description: str | None = None
    schema: msgspec.Raw = _NO
    strict: bool | None = None


class _ResponseFormat(msgspec.Struct, gc=False):
    type: str
    json_schema: _Schema | None = None


class _Body(msgspec.Struct, gc=False):
    tools: list[_ToolEntry] | None = None
    functions: list[_Function] | None = None
    tool_choice: str | _NamedTool | None = None
    function_call: str | _NamedFunction | None = None
    parallel_tool_calls: bool | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    response_format: _ResponseFormat | None = None
    reasoning_effort: str | None = None
    user: str | None = None
    safety_identifier: str | None = None
    service_tier: str | None = None


# what is the request's, or says nothing that an answer would show
_NOT_THE_CHATS = frozenset({"model", "messages", "stream", "stream_options", "n"})
_MANY = 64  # messages between two pauses
_EFFECTLESS = {b"null", b"[]", b"{}"}
_ONE = {b"null", b"1"}
_decode = msgspec.json.Decoder(_Body).decode
_messages = msgspec.json.Decoder(list[_Message])
_encode = msgspec.json.Encoder().encode
_SYSTEM = frozenset({"system", "developer"})


def chat_of(fields: Fields, pause: Pause) -> Chat:
    """The chat. Raises AttemptFailed (bad_request) with the path of what it cannot be."""
    try:
        body = _decode(_encode({name: raw for name, raw in fields.items() if name != "messages"}))
        messages = decoded(fields.get("messages", _NO), _messages, pause, _messages.decode)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise _refused(str(wrong)) from None
    if bytes(fields.get("n", _NO)) not in _ONE:  # not left out: who asks for several reads them by number
        raise _refused("the provider gives one choice", "n")
    most = [one for one in (body.max_completion_tokens, body.max_tokens) if one]
    named = body.tool_choice if body.tool_choice is not None else body.function_call
    return Chat(
        turns=tuple(_all_turns(messages, pause)),
        tools=(*_tools(body), *(_tool(one) for one in body.functions or ())),
        tool_choice=None if named is None else _choice(named),
        parallel_tool_calls=body.parallel_tool_calls,
        max_output_tokens=max(most, default=None),
        temperature=body.temperature,
        top_p=body.top_p,
        top_k=body.top_k,
        stop=(body.stop,) if isinstance(body.stop, str) else tuple(body.stop or ()),
        seed=body.seed,
        presence_penalty=body.presence_penalty,
        frequency_penalty=body.frequency_penalty,
        format=_format(body.response_format),
        thinking=_thinking(body.reasoning_effort),
        user=body.safety_identifier or body.user,
        service_tier=body.service_tier,
        unsaid=tuple(name for name, raw in fields.items() if _is_unsaid(name, raw)),
    )


def _is_unsaid(name: str, raw: msgspec.Raw) -> bool:
    known = name in _Body.__struct_fields__ or name in _NOT_THE_CHATS
    return not known and bytes(raw) not in _EFFECTLESS


def _refused(why: str, path: str | None = None) -> AttemptFailed:
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
    raise _refused("expected one of system, developer, user, assistant, tool", f"{path}.role")


def _said(message: _Message, path: str) -> tuple[Part, ...]:
    """What the assistant said: thoughts first, then text, then calls."""
    thought = message.reasoning_content or message.reasoning
    parts: list[Part] = [*thoughts_of(message.reasoning_details, thought)]
    parts += _parts(message.content, path)
    if message.refusal:
        parts.append(Refusal(message.refusal))
    parts += [ToolCall(call.id, call.function.name, call.function.arguments) for call in message.tool_calls or ()]
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
        return Text(part.text or "")
    if part.refusal is not None:
        return Refusal(part.refusal)
    if part.image_url is not None:
        media_type, data = _inline(part.image_url.url)
        if data is not None:
            return Image(media_type=media_type, data=data, detail=part.image_url.detail)
        return Image(url=part.image_url.url, detail=part.image_url.detail)
    if part.input_audio is not None:
        return Audio(part.input_audio.data, part.input_audio.format)
    if part.file is not None and part.file.file_data is not None:
        media_type, data = _inline(part.file.file_data)
        return Document(media_type=media_type, data=data or part.file.file_data, name=part.file.filename)
    raise _refused(f"a part of type {part.type!r} has no form in the provider's format", path)


def _inline(url: str) -> tuple[str | None, str | None]:
    """The media type and the base64 of a `data:` URL; (None, None) of any other."""
    head, comma, data = url.partition(",")
    if not comma or not head.startswith("data:") or not head.endswith(";base64"):
        return None, None
    return head.removeprefix("data:").split(";", maxsplit=1)[0] or None, data


def _tools(body: _Body) -> list[Tool]:
    tools = []
    for at, entry in enumerate(body.tools or ()):
        if entry.function is None:
            raise _refused(f"a tool of type {entry.type!r} has no form in the provider's format", f"tools[{at}]")
        tools.append(_tool(entry.function))
    return tools


def _tool(function: _Function) -> Tool:
    return Tool(
        name=function.name,
        description=function.description,
        schema=_text(function.parameters),
        strict=function.strict,
    )


def _text(raw: msgspec.Raw) -> str | None:
    return None if raw is _NO or bytes(raw) == b"null" else bytes(raw).decode()


def _choice(named: str | _NamedTool | _NamedFunction) -> ToolChoice:
    if isinstance(named, str):
        return ToolChoice(named)
    return ToolChoice("named", named.function.name if isinstance(named, _NamedTool) else named.name)


def _format(wanted: _ResponseFormat | None) -> Format | None:
    if wanted is None or wanted.type == "text":
        return None
    schema = wanted.json_schema
    if schema is None:
        return Format()
    return Format(schema=_text(schema.schema), name=schema.name, description=schema.description, strict=schema.strict)


def _thinking(effort: str | None) -> Thinking | None:
    if effort is None:
        return None
    return Thinking(is_on=False) if effort == "none" else Thinking(effort=effort)
