"""A chat as a body of Converse. What it does not take is told: by the chat's member, or its path.

Source: ConverseRequest of Amazon Bedrock Runtime's API (2023-09-30, as of November 2026), and the user guide, "Inference request
parameters and response fields for foundation models": what is of one family of models is in `additionalModelRequestFields`, in
the form of Anthropic's; `gateway.providers.bedrock` puts it into that of others.
"""

from typing import Any

import msgspec

from gateway.dialects.bedrock.write_parts import Block, PartWriter, cache_point
from gateway.dialects.contract import Adapted, Deviation, Fields
from gateway.dialects.invalid import invalid
from gateway.dialects.json_in_words import IN_WORDS, JSON_ONLY
from gateway.dialects.slices import as_raw, encoded, paused
from gateway.values.chat import Chat, Role, Text, Thinking, Tool, Turn
from gateway.values.pause import Pause

ADDITIONAL = "additionalModelRequestFields"
_NO_PLACE = (
    "seed", "presence_penalty", "frequency_penalty", "user", "logprobs", "top_logprobs", "verbosity", "cache_key",
)  # fmt: skip
_EFFORTS = frozenset({"low", "medium", "high", "xhigh", "max"})
_TIERS = frozenset({"priority", "default", "flex", "reserved"})
_NO_ARGUMENTS = msgspec.Raw(b'{"type":"object","properties":{}}')
_NO_LONGER = "It can no longer be called."


def write_chat(chat: Chat, pause: Pause) -> tuple[Fields, tuple[Deviation, ...]]:
    """The body, and how it deviates. Raises AttemptFailed (bad_request) for what must not be lost."""
    told: list[Deviation] = [name for name in _NO_PLACE if getattr(chat, name) is not None]
    if chat.provider_tools:
        told.append("provider_tools")
    body: dict[str, Any] = {}
    system, messages = _conversation(chat.turns, told, pause)
    body["messages"] = encoded(messages, pause)
    if system:
        body["system"] = system
    _tools(chat, messages, body, told)
    _inference(chat, body, told)
    _thinking(chat.thinking, body, told)
    _format(chat, body, told)
    if chat.service_tier in _TIERS:
        body["serviceTier"] = {"type": chat.service_tier}
    elif chat.service_tier not in (None, "auto"):
        told.append("service_tier")
    return {name: as_raw(value) for name, value in body.items()}, tuple(told)


def _conversation(turns: tuple[Turn, ...], told: list[Deviation], pause: Pause) -> tuple[list[Block], list[Block]]:
    """The system's text, and turns that alternate: those of one role in a row are one."""
    writer = PartWriter(told)
    system: list[Block] = []
    merged: list[tuple[Role, list[Block]]] = []
    only_system = all(turn.role is Role.SYSTEM for turn in turns)
    for at, turn in enumerate(paused(turns, pause)):
        path, role = f"turns[{at}]", turn.role
        if turn.name is not None:
            told.append(f"{path}.name")
        if role is Role.SYSTEM and only_system and at == len(turns) - 1:
            role = Role.USER
            told.append(Adapted(f"{path}.role", "the user's, since there must be a turn to answer"))
        if role is Role.SYSTEM:
            if merged:
                told.append(Adapted(path, "moved to the front, where the system's text stands"))
            if any(not isinstance(part, Text) for part in turn.parts):
                raise invalid(path, "expected only text from the system")
            system += writer.blocks(turn.parts, role, path)
            continue
        blocks = writer.blocks(turn.parts, role, path)
        if merged and merged[-1][0] is role:
            merged[-1][1].extend(blocks)
        elif blocks:
            merged.append((role, blocks))
    if not merged:
        raise invalid("messages", "expected a message with content")
    last = len(merged) - 1
    return system, [
        _message(role, blocks, is_last=at == last) for at, (role, blocks) in enumerate(paused(merged, pause))
    ]


def _message(role: Role, blocks: list[Block], *, is_last: bool) -> Block:
    """What tools gave back stands first, its marks of the cache with it; an answer to be gone on with does not end in space."""
    if role is Role.USER:
        blocks = _results_first(blocks)
    elif is_last and "text" in blocks[-1]:
        blocks[-1]["text"] = blocks[-1]["text"].rstrip()
    return {"role": role.value, "content": blocks}


def _results_first(blocks: list[Block]) -> list[Block]:
    results: list[Block] = []
    others: list[Block] = []
    into = others
    for block in blocks:
        if "cachePoint" not in block:
            into = results if "toolResult" in block else others
        into.append(block)
    return results + others


