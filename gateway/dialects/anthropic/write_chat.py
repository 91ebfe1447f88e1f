"""A chat as a body. What Anthropic's API does not take is named: by the chat's member, or its path.

Source: Anthropic's API reference, and what the API was seen to refuse: temperature above 1, or beside top_p; sampling
beside thinking; a forced tool beside thinking; stop sequences of space; text of space; ids of other characters.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from gateway.dialects.anthropic.own_tools import tool_body
from gateway.dialects.anthropic.write_parts import Block, blocks_of, cached
from gateway.dialects.contract import Adapted, Deviation, Fields
from gateway.dialects.invalid import invalid
from gateway.dialects.json_in_words import IN_WORDS, JSON_ONLY
from gateway.dialects.slices import as_raw, encoded, paused
from gateway.values.chat import Chat, Role, Text, Thinking, Tool, ToolChoice, Turn
from gateway.values.pause import Pause

# where the caller sets no bound, and Anthropic wants one: as much as any of its models takes, and room for thoughts
DEFAULT_MAX_TOKENS = 8192
DEFAULT_THINKING_TOKENS = 24_576
_LEAST_TOP_P = 0.95  # beside thinking
_LONGEST_USER = 256
_TIERS = {"auto": "auto", "default": "standard_only"}
_EFFORTS = frozenset({"low", "medium", "high", "xhigh", "max"})
_NO_PLACE = (
    "seed", "presence_penalty", "frequency_penalty", "top_logprobs", "verbosity", "cache_key",
)  # fmt: skip
_NO_ARGUMENTS = msgspec.Raw(b'{"type":"object","properties":{}}')


def write_chat(chat: Chat, pause: Pause) -> tuple[Fields, tuple[Deviation, ...]]:
    """The body, and how it deviates. Raises AttemptFailed (bad_request) for what must not be lost."""
    lost: list[Deviation] = [name for name in _NO_PLACE if getattr(chat, name) is not None]
    if chat.logprobs:
        lost.append("logprobs")
    if chat.max_output_tokens is None:
        lost.append(Adapted("max_tokens", "set, since the provider wants a bound of the answer"))
    body: dict[str, Any] = {"max_tokens": _bound(chat)}
    system, messages = _conversation(chat.turns, lost, pause)
    if system:
        body["system"] = system
    body["messages"] = encoded(messages, pause)
    is_thinking = _thinking(chat.thinking, body, lost, is_forced=bool(chat.tools) and _must_call(chat.tool_choice))
    _tools(chat, body, lost)
    _sampling(chat, body, lost, is_thinking=is_thinking)
    _format(chat, body, lost)
    _rest(chat, body, lost)
    return {name: as_raw(value) for name, value in body.items()}, tuple(lost)


def _bound(chat: Chat) -> int:
    if chat.max_output_tokens is not None:
        return chat.max_output_tokens
    if chat.thinking is None or not chat.thinking.is_on:
        return DEFAULT_MAX_TOKENS
    return DEFAULT_MAX_TOKENS + (chat.thinking.budget_tokens or DEFAULT_THINKING_TOKENS)


def _conversation(turns: tuple[Turn, ...], lost: list[Deviation], pause: Pause) -> tuple[list[Block], list[Block]]:
    """The system's text, and turns that alternate: those of one role in a row are one."""
    system: list[Block] = []
    merged: list[tuple[Role, list[Block]]] = []
    only_system = all(turn.role is Role.SYSTEM for turn in turns)
    for at, turn in enumerate(paused(turns, pause)):
        path, role = f"turns[{at}]", turn.role
        if turn.name is not None:
            lost.append(f"{path}.name")
        if role is Role.SYSTEM and only_system and at == len(turns) - 1:
            role = Role.USER  # there must be a turn to answer
            lost.append(Adapted(f"{path}.role", "the user's, since there must be a turn to answer"))
        if role is Role.SYSTEM:
            if merged:
                lost.append(Adapted(path, "moved to the front, where the system's text stands"))
            system += blocks_of(_system_text(turn, path), role, path, lost)
            continue
        blocks = blocks_of(turn.parts, role, path, lost)
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


def _system_text(turn: Turn, path: str) -> list[Text]:
    texts = [part for part in turn.parts if isinstance(part, Text)]
    if len(texts) < len(turn.parts):
        raise invalid(path, "expected only text from the system")
    return texts


def _message(role: Role, blocks: list[Block], *, is_last: bool) -> Block:
    """What tools gave back stands first; an answer to be gone on with does not end in space."""
    if role is Role.USER:
        blocks = sorted(blocks, key=lambda block: block["type"] != "tool_result")
    elif is_last and blocks[-1]["type"] == "text":
        blocks[-1]["text"] = blocks[-1]["text"].rstrip()
    return {"role": role.value, "content": blocks}


