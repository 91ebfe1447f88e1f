"""A chat as a body that asks for a response. What of it has no member is named.

Source: CreateResponse of OpenAI's OpenAPI description 2.3.0.
"""

from typing import Any

import msgspec

from gateway.dialects.contract import Adapted, Deviation, Fields
from gateway.dialects.responses.provider_tools import provider_tool
from gateway.dialects.responses.write_items import items_of
from gateway.dialects.slices import as_raw, encoded
from gateway.values.chat import Chat, Format, Thinking, Tool, ToolChoice
from gateway.values.pause import Pause

_NO_PLACE = (
    "top_k", "seed", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs",
)  # fmt: skip
_AS_THEY_ARE = ("temperature", "top_p", "max_output_tokens", "service_tier")
_LEAST_OUTPUT = 16  # a lower bound is refused
_LONGEST_USER = 64
_NO_ARGUMENTS = msgspec.Raw(b'{"type":"object","properties":{}}')


def write_chat(chat: Chat, pause: Pause) -> tuple[Fields, tuple[Deviation, ...]]:
    """The body, and what it does not say. Raises AttemptFailed (bad_request) for what must not be lost."""
    lost: dict[Deviation, None] = {name: None for name in _NO_PLACE if getattr(chat, name) is not None}
    if chat.stop:
        lost["stop"] = None
    items = (one for at, turn in enumerate(chat.turns) for one in items_of(turn, f"turns[{at}]", lost))
    body: dict[str, Any] = {"input": encoded(items, pause)}
    _tools(chat, body, lost)
    body |= {name: getattr(chat, name) for name in _AS_THEY_ARE if getattr(chat, name) is not None}
    if chat.max_output_tokens is not None and chat.max_output_tokens < _LEAST_OUTPUT:
        body["max_output_tokens"] = _LEAST_OUTPUT
        lost[Adapted("max_output_tokens", f"{_LEAST_OUTPUT}, the least that there is")] = None
    text: dict[str, Any] = {} if chat.format is None else {"format": _format(chat.format, lost)}
    if chat.verbosity is not None:
        text["verbosity"] = chat.verbosity
    if text:
        body["text"] = text
    if chat.cache_key is not None:
        body["prompt_cache_key"] = chat.cache_key
    if chat.thinking is not None:
        _thinking(chat.thinking, body, lost)
    if chat.user is not None and len(chat.user) <= _LONGEST_USER:
        body["safety_identifier"] = chat.user
    elif chat.user is not None:
        lost["user"] = None
    return {name: as_raw(value) for name, value in body.items()}, tuple(lost)


def _tools(chat: Chat, body: dict[str, Any], lost: dict[Deviation, None]) -> None:
    tools: list[Any] = [_tool(tool) for tool in chat.tools]
    for at, one in enumerate(chat.provider_tools):
        own = provider_tool(one, f"provider_tools[{at}]", lost)
        tools += [] if own is None else [own]
    if not tools:
        lost |= {name: None for name in ("tool_choice", "parallel_tool_calls") if getattr(chat, name) is not None}
        return
    if any(tool.cache_s for tool in chat.tools):
        lost["cache_control"] = None
    body["tools"] = tools
    if chat.tool_choice is not None:
        body["tool_choice"] = _choice(chat.tool_choice)
    if chat.parallel_tool_calls is not None:
        body["parallel_tool_calls"] = chat.parallel_tool_calls


def _tool(tool: Tool) -> dict[str, Any]:
    """`strict` stands there in any case: left out, the API takes the schema for a strict one."""
    schema = _NO_ARGUMENTS if tool.schema is None else msgspec.Raw(tool.schema.encode())
    said = {"type": "function", "name": tool.name, "parameters": schema, "strict": bool(tool.strict)}
    return said if tool.description is None else {**said, "description": tool.description}


def _choice(choice: ToolChoice) -> str | dict[str, Any]:
    return choice.mode if choice.name is None else {"type": "function", "name": choice.name}


def _format(wanted: Format, lost: dict[Deviation, None]) -> dict[str, Any]:
    if wanted.schema is None:
        return {"type": "json_object"}
    if wanted.name is None:
        lost[Adapted("format.name", "answer, since a format must have one")] = None
    said = {"description": wanted.description, "strict": wanted.strict}
    return {
        "type": "json_schema",
        "name": wanted.name or "answer",
        **{name: value for name, value in said.items() if value is not None},
        "schema": msgspec.Raw(wanted.schema.encode()),
    }


def _thinking(asked: Thinking, body: dict[str, Any], lost: dict[Deviation, None]) -> None:
    """By a word; a budget in tokens has no like here, and a model that thinks refuses to be told not to. Who set a budget, or
    only wants it to think, reads thoughts: a summary is asked for.
    """
    if asked.budget_tokens is not None:
        lost["thinking.budget_tokens"] = None
    if not asked.is_on:
        lost["thinking"] = None
        return
    told = {} if asked.effort is None else {"effort": asked.effort}
    wants_summary = asked.effort is None or asked.budget_tokens is not None
    body["reasoning"] = {**told, "summary": "auto"} if wants_summary else told
