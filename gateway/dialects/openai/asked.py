"""What a caller of chat completions asks for, as the canonical chat.

Source: OpenAI's OpenAPI description 2.3.0 (CreateChatCompletionRequest). Beside it: `top_k`, as vLLM and llama.cpp take it.
"""

import msgspec

from gateway.dialects.contract import Fields
from gateway.dialects.openai.asked_messages import CacheControl, refused, turns_of
from gateway.values.chat import Chat, Format, ProviderTool, Thinking, Tool, ToolChoice, WebSearch
from gateway.values.pause import Pause

_NO = msgspec.Raw(b"null")


class _Function(msgspec.Struct, gc=False):
    name: str
    description: str | None = None
    parameters: msgspec.Raw = _NO
    strict: bool | None = None


class _ToolEntry(msgspec.Struct, gc=False):
    type: str = "function"
    function: _Function | None = None
    cache_control: CacheControl | None = None


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


class _Place(msgspec.Struct, gc=False):
    city: str | None = None
    country: str | None = None
    region: str | None = None
    timezone: str | None = None


class _Location(msgspec.Struct, gc=False):
    approximate: _Place | None = None


class _Search(msgspec.Struct, gc=False):
    search_context_size: str | None = None
    user_location: _Location | None = None


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
    logprobs: bool | None = None
    top_logprobs: int | None = None
    verbosity: str | None = None
    prompt_cache_key: str | None = None
    web_search_options: _Search | None = None


# what is the request's, or says nothing that an answer would show
_NOT_THE_CHATS = frozenset({"model", "messages", "stream", "stream_options", "n"})
_EFFECTLESS = {b"null", b"[]", b"{}"}
_ONE = {b"null", b"1"}
_decode = msgspec.json.Decoder(_Body).decode
_encode = msgspec.json.Encoder().encode


def chat_of(fields: Fields, pause: Pause) -> Chat:
    """The chat. Raises AttemptFailed (bad_request) with the path of what it cannot be."""
    try:
        body = _decode(_encode({name: raw for name, raw in fields.items() if name != "messages"}))
        turns, unsaid = turns_of(fields.get("messages", _NO), pause)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise refused(str(wrong)) from None
    if bytes(fields.get("n", _NO)) not in _ONE:  # not left out: who asks for several reads them by number
        raise refused("the provider gives one choice", "n")
    most = [one for one in (body.max_completion_tokens, body.max_tokens) if one]
    named = body.tool_choice if body.tool_choice is not None else body.function_call
    return Chat(
        turns=turns,
        tools=(*_tools(body), *(_tool(one, None) for one in body.functions or ())),
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
        provider_tools=_own_tools(body.web_search_options),
        logprobs=body.logprobs,
        top_logprobs=body.top_logprobs,
        verbosity=body.verbosity,
        cache_key=body.prompt_cache_key,
        unsaid=(*(name for name, raw in fields.items() if _is_unsaid(name, raw)), *unsaid, *_second_user(body)),
    )


def _is_unsaid(name: str, raw: msgspec.Raw) -> bool:
    known = name in _Body.__struct_fields__ or name in _NOT_THE_CHATS
    return not known and bytes(raw) not in _EFFECTLESS


def _second_user(body: _Body) -> tuple[str, ...]:
    """Of the two names for who asks, the older one where they differ."""
    return ("user",) if body.user and body.safety_identifier and body.user != body.safety_identifier else ()


def _own_tools(search: _Search | None) -> tuple[ProviderTool, ...]:
    if search is None:
        return ()
    place = _Place() if search.user_location is None else search.user_location.approximate or _Place()
    location = tuple((name, value) for name, value in msgspec.structs.asdict(place).items() if value is not None)
    return (
        ProviderTool(kind="web_search", search=WebSearch(location=location, context_size=search.search_context_size)),
    )


def _tools(body: _Body) -> list[Tool]:
    tools = []
    for at, entry in enumerate(body.tools or ()):
        if entry.function is None:
            raise refused(f"a tool of type {entry.type!r} has no form in the provider's format", f"tools[{at}]")
        cache = entry.cache_control
        tools.append(_tool(entry.function, None if cache is None else cache.seconds()))
    return tools


def _tool(function: _Function, cache_s: int | None) -> Tool:
    return Tool(
        name=function.name,
        description=function.description,
        schema=_text(function.parameters),
        strict=function.strict,
        cache_s=cache_s,
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
    if wanted.type not in ("json_object", "json_schema"):
        raise refused(f"a format of type {wanted.type!r} has no form in the provider's format", "response_format.type")
    if schema is None:
        return Format()
    return Format(schema=_text(schema.schema), name=schema.name, description=schema.description, strict=schema.strict)


def _thinking(effort: str | None) -> Thinking | None:
    if effort is None:
        return None
    return Thinking(is_on=False) if effort == "none" else Thinking(effort=effort)