def _thinking(asked: Thinking | None, body: dict[str, Any], lost: list[Deviation], *, is_forced: bool) -> bool:
    """Whether the model will think."""
    if asked is None:
        return False
    effort = "low" if asked.effort == "minimal" else asked.effort
    if effort in _EFFORTS:
        body["output_config"] = {"effort": effort}
    if effort is not None and effort not in _EFFORTS:
        lost.append("thinking.effort")
    elif effort != asked.effort:
        lost.append(Adapted("thinking.effort", "low, the least that there is"))
    if is_forced and asked.is_on:
        lost.append("thinking")
        return False
    if not asked.is_on:
        lost += ["thinking.budget_tokens"] if asked.budget_tokens is not None else []
        body["thinking"] = {"type": "disabled"}
        return False
    is_bounded = asked.budget_tokens is not None
    body["thinking"] = {"type": "enabled", "budget_tokens": asked.budget_tokens} if is_bounded else {"type": "adaptive"}
    return True


def _tools(chat: Chat, body: dict[str, Any], lost: list[Deviation]) -> None:
    own = [(f"provider_tools[{at}]", tool_body(tool), tool) for at, tool in enumerate(chat.provider_tools)]
    lost += [path for path, said, _ in own if said is None]
    lost += [
        f"{path}.context_size"
        for path, said, tool in own
        if said is not None and tool.search and tool.search.context_size
    ]
    if tools := [*map(_tool, chat.tools), *(said for _, said, _ in own if said is not None)]:
        body["tools"] = tools
    choice, parallel = chat.tool_choice, chat.parallel_tool_calls
    if not chat.tools:
        lost += [name for name in ("tool_choice", "parallel_tool_calls") if getattr(chat, name) is not None]
        return
    chosen: Block | None = None
    if choice is not None and choice.name is not None:
        chosen = {"type": "tool", "name": choice.name}
    elif choice is not None or parallel is not None:
        chosen = {"type": {"required": "any", "none": "none"}.get(choice.mode if choice else "auto", "auto")}
    if parallel is not None and chosen is not None:
        if chosen["type"] == "none":
            lost.append("parallel_tool_calls")
        else:
            chosen["disable_parallel_tool_use"] = not parallel
    if chosen is not None:
        body["tool_choice"] = chosen


def _must_call(choice: ToolChoice | None) -> bool:
    return choice is not None and (choice.mode == "required" or choice.name is not None)


def _tool(tool: Tool) -> Block:
    block: Block = {"name": tool.name}
    if tool.description is not None:
        block["description"] = tool.description
    block["input_schema"] = _NO_ARGUMENTS if tool.schema is None else msgspec.Raw(tool.schema.encode())
    if tool.strict is not None:
        block["strict"] = tool.strict
    return cached(block, tool.cache_s)


def _sampling(chat: Chat, body: dict[str, Any], lost: list[Deviation], *, is_thinking: bool) -> None:
    temperature, top_p, top_k = chat.temperature, chat.top_p, chat.top_k
    if temperature is not None and temperature > 1:
        temperature = 1.0
        lost.append(Adapted("temperature", "1, the most that there is"))
    if is_thinking and temperature is not None and temperature != 1:
        temperature = None
        lost.append("temperature")
    if is_thinking and top_k is not None:
        top_k = None
        lost.append("top_k")
    if top_p is not None and (temperature is not None or (is_thinking and top_p < _LEAST_TOP_P)):
        top_p = None
        lost.append("top_p")
    said = {"temperature": temperature, "top_p": top_p, "top_k": top_k}
    body.update({name: value for name, value in said.items() if value is not None})


def _format(chat: Chat, body: dict[str, Any], lost: list[Deviation]) -> None:
    asked = chat.format
    if asked is None:
        return
    if asked.schema is None:
        body["system"] = [*body.get("system", ()), {"type": "text", "text": JSON_ONLY}]
        lost.append(IN_WORDS)
        return
    if asked.name is not None:
        lost.append(Adapted("format.name", "left out: the provider's formats have none, and the answer is the same"))
    if asked.description is not None:
        lost.append("format.description")
    if asked.strict is False:
        lost.append(Adapted("format.strict", "true: the provider always keeps to a schema"))
    form = {"type": "json_schema", "schema": msgspec.Raw(asked.schema.encode())}
    body["output_config"] = {**body.get("output_config", {}), "format": form}


def _rest(chat: Chat, body: dict[str, Any], lost: list[Deviation]) -> None:
    stop = _with_words(chat.stop)
    if len(stop) < len(chat.stop):
        lost.append("stop")
    if stop:
        body["stop_sequences"] = stop
    if chat.user is not None and len(chat.user) > _LONGEST_USER:
        lost.append("user")
    elif chat.user is not None:
        body["metadata"] = {"user_id": chat.user}
    if chat.service_tier in _TIERS:
        body["service_tier"] = _TIERS[chat.service_tier]
    elif chat.service_tier is not None:
        lost.append("service_tier")


def _with_words(texts: Iterable[str]) -> list[str]:
    return [text for text in texts if text.strip()]
