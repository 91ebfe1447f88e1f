"""A caller's body as a chat. What has no place in one is named: by its member, or its path in the body."""

from functools import partial

import msgspec

from gateway.dialects.contract import Fields
from gateway.dialects.invalid import invalid, read_member
from gateway.dialects.openai.wire import ABSENT, is_present
from gateway.dialects.responses.provider_tools import read_provider_tool
from gateway.dialects.responses.read_items import ReadItem, turns_of
from gateway.dialects.slices import decoded
from gateway.values.chat import Chat, Format, ProviderTool, Role, Text, Thinking, Tool, ToolChoice, Turn
from gateway.values.pause import Pause

# the gateway's own doing, or the answer's alone: `metadata` is given back, thoughts come as they are
_OTHERS = frozenset({"model", "stream", "store", "previous_response_id", "metadata"})
_DEFAULTS = {"background": b"false", "truncation": b'"disabled"', "top_logprobs": b"0"}
_MODES = ("auto", "none", "required")


class _Tool(msgspec.Struct):
    type: str
    name: str | None = None
    description: str | None = None
    parameters: msgspec.Raw = ABSENT
    strict: bool | None = None


class _Choice(msgspec.Struct):
    type: str
    name: str | None = None
    mode: str | None = None
    tools: list["_Choice"] | None = None


class _Format(msgspec.Struct):
    type: str
    name: str | None = None
    description: str | None = None
    schema: msgspec.Raw = ABSENT
    strict: bool | None = None


class _TextConfig(msgspec.Struct):
    format: _Format | None = None
    verbosity: str | None = None


class _Reasoning(msgspec.Struct):
    effort: str | None = None
    summary: str | None = None
    generate_summary: str | None = None


class _Options(msgspec.Struct):
    include_obfuscation: bool | None = None


class _Body(msgspec.Struct):
    instructions: str | None = None
    tools: list[_Tool] | None = None
    tool_choice: str | _Choice | None = None
    parallel_tool_calls: bool | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    text: _TextConfig | None = None
    reasoning: _Reasoning | None = None
    user: str | None = None
    safety_identifier: str | None = None
    service_tier: str | None = None
    stream_options: _Options | None = None
    include: list[str] | None = None
    prompt_cache_key: str | None = None


_body = msgspec.json.Decoder(_Body)
_items = msgspec.json.Decoder(list[ReadItem])
_tool_list = msgspec.json.Decoder(list[msgspec.Raw] | None)
_tool_members = msgspec.json.Decoder(list[dict[str, msgspec.Raw]] | None)
_string = msgspec.json.Decoder(str)
_encode = msgspec.json.Encoder().encode
_READ = frozenset(_Body.__struct_fields__) | {"input", *_OTHERS}


def read_chat(fields: Fields, pause: Pause) -> Chat:
    """Raises AttemptFailed (bad_request, with the path) for what makes no sense, or names what only another provider keeps."""
    told = {name: raw for name, raw in fields.items() if name in _Body.__struct_fields__}
    body = read_member(_body, msgspec.Raw(_encode(told)), "")
    unsaid = [name for name, raw in fields.items() if name not in _READ and _asks(name, raw)]
    if is_present(fields.get("prompt", ABSENT)):
        raise invalid("prompt", "only the provider that keeps it can fill it in")
    tools, own_tools = _tools_of(body, fields.get("tools", ABSENT), unsaid)
    tools, choice = _chosen(body, tools, own_tools, unsaid)
    if body.stream_options is not None and body.stream_options.include_obfuscation:
        unsaid.append("stream_options")
    unsaid += [f"include[{at}]" for at, one in enumerate(body.include or ()) if one != "reasoning.encrypted_content"]
    chat = Chat(
        turns=tuple(_turns(body, fields, unsaid, pause)),
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=body.parallel_tool_calls,
        max_output_tokens=body.max_output_tokens,
        temperature=body.temperature,
        top_p=body.top_p,
        presence_penalty=body.presence_penalty,
        frequency_penalty=body.frequency_penalty,
        format=_format_of(body),
        thinking=_thinking_of(body, unsaid),
        user=body.safety_identifier or body.user,
        service_tier=body.service_tier,
        provider_tools=own_tools,
        verbosity=None if body.text is None else body.text.verbosity,
        cache_key=body.prompt_cache_key,
    )
    return msgspec.structs.replace(chat, unsaid=tuple(unsaid)) if unsaid else chat


