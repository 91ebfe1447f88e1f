"""A caller's body as a chat. What has no place in one is named: by its member, or its path in the body."""

from functools import partial
from typing import Any

import msgspec

from gateway.dialects.contract import Fields
from gateway.dialects.gemini.read_parts import AskedPart, Calls, parts_of
from gateway.dialects.gemini.signatures import NAME
from gateway.dialects.gemini.wire import ABSENT, is_present
from gateway.dialects.invalid import invalid, read_member
from gateway.dialects.slices import decoded
from gateway.values.chat import Chat, Format, ProviderTool, Role, Thinking, Tool, ToolChoice, Turn, WebSearch
from gateway.values.pause import Pause

_KNOWN = frozenset({
    "model", "stream", "contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "serviceTier",
})  # fmt: skip
_ROLES = {"user": Role.USER, "function": Role.USER, "model": Role.ASSISTANT}
_MODES = {"AUTO": "auto", "ANY": "required", "NONE": "none", "VALIDATED": "auto"}
_TIERS = {"standard": "default", "flex": "flex", "priority": "priority"}
_FUNCTIONS = "functionDeclarations"
_OWN_TOOLS = {"googleSearch": "web_search", "codeExecution": "code_execution"}
_AUTOMATIC = -1
_MANY = 64  # contents between two pauses


class _Content(msgspec.Struct):
    role: str | None = None
    parts: list[AskedPart] | None = None


class _Declaration(msgspec.Struct, rename="camel"):
    name: str
    description: str | None = None
    parameters: msgspec.Raw = ABSENT
    parameters_json_schema: msgspec.Raw = ABSENT


class _Calling(msgspec.Struct, rename="camel"):
    mode: str | None = None
    allowed_function_names: list[str] | None = None


class _ToolConfig(msgspec.Struct, rename="camel"):
    function_calling_config: _Calling | None = None


class _Thinking(msgspec.Struct, rename="camel"):
    include_thoughts: bool | None = None
    thinking_budget: int | None = None
    thinking_level: str | None = None


class _Config(msgspec.Struct, rename="camel"):
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: float | None = None
    stop_sequences: list[str] | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    response_mime_type: str | None = None
    response_schema: msgspec.Raw = ABSENT
    response_json_schema: msgspec.Raw = ABSENT
    thinking_config: _Thinking | None = None
    response_logprobs: bool | None = None
    logprobs: int | None = None
    candidate_count: int | None = None


_contents = msgspec.json.Decoder(list[_Content])
_system = msgspec.json.Decoder(_Content | str | None)
_tools = msgspec.json.Decoder(list[dict[str, msgspec.Raw]] | None)
_declarations = msgspec.json.Decoder(list[_Declaration] | None)
_tool_config = msgspec.json.Decoder(_ToolConfig | None)
_config = msgspec.json.Decoder(_Config | None)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw] | None)
_word = msgspec.json.Decoder(str | None)
_encode = msgspec.json.Encoder().encode


def read_chat(fields: Fields, pause: Pause) -> Chat:
    """Raises AttemptFailed (bad_request, with the path) for what makes no sense."""
    unsaid = [name for name in fields if name not in _KNOWN and is_present(fields[name])]
    raw = fields.get("generationConfig", ABSENT)
    config = read_member(_config, raw, "generationConfig") or _Config()
    known = {one.encode_name for one in msgspec.structs.fields(_Config)}
    members = read_member(_members, raw, "generationConfig") or {}
    unsaid += [f"generationConfig.{name}" for name in members if name not in known and is_present(members[name])]
    if config.candidate_count not in (None, 1):
        raise invalid("generationConfig.candidateCount", "the provider gives one answer")
    tools = tuple(_tools_of(fields))
    tier = read_member(_word, fields.get("serviceTier", ABSENT), "serviceTier")
    tier = None if tier is None else tier.lower().removeprefix("service_tier_")
    if tier not in (None, "unspecified", *_TIERS):
        unsaid.append("serviceTier")
    chat = Chat(
        turns=tuple(_turns(fields, unsaid, pause)),
        tools=tools,
        tool_choice=_choice(fields, tools, unsaid),
        max_output_tokens=config.max_output_tokens,
        temperature=config.temperature,
        top_p=config.top_p,
        top_k=None if config.top_k is None else int(config.top_k),
        stop=tuple(config.stop_sequences or ()),
        seed=config.seed,
        presence_penalty=config.presence_penalty,
        frequency_penalty=config.frequency_penalty,
        format=_format(config, unsaid),
        thinking=_thinking(config.thinking_config),
        service_tier=_TIERS.get(tier or ""),
        provider_tools=tuple(_own_tools(fields)),
        logprobs=config.response_logprobs,
        top_logprobs=config.logprobs,
    )
    return msgspec.structs.replace(chat, unsaid=tuple(unsaid)) if unsaid else chat


