"""A caller's body as a chat. What has no place in one is named: by its member, or its path in the body."""

import re
from functools import partial

import msgspec

from gateway.dialects.anthropic.own_tools import tool_of
from gateway.dialects.anthropic.read_parts import CacheControl, read_content
from gateway.dialects.anthropic.wire import ABSENT, is_present
from gateway.dialects.contract import Fields
from gateway.dialects.invalid import invalid, read_member
from gateway.dialects.slices import decoded
from gateway.values.chat import Chat, Format, ProviderTool, Role, Thinking, Tool, ToolChoice, Turn
from gateway.values.pause import Pause

_KNOWN = frozenset({
    "model", "stream", "messages", "system", "tools", "tool_choice", "max_tokens", "temperature", "top_p", "top_k",
    "stop_sequences", "metadata", "thinking", "output_config", "output_format", "service_tier",
})  # fmt: skip
_ROLES = {"user": Role.USER, "assistant": Role.ASSISTANT, "system": Role.SYSTEM}
_MODES = {"auto": "auto", "any": "required", "none": "none"}
_TIERS = {"auto": "auto", "standard_only": "default"}


_RUN_THERE = re.compile("web_search_|web_fetch_|code_execution_|advisor_|mcp_toolset")
_encode = msgspec.json.Encoder().encode


class _Message(msgspec.Struct):
    role: str
    content: msgspec.Raw = ABSENT


class _Tool(msgspec.Struct):
    name: str
    type: str | None = None
    description: str | None = None
    input_schema: msgspec.Raw = ABSENT
    strict: bool | None = None
    cache_control: CacheControl | None = None


class _Choice(msgspec.Struct):
    type: str
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class _Thinking(msgspec.Struct):
    type: str
    budget_tokens: int | None = None
    display: str | None = None


class _Format(msgspec.Struct):
    type: str
    schema: msgspec.Raw = ABSENT


class _OutputConfig(msgspec.Struct):
    effort: str | None = None
    format: _Format | None = None


class _Metadata(msgspec.Struct):
    user_id: str | None = None


_messages = msgspec.json.Decoder(list[_Message])
_members = msgspec.json.Decoder(list[dict[str, msgspec.Raw]] | None)
_tools = msgspec.json.Decoder(list[_Tool] | None)
_choice = msgspec.json.Decoder(_Choice | None)
_thinking = msgspec.json.Decoder(_Thinking | None)
_config = msgspec.json.Decoder(_OutputConfig | None)
_format = msgspec.json.Decoder(_Format | None)
_metadata = msgspec.json.Decoder(_Metadata | None)
_count = msgspec.json.Decoder(int | None)
_number = msgspec.json.Decoder(float | None)
_texts = msgspec.json.Decoder(list[str] | None)
_text = msgspec.json.Decoder(str | None)


def read_chat(fields: Fields, pause: Pause) -> Chat:
    """Raises AttemptFailed (bad_request, with the path) for what makes no sense."""
    unsaid = [name for name in fields if name not in _KNOWN and is_present(fields[name])]
    tools, own_tools = _tools_of(fields, unsaid)
    choice = read_member(_choice, fields.get("tool_choice", ABSENT), "tool_choice")
    tier = read_member(_text, fields.get("service_tier", ABSENT), "service_tier")
    config = read_member(_config, fields.get("output_config", ABSENT), "output_config") or _OutputConfig()
    metadata = read_member(_metadata, fields.get("metadata", ABSENT), "metadata")
    stop = read_member(_texts, fields.get("stop_sequences", ABSENT), "stop_sequences")
    parallel = None if choice is None else choice.disable_parallel_tool_use
    chat = Chat(
        turns=_turns(fields, unsaid, pause),
        tools=tools,
        tool_choice=_chosen(choice, tools, unsaid),
        parallel_tool_calls=None if parallel is None else not parallel,
        max_output_tokens=read_member(_count, fields.get("max_tokens", ABSENT), "max_tokens"),
        temperature=read_member(_number, fields.get("temperature", ABSENT), "temperature"),
        top_p=read_member(_number, fields.get("top_p", ABSENT), "top_p"),
        top_k=read_member(_count, fields.get("top_k", ABSENT), "top_k"),
        stop=tuple(stop or ()),
        format=_format_of(fields, config, unsaid),
        thinking=_thinking_of(fields, config, unsaid),
        user=None if metadata is None else metadata.user_id,
        service_tier=None if tier is None else _TIERS.get(tier),
        provider_tools=own_tools,
    )
    if tier is not None and tier not in _TIERS:
        unsaid.append("service_tier")
    return msgspec.structs.replace(chat, unsaid=tuple(unsaid)) if unsaid else chat


