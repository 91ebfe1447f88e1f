"""A chat as a body of `generateContent`. What Gemini does not take is named: by the chat's member, or its path.

Source: the Gemini API's reference (v1beta, November 2026), and google-genai 3.6 for what Vertex AI takes otherwise.
"""

from typing import Any

import msgspec

from gateway.dialects.contract import Fields
from gateway.dialects.gemini import thinking
from gateway.dialects.gemini.schema import adapted, is_empty
from gateway.dialects.gemini.write_parts import Members, Names, model_parts, user_parts
from gateway.dialects.invalid import invalid
from gateway.dialects.slices import as_raw, encoded
from gateway.values.chat import Chat, Format, Role, Text, Tool, ToolChoice, Turn
from gateway.values.pause import Pause

_SETTINGS = {
    "max_output_tokens": "maxOutputTokens", "temperature": "temperature", "top_p": "topP", "top_k": "topK",
    "presence_penalty": "presencePenalty", "frequency_penalty": "frequencyPenalty",
}  # fmt: skip
_TIERS = {"auto": None, "default": "standard", "flex": "flex", "priority": "priority"}
_MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY"}
_LEAST_SEED, _MOST_SEED = -(2**31), 2**31 - 1


def write_chat(chat: Chat, pause: Pause, *, has_tiers: bool) -> tuple[Fields, tuple[str, ...]]:
    """The body, and what it does not say. `has_tiers`: the API takes the name of a service tier. Raises AttemptFailed
    (bad_request) for what must not be lost.
    """
    lost: dict[str, None] = {}
    system, contents = _conversation(chat.turns, lost)
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
    if chat.user is not None:
        lost["user"] = None
    return {name: as_raw(value) for name, value in body.items()}, tuple(lost)


def _conversation(turns: tuple[Turn, ...], lost: dict[str, None]) -> tuple[list[Members], list[Members]]:
    """The system's parts, and contents: a role's in a row are one, but for what tools gave back, which stands alone."""
    system: list[Members] = []
    contents: list[Members] = []
    names = Names()
    only_system = all(turn.role is Role.SYSTEM for turn in turns)
    for at, turn in enumerate(turns):
        path, role = f"turns[{at}]", turn.role
        if turn.name is not None:
            lost[f"{path}.name"] = None
        if role is Role.SYSTEM and only_system and at == len(turns) - 1:
            role = Role.USER  # there must be a turn to answer
            lost[f"{path}.role"] = None
        if role is Role.SYSTEM:
            if contents:
                lost[path] = None  # its place is lost, not its words
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


def _system(turn: Turn, path: str, lost: dict[str, None]) -> list[Members]:
    texts = [part for part in turn.parts if isinstance(part, Text)]
    if len(texts) < len(turn.parts):
        raise invalid(path, "expected only text from the system")
    if any(part.cache_s is not None for part in texts):
        lost["cache_control"] = None
    return [{"text": part.text} for part in texts if part.text]


def _tools(chat: Chat, lost: dict[str, None]) -> dict[str, Any]:
    if not chat.tools:
        for name in ("tool_choice", "parallel_tool_calls"):
            if getattr(chat, name) is not None:
                lost[name] = None
        return {}
    declared = [_declaration(tool, f"tools[{at}]", lost) for at, tool in enumerate(chat.tools)]
    body: dict[str, Any] = {"tools": [{"functionDeclarations": declared}]}
    if chat.tool_choice is not None:
        body["toolConfig"] = {"functionCallingConfig": _choice(chat.tool_choice)}
    if chat.parallel_tool_calls is False:
        lost["parallel_tool_calls"] = None
    return body


def _declaration(tool: Tool, path: str, lost: dict[str, None]) -> Members:
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
        if is_less:
            lost[f"{path}.schema"] = None
    return said


def _choice(choice: ToolChoice) -> Members:
    if choice.name is not None:
        return {"mode": "ANY", "allowedFunctionNames": [choice.name]}
    return {"mode": _MODES.get(choice.mode, "AUTO")}


def _config(chat: Chat, lost: dict[str, None]) -> Members:
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
        less: list[str] = []
        config["thinkingConfig"] = thinking.asked(chat.thinking, less)
        lost.update(dict.fromkeys(less))
    return config


def _format(asked: Format, lost: dict[str, None]) -> Members:
    """A schema binds the answer, as where one is `strict`."""
    config: Members = {"responseMimeType": "application/json"}
    for name in ("name", "description"):
        if getattr(asked, name) is not None:
            lost[f"format.{name}"] = None
    if asked.schema is not None:
        schema, is_less = adapted(asked.schema)
        config["responseJsonSchema"] = msgspec.Raw(schema.encode())
        if is_less:
            lost["format.schema"] = None
    return config