def _turns(fields: Fields, unsaid: list[str], pause: Pause) -> list[Turn]:
    calls = Calls()
    turns: list[Turn] = []
    system = read_member(_system, fields.get("systemInstruction", ABSENT), "systemInstruction")
    if isinstance(system, str):
        system = _Content(parts=[AskedPart(text=system)])
    if system is not None:
        turns.append(Turn(Role.SYSTEM, tuple(parts_of(system.parts or [], "systemInstruction", calls, unsaid))))
    whole = partial(read_member, _contents, path="contents")
    for at, content in enumerate(decoded(fields.get("contents", ABSENT), _contents, pause, whole)):
        if at % _MANY == _MANY - 1:
            pause()
        role = _ROLES.get((content.role or "user").lower())
        if role is None:
            raise invalid(f"contents[{at}].role", "expected 'user' or 'model'")
        turns.append(Turn(role, tuple(parts_of(content.parts or [], f"contents[{at}]", calls, unsaid))))
    return turns


def _tools_of(fields: Fields) -> list[Tool]:
    """The caller's own."""
    found: list[Tool] = []
    for at, members in enumerate(read_member(_tools, fields.get("tools", ABSENT), "tools") or ()):
        raw = members.get(_FUNCTIONS, ABSENT)
        declared = read_member(_declarations, raw, f"tools[{at}].{_FUNCTIONS}") or []
        found += [Tool(name=one.name, description=one.description, schema=_schema_of(one)) for one in declared]
    return found


def _own_tools(fields: Fields) -> list[ProviderTool]:
    """Those that Google runs itself."""
    found: list[ProviderTool] = []
    for members in read_member(_tools, fields.get("tools", ABSENT), "tools") or ():
        for name, raw in members.items():
            if name != _FUNCTIONS and is_present(raw):
                kind, native = _OWN_TOOLS.get(name, name), bytes(raw).decode()
                search = WebSearch() if kind == "web_search" else None
                found.append(ProviderTool(kind=kind, native=native, maker=NAME, search=search))
    return found


def _schema_of(declared: _Declaration) -> str | None:
    if is_present(declared.parameters_json_schema):
        return bytes(declared.parameters_json_schema).decode()
    return json_schema(declared.parameters) if is_present(declared.parameters) else None


def json_schema(raw: msgspec.Raw) -> str:
    """A schema in Google's older form, whose types are in capitals, as JSON schema."""
    try:
        return _encode(_lowered(msgspec.json.decode(raw))).decode()
    except RecursionError:
        raise invalid("tools", "a schema is nested too deeply") from None


def _lowered(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_lowered(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: _inner(name, value) for name, value in schema.items() if name != "nullable"}
    kind = made.get("type")
    if isinstance(kind, str):
        made["type"] = [kind.lower(), "null"] if schema.get("nullable") is True else kind.lower()
    return made


def _inner(name: str, value: Any) -> Any:
    if name == "properties" and isinstance(value, dict):
        return {key: _lowered(one) for key, one in value.items()}
    return _lowered(value) if name in ("items", "anyOf", "prefixItems", "additionalProperties") else value


def _choice(fields: Fields, tools: tuple[Tool, ...], unsaid: list[str]) -> ToolChoice | None:
    config = read_member(_tool_config, fields.get("toolConfig", ABSENT), "toolConfig")
    calling = None if config is None else config.function_calling_config
    if calling is None or calling.mode is None:
        return None
    mode = _MODES.get(calling.mode.upper())
    if mode is None:
        raise invalid("toolConfig.functionCallingConfig.mode", "expected AUTO, ANY or NONE")
    names = calling.allowed_function_names or []
    if mode == "required" and len(names) == 1 and any(tool.name == names[0] for tool in tools):
        return ToolChoice("required", names[0])
    if names or not tools:
        unsaid.append("toolConfig.functionCallingConfig")
    return ToolChoice(mode) if tools else None


def _format(config: _Config, unsaid: list[str]) -> Format | None:
    kind = config.response_mime_type
    if kind in (None, "text/plain"):
        return None
    if kind != "application/json":
        unsaid.append("generationConfig.responseMimeType")
        return None
    if is_present(config.response_json_schema):
        return Format(schema=bytes(config.response_json_schema).decode())
    return Format(schema=json_schema(config.response_schema)) if is_present(config.response_schema) else Format()


def _thinking(asked: _Thinking | None) -> Thinking | None:
    if asked is None:
        return None
    budget = None if asked.thinking_budget == _AUTOMATIC else asked.thinking_budget
    if budget == 0:
        return Thinking(is_on=False)
    level = None if asked.thinking_level is None else asked.thinking_level.lower()
    return Thinking(budget_tokens=budget, effort=level)
