"""A chat as a body of `generateContent`. How the body deviates is told by the chat's member, or its path.

Source: the Gemini API's reference (v1beta, November 2026), and google-genai 3.6 for what Vertex AI takes otherwise.
"""

from typing import Any

import msgspec

from gateway.dialects.contract import Adapted, Deviation, Fields
from gateway.dialects.gemini import thinking
from gateway.dialects.gemini.schema import adapted, is_empty
from gateway.dialects.gemini.signatures import NAME
from gateway.dialects.gemini.write_parts import Deviations, Members, Names, model_parts, user_parts
from gateway.dialects.invalid import invalid
from gateway.dialects.slices import as_raw, encoded, paused
from gateway.values.chat import Chat, Format, ProviderTool, Role, Text, Tool, ToolChoice, Turn, WebSearch
from gateway.values.pause import Pause

_SETTINGS = {
    "max_output_tokens": "maxOutputTokens", "temperature": "temperature", "top_p": "topP", "top_k": "topK",
    "presence_penalty": "presencePenalty", "frequency_penalty": "frequencyPenalty",
}  # fmt: skip
_TIERS = {"auto": None, "default": "standard", "flex": "flex", "priority": "priority"}
_MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY"}
_NO_PLACE = ("user", "verbosity", "cache_key")
_SEARCH = "web_search"
_OWN_TOOLS = {_SEARCH: "googleSearch", "code_execution": "codeExecution"}  # the others are called alike
_LEAST_SEED, _MOST_SEED = -(2**31), 2**31 - 1


def write_chat(chat: Chat, pause: Pause, *, has_tiers: bool) -> tuple[Fields, tuple[Deviation, ...]]:
    """The body, and how it deviates. `has_tiers`: the API takes the name of a service tier. Raises AttemptFailed
    (bad_request) for what must not be lost.
    """
    lost: Deviations = {}
    system, contents = _conversation(chat.turns, lost, pause)
    body: dict[str, Any] = {"contents": encoded(contents, pause)}
    if system:
        body["systemInstruction"] = {"parts": system}
    body |= _tools(chat, lost)
    config = _config(chat, lost)
    if config:
        body["generationConfig"] = config
    tier = None if chat.service_tier is None else _TIERS.get(chat.service_tier, "")
    if tier and has_tiers:
        body["serviceTier"] = tier
    elif tier is not None and (tier not in ("", "standard") or chat.service_tier not in _TIERS):
        lost["service_tier"] = None
    lost |= {name: None for name in _NO_PLACE if getattr(chat, name) is not None}
    return {name: as_raw(value) for name, value in body.items()}, tuple(lost)


def _conversation(turns: tuple[Turn, ...], lost: Deviations, pause: Pause) -> tuple[list[Members], list[Members]]:
    """The system's parts, and contents: a role's in a row are one, but for what tools gave back, which stands alone."""
    system: list[Members] = []
    contents: list[Members] = []
    names = Names()
    only_system = all(turn.role is Role.SYSTEM for turn in turns)
    for at, turn in enumerate(paused(turns, pause)):
        path, role = f"turns[{at}]", turn.role
        if turn.name is not None:
            lost[f"{path}.name"] = None
        if role is Role.SYSTEM and only_system and at == len(turns) - 1:
            role = Role.USER  # there must be a turn to answer
            lost[Adapted(f"{path}.role", "the user's, since there must be a turn to answer")] = None
        if role is Role.SYSTEM:
            if contents:
                lost[Adapted(path, "moved to the front, where the system's text stands")] = None
            system += _system(turn, path, lost)
        elif role is Role.ASSISTANT:
            _append(contents, "model", model_parts(turn.parts, path, names, lost))
        else:
            results, rest = user_parts(turn.parts, path, names, lost)
            _append(contents, "user", results, of_tools=True)
            _append(contents, "user", rest)
    if not contents:
        raise invalid("messages", "expected a message with content")
    return system, contents


def _append(contents: list[Members], role: str, parts: list[Members], *, of_tools: bool = False) -> None:
    if not parts:
        return
    last = contents[-1] if contents else None
    if last is not None and last["role"] == role and ("functionResponse" in last["parts"][0]) is of_tools:
        last["parts"] += parts
    else:
        contents.append({"role": role, "parts": parts})


def _system(turn: Turn, path: str, lost: Deviations) -> list[Members]:
    texts = [part for part in turn.parts if isinstance(part, Text)]
    if len(texts) < len(turn.parts):
        raise invalid(path, "expected only text from the system")
    if any(part.cache_s is not None for part in texts):
        lost["cache_control"] = None
    return [{"text": part.text} for part in texts if part.text]