def _asks(name: str, raw: msgspec.Raw) -> bool:
    """Whether a member asks for anything else than what is usual."""
    return is_present(raw) and bytes(raw) != _DEFAULTS.get(name)


def _turns(body: _Body, fields: Fields, unsaid: list[str], pause: Pause) -> list[Turn]:
    instructions = [Turn(Role.SYSTEM, (Text(body.instructions),))] if body.instructions else []
    raw = fields.get("input", ABSENT)
    if bytes(raw).startswith(b'"'):
        return [*instructions, Turn(Role.USER, (Text(read_member(_string, raw, "input")),))]
    whole = partial(read_member, _items, path="input")
    return [*instructions, *turns_of(decoded(raw, _items, pause, whole), unsaid)]


def _tools_of(body: _Body, raw: msgspec.Raw, unsaid: list[str]) -> tuple[tuple[Tool, ...], tuple[ProviderTool, ...]]:
    """The caller's functions, and what else it declares: a provider runs it, or knows its form."""
    members = read_member(_tool_members, raw, "tools") or []
    written = read_member(_tool_list, raw, "tools") or []
    tools, own = [], []
    for at, one in enumerate(body.tools or ()):
        if one.type != "function":
            own.append(read_provider_tool(one.type, written[at]))
            continue
        if one.name is None:
            raise invalid(f"tools[{at}].name", "a string is missing")
        unsaid += [f"tools[{at}].{name}" for name in members[at] if name not in _Tool.__struct_fields__]
        schema = bytes(one.parameters).decode() if is_present(one.parameters) else None
        tools.append(Tool(name=one.name, description=one.description, schema=schema, strict=one.strict))
    return tuple(tools), tuple(own)


def _chosen(
    body: _Body, tools: tuple[Tool, ...], own: tuple[ProviderTool, ...], unsaid: list[str]
) -> tuple[tuple[Tool, ...], ToolChoice | None]:
    """None for a choice that cannot be kept, since what it names has no place. Of a set of allowed tools the others are left
    out: then no other can be called.
    """
    choice = body.tool_choice
    if isinstance(choice, str):
        if choice not in _MODES:
            raise invalid("tool_choice", "expected auto, none, required, or a tool")
        if tools or own or choice == "none":
            return tools, ToolChoice(choice)
    elif choice is None:
        return tools, None
    elif choice.type == "function" and any(tool.name == choice.name for tool in tools):
        return tools, ToolChoice("required", choice.name)
    elif choice.type == "allowed_tools":
        names = {one.name for one in choice.tools or () if one.type == "function"}
        allowed = tuple(tool for tool in tools if tool.name in names)
        if allowed:
            return allowed, ToolChoice("required" if choice.mode == "required" else "auto")
    if choice != "auto":
        unsaid.append("tool_choice")
    return tools, None


def _format_of(body: _Body) -> Format | None:
    if body.text is None:
        return None
    asked = body.text.format
    if asked is None or asked.type == "text":
        return None
    if asked.type == "json_object":
        return Format()
    if asked.type != "json_schema":
        raise invalid("text.format.type", "expected text, json_object or json_schema")
    schema = bytes(asked.schema).decode() if is_present(asked.schema) else None
    return Format(schema=schema, name=asked.name, description=asked.description, strict=asked.strict)


def _thinking_of(body: _Body, unsaid: list[str]) -> Thinking | None:
    """What is thought comes as the summary, whatever kind of one was asked for."""
    asked = body.reasoning
    if asked is None:
        return None
    kinds = {"summary": asked.summary, "generate_summary": asked.generate_summary}
    unsaid += [f"reasoning.{name}" for name, kind in kinds.items() if kind not in (None, "auto")]
    if asked.effort is None:
        return None
    return Thinking(is_on=False) if asked.effort == "none" else Thinking(effort=asked.effort)