def _turns(fields: Fields, unsaid: list[str], pause: Pause) -> tuple[Turn, ...]:
    turns = []
    if is_present(fields.get("system", ABSENT)):
        turns.append(Turn(Role.SYSTEM, read_content(fields["system"], "system", unsaid)))
    whole = partial(read_member, _messages, path="messages")
    for at, message in enumerate(decoded(fields.get("messages", ABSENT), _messages, pause, whole)):
        pause()
        if message.role not in _ROLES:
            raise invalid(f"messages[{at}].role", "expected 'user', 'assistant' or 'system'")
        turns.append(Turn(_ROLES[message.role], read_content(message.content, f"messages[{at}].content", unsaid)))
    return tuple(turns)


def _tools_of(fields: Fields, unsaid: list[str]) -> tuple[tuple[Tool, ...], tuple[ProviderTool, ...]]:
    """The caller's own, and those that Anthropic runs itself. Those whose schema it knows have no place."""
    raw = fields.get("tools", ABSENT)
    tools, own = [], []
    members = read_member(_members, raw, "tools") or []
    for at, one in enumerate(read_member(_tools, raw, "tools") or ()):
        if one.type not in (None, "custom"):
            found = tool_of(_encode(members[at])) if _RUN_THERE.match(one.type) else None
            if found is None:
                unsaid.append(f"tools[{at}]")
            else:
                own.append(found)
            continue
        unsaid += [f"tools[{at}].{name}" for name in members[at] if name not in _Tool.__struct_fields__]
        tools.append(
            Tool(
                name=one.name,
                description=one.description,
                schema=bytes(one.input_schema).decode() if is_present(one.input_schema) else None,
                strict=one.strict,
                cache_s=None if one.cache_control is None else one.cache_control.seconds(),
            )
        )
    return tuple(tools), tuple(own)


def _chosen(choice: _Choice | None, tools: tuple[Tool, ...], unsaid: list[str]) -> ToolChoice | None:
    """None also for one that cannot be kept, since the tool that it names has no place."""
    if choice is None:
        return None
    if choice.type in _MODES:
        if tools or choice.type == "none":
            return ToolChoice(_MODES[choice.type])
        unsaid.append("tool_choice")
        return None
    if choice.type != "tool" or choice.name is None:
        raise invalid("tool_choice", "expected auto, any, none, or tool with a name")
    if all(tool.name != choice.name for tool in tools):
        unsaid.append("tool_choice")
        return None
    return ToolChoice("required", choice.name)


def _format_of(fields: Fields, config: _OutputConfig, unsaid: list[str]) -> Format | None:
    """Also under the name that it had while it was in trial."""
    asked, name = config.format, "output_config.format"
    if asked is None:
        asked, name = read_member(_format, fields.get("output_format", ABSENT), "output_format"), "output_format"
    if asked is None:
        return None
    if asked.type != "json_schema" or not is_present(asked.schema):
        unsaid.append(name)
        return None
    return Format(schema=bytes(asked.schema).decode())


def _thinking_of(fields: Fields, config: _OutputConfig, unsaid: list[str]) -> Thinking | None:
    asked = read_member(_thinking, fields.get("thinking", ABSENT), "thinking")
    if asked is None:
        return None if config.effort is None else Thinking(effort=config.effort)
    if asked.display is not None:
        unsaid.append("thinking.display")
    if asked.type not in ("enabled", "adaptive", "disabled"):
        unsaid.append("thinking.type")
    return Thinking(is_on=asked.type != "disabled", budget_tokens=asked.budget_tokens, effort=config.effort)