def _tools(chat: Chat, lost: Deviations) -> dict[str, Any]:
    entries: list[Members] = []
    for at, one in enumerate(chat.provider_tools):
        entries += _own_tool(one, f"provider_tools[{at}]", lost)
    if chat.tools:
        declared = [_declaration(tool, f"tools[{at}]", lost) for at, tool in enumerate(chat.tools)]
        entries.insert(0, {"functionDeclarations": declared})
    elif chat.tool_choice is not None:
        lost["tool_choice"] = None
    if chat.parallel_tool_calls is False or (chat.parallel_tool_calls is not None and not chat.tools):
        lost["parallel_tool_calls"] = None
    body: dict[str, Any] = {"tools": entries} if entries else {}
    if chat.tools and chat.tool_choice is not None:
        body["toolConfig"] = {"functionCallingConfig": _choice(chat.tool_choice)}
    return body


def _own_tool(tool: ProviderTool, path: str, lost: Deviations) -> list[Members]:
    """One that Google runs itself: as its caller declared it in this dialect, or a search of the web."""
    if tool.maker == NAME and tool.native is not None:
        return [{_OWN_TOOLS.get(tool.kind, tool.kind): msgspec.Raw(tool.native.encode())}]
    if tool.kind != _SEARCH:
        lost[path] = None
        return []
    search = tool.search or WebSearch()
    said = (name for name in search.__struct_fields__ if getattr(search, name))
    lost |= {f"{path}.search.{name}": None for name in said}
    return [{_OWN_TOOLS[_SEARCH]: {}}]


def _declaration(tool: Tool, path: str, lost: Deviations) -> Members:
    if tool.cache_s is not None:
        lost["cache_control"] = None
    if tool.strict:
        lost[f"{path}.strict"] = None
    said: Members = {"name": tool.name}
    if tool.description is not None:
        said["description"] = tool.description
    if tool.schema is not None and not is_empty(tool.schema):
        schema, is_less = adapted(tool.schema)
        said["parametersJsonSchema"] = msgspec.Raw(schema.encode())
        _tell_schema(f"{path}.schema", lost, is_changed=schema != tool.schema, is_less=is_less)
    return said


def _choice(choice: ToolChoice) -> Members:
    if choice.name is not None:
        return {"mode": "ANY", "allowedFunctionNames": [choice.name]}
    return {"mode": _MODES.get(choice.mode, "AUTO")}


def _config(chat: Chat, lost: Deviations) -> Members:
    config: Members = {
        theirs: value for ours, theirs in _SETTINGS.items() if (value := getattr(chat, ours)) is not None
    }
    if chat.stop:
        texts = [text for text in chat.stop if text]
        if len(texts) < len(chat.stop):
            lost["stop"] = None
        config |= {"stopSequences": texts} if texts else {}
    if chat.seed is not None and _LEAST_SEED <= chat.seed <= _MOST_SEED:
        config["seed"] = chat.seed
    elif chat.seed is not None:
        lost["seed"] = None
    if chat.format is not None:
        config |= _format(chat.format, lost)
    if chat.thinking is not None:
        config["thinkingConfig"], deviations = thinking.asked(chat.thinking)
        lost |= dict.fromkeys(deviations)
    if chat.logprobs:
        config["responseLogprobs"] = True
        config |= {} if chat.top_logprobs is None else {"logprobs": chat.top_logprobs}
    elif chat.top_logprobs:
        lost["top_logprobs"] = None
    return config


def _format(asked: Format, lost: Deviations) -> Members:
    """A schema binds the answer, as where one is `strict`."""
    config: Members = {"responseMimeType": "application/json"}
    if asked.name is not None:
        lost[Adapted("format.name", "left out: the provider's formats have none, and the answer is the same")] = None
    if asked.description is not None:
        lost["format.description"] = None
    if asked.strict is False and asked.schema is not None:
        lost[Adapted("format.strict", "true: the provider always keeps to a schema")] = None
    if asked.schema is not None:
        schema, is_less = adapted(asked.schema)
        config["responseJsonSchema"] = msgspec.Raw(schema.encode())
        _tell_schema("format.schema", lost, is_changed=schema != asked.schema, is_less=is_less)
    return config


def _tell_schema(path: str, lost: Deviations, *, is_changed: bool, is_less: bool) -> None:
    if is_less:
        lost[path] = None
    elif is_changed:
        lost[Adapted(path, "said in the keywords that the provider heeds")] = None