def _tools(chat: Chat, messages: list[Block], body: dict[str, Any], told: list[Deviation]) -> None:
    """A conversation with calls needs its tools declared. That none is to be called has no form but to offer none."""
    choice, parallel = chat.tool_choice, chat.parallel_tool_calls
    called = _called(messages)
    if parallel is False and chat.tools:
        told.append("parallel_tool_calls")
    if choice is not None and choice.mode == "none" and not called:
        told.append(Adapted("tool_choice", "no tools are offered, so that none is called"))
        return
    tools = [block for tool in chat.tools for block in _tool(tool)]
    if not chat.tools:
        told += [name for name in ("tool_choice", "parallel_tool_calls") if getattr(chat, name) is not None]
        tools = [_spec(Tool(name=name, description=_NO_LONGER)) for name in called]
        if tools:
            told.append(Adapted("tools", "those that were called before are declared again, as Bedrock wants it"))
    if not tools:
        return
    config: Block = {"tools": tools}
    if choice is not None and chat.tools:
        if choice.name is not None:
            config["toolChoice"] = {"tool": {"name": choice.name}}
        elif choice.mode == "none":
            told.append("tool_choice")
        else:
            config["toolChoice"] = {"any" if choice.mode == "required" else "auto": {}}
    body["toolConfig"] = config


def _called(messages: list[Block]) -> list[str]:
    """The names of all tools that were called, each once."""
    blocks = (block for message in messages for block in message["content"])
    return list(dict.fromkeys(block["toolUse"]["name"] for block in blocks if "toolUse" in block))


def _tool(tool: Tool) -> list[Block]:
    return [_spec(tool), *([] if tool.cache_s is None else [cache_point(tool.cache_s)])]


def _spec(tool: Tool) -> Block:
    spec: Block = {"name": tool.name}
    if tool.description:
        spec["description"] = tool.description
    spec["inputSchema"] = {"json": _NO_ARGUMENTS if tool.schema is None else msgspec.Raw(tool.schema.encode())}
    if tool.strict is not None:
        spec["strict"] = tool.strict
    return {"toolSpec": spec}


def _inference(chat: Chat, body: dict[str, Any], told: list[Deviation]) -> None:
    temperature, most = chat.temperature, chat.max_output_tokens
    if temperature is not None and temperature > 1:
        temperature = 1.0
        told.append(Adapted("temperature", "1, the most that there is"))
    if most == 0:
        most = 1
        told.append(Adapted("max_output_tokens", "1, the least that there is"))
    stop = [text for text in chat.stop if text.strip()]
    if len(stop) < len(chat.stop):
        told.append("stop")
    said = {"maxTokens": most, "temperature": temperature, "topP": chat.top_p, "stopSequences": stop or None}
    config = {name: value for name, value in said.items() if value is not None}
    if config:
        body["inferenceConfig"] = config
    if stop:  # which of them ended it is told only where it is asked for
        body["additionalModelResponseFieldPaths"] = ["/stop_sequence"]
    if chat.top_k is not None:
        body[ADDITIONAL] = {"top_k": chat.top_k}


def _thinking(asked: Thinking | None, body: dict[str, Any], told: list[Deviation]) -> None:
    if asked is None:
        return
    effort = "low" if asked.effort == "minimal" else asked.effort
    if effort in _EFFORTS:
        body["outputConfig"] = {"effort": effort}
    if effort is not None and effort not in _EFFORTS:
        told.append("thinking.effort")
    elif effort != asked.effort:
        told.append(Adapted("thinking.effort", "low, the least that there is"))
    if not asked.is_on:
        told += ["thinking.budget_tokens"] if asked.budget_tokens is not None else []
        form: Block = {"type": "disabled"}
    elif asked.budget_tokens is not None:
        form = {"type": "enabled", "budget_tokens": asked.budget_tokens}
    else:
        form = {"type": "adaptive"}
    body[ADDITIONAL] = {**body.get(ADDITIONAL, {}), "thinking": form}


def _format(chat: Chat, body: dict[str, Any], told: list[Deviation]) -> None:
    asked = chat.format
    if asked is None:
        return
    if asked.schema is None:
        body["system"] = [*body.get("system", ()), {"text": JSON_ONLY}]
        told.append(IN_WORDS)
        return
    if asked.strict is False:
        told.append(Adapted("format.strict", "true: the provider always keeps to a schema"))
    named = {"name": asked.name, "description": asked.description}
    schema = {"schema": asked.schema, **{name: value for name, value in named.items() if value is not None}}
    form = {"type": "json_schema", "structure": {"jsonSchema": schema}}
    body["outputConfig"] = {**body.get("outputConfig", {}), "textFormat": form}
