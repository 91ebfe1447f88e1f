"""A body of chat completions that asks for what the canonical chat does."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from gateway.dialects.contract import Adapted, Deviation, Fields
from gateway.dialects.openai.asked_messages import MAKER
from gateway.dialects.slices import as_raw, encoded, paused
from gateway.values.chat import (
    Audio,
    Chat,
    Document,
    Format,
    HiddenReasoning,
    Image,
    Part,
    ProviderCall,
    ProviderResult,
    Reasoning,
    Refusal,
    Role,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.pause import Pause

_AS_THEY_ARE = (
    "temperature", "top_p", "top_k", "seed", "presence_penalty", "frequency_penalty", "user", "service_tier", "logprobs",
    "top_logprobs", "verbosity",
)  # fmt: skip


def fields_of(chat: Chat, limit_name: str, thoughts: str | None, pause: Pause) -> tuple[Fields, tuple[Deviation, ...]]:
    """The body's members, and what of the chat they do not say. `limit_name`: what the vendor calls the bound of output;
    `thoughts`: the member of a message in which it takes back what a model thought, None if it takes none.
    """
    lost: dict[Deviation, None] = {}
    turns = enumerate(paused(chat.turns, pause))
    messages = (one for at, turn in turns for one in _messages(turn, f"turns[{at}]", lost, thoughts))
    body: dict[str, Any] = {"messages": encoded(messages, pause)}
    body |= _tools(chat, lost)
    if chat.max_output_tokens is not None:
        body[limit_name] = chat.max_output_tokens
    for name in _AS_THEY_ARE:
        value = getattr(chat, name)
        if value is not None:
            body[name] = value
    if chat.cache_key is not None:
        body["prompt_cache_key"] = chat.cache_key
    lost |= {f"provider_tools[{at}]": None for at in range(len(chat.provider_tools))}
    if chat.stop:
        body["stop"] = list(chat.stop)
    if chat.format is not None:
        body["response_format"] = _format(chat.format)
    if chat.thinking is not None and chat.thinking.effort is not None:
        body["reasoning_effort"] = chat.thinking.effort
    elif chat.thinking is not None:  # a budget has no like here; servers that do not think refuse a word for it
        lost["thinking"] = None
    return {name: as_raw(value) for name, value in body.items()}, tuple(lost)


def _tools(chat: Chat, lost: dict[Deviation, None]) -> dict[str, Any]:
    if not chat.tools:  # servers refuse what is said of tools where there are none
        return {}
    if any(tool.cache_s for tool in chat.tools):
        lost["cache_control"] = None
    body: dict[str, Any] = {"tools": [{"type": "function", "function": _function(tool)} for tool in chat.tools]}
    if chat.tool_choice is not None:
        body["tool_choice"] = _choice(chat.tool_choice)
    if chat.parallel_tool_calls is not None:
        body["parallel_tool_calls"] = chat.parallel_tool_calls
    return body


def _messages(turn: Turn, path: str, lost: dict[Deviation, None], thoughts: str | None) -> Iterable[dict[str, Any]]:
    named = {"name": turn.name} if turn.name else {}
    if any(getattr(part, "cache_s", None) for part in turn.parts):
        lost["cache_control"] = None
    if turn.role is Role.ASSISTANT:
        yield {"role": "assistant", **_said(turn.parts, path, lost, thoughts), **named}
        return
    rest: list[Part] = []
    for at, part in enumerate(turn.parts):
        if not isinstance(part, ToolResult):
            rest.append(part)
            continue
        yield {"role": "tool", "tool_call_id": part.call_id, "content": _texts(part.parts)}
        more = [one for one in part.parts if not isinstance(one, Text)]  # a tool's message holds text only
        if more:
            lost[Adapted(f"{path}.parts[{at}].parts", "what is no text stands in the user's message after it")] = None
        rest += more
        if part.is_error:
            lost[f"{path}.parts[{at}].is_error"] = None
    if rest or not turn.parts:
        role = "system" if turn.role is Role.SYSTEM else "user"
        yield {"role": role, "content": _content(rest, path, lost), **named}


def _texts(parts: Iterable[Part]) -> str:
    return "\n".join(part.text for part in parts if isinstance(part, Text))


def _content(parts: Sequence[Part], path: str, lost: dict[Deviation, None]) -> str | list[dict[str, Any]]:
    if len(parts) == 1 and isinstance(parts[0], Text):
        return parts[0].text
    return [_part(part, f"{path}.parts[{at}]", lost) for at, part in enumerate(parts)] or ""


def _part(part: Part, path: str, lost: dict[Deviation, None]) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if isinstance(part, Image) and part.file_id is None:
        url = part.url or f"data:{part.media_type};base64,{part.data}"
        return {"type": "image_url", "image_url": {"url": url, **({"detail": part.detail} if part.detail else {})}}
    if isinstance(part, Audio):
        return {"type": "input_audio", "input_audio": {"data": part.data, "format": part.format}}
    if isinstance(part, Document) and part.context is not None:
        lost[f"{path}.context"] = None
    if isinstance(part, Document) and part.cites:
        lost[f"{path}.citations"] = None
    if isinstance(part, Document) and part.file_id is not None and part.maker == MAKER:
        return {"type": "file", "file": {"file_id": part.file_id}}
    if isinstance(part, Document) and part.data is not None:
        if part.media_type == "text/plain":
            lost[Adapted(path, "a text, without what it is called" if part.name else "a text")] = None
            return {"type": "text", "text": part.data}
        if part.name is None:
            lost[Adapted(f"{path}.name", "document, since a file must have one")] = None
        data = f"data:{part.media_type or 'application/pdf'};base64,{part.data}"
        return {"type": "file", "file": {"filename": part.name or "document", "file_data": data}}
    kind = type(part).__name__
    message = f"The request cannot be put into the provider's format: {path} ({kind}) has no form there."
    raise AttemptFailed(Outcome.BAD_REQUEST, "it has no form in the provider's dialect", message=message, param=path)


_BESIDE = ToolCall | Refusal | Reasoning | HiddenReasoning | ProviderCall | ProviderResult


def _said(parts: tuple[Part, ...], path: str, lost: dict[Deviation, None], thoughts: str | None) -> dict[str, Any]:
    """What the assistant said. Of thoughts only plain ones go back, to servers that take them: nobody signed those."""
    calls = [part for part in parts if isinstance(part, ToolCall)]
    refusals = [part.text for part in parts if isinstance(part, Refusal)]
    rest = [part for part in parts if not isinstance(part, _BESIDE)]
    said: dict[str, Any] = {"content": _content(rest, path, lost) if rest else None if calls or refusals else ""}
    plain = []
    for at, part in enumerate(parts):
        if isinstance(part, Reasoning) and part.signature is None and part.maker is None and thoughts is not None:
            plain.append(part.text)
        elif isinstance(part, Reasoning | HiddenReasoning | ProviderCall | ProviderResult):
            lost[f"{path}.parts[{at}]"] = None
        elif isinstance(part, ToolCall) and part.signature is not None:
            lost[f"{path}.parts[{at}].signature"] = None
        elif isinstance(part, Text) and part.citations:
            lost[f"{path}.parts[{at}].citations"] = None
    if plain:
        said[thoughts or ""] = "".join(plain)
    if refusals:
        said["refusal"] = "".join(refusals)
    if calls:
        said["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in calls
        ]
    return said


def _function(tool: Tool) -> dict[str, Any]:
    schema = None if tool.schema is None else msgspec.Raw(tool.schema.encode())
    said = {"description": tool.description, "parameters": schema, "strict": tool.strict}
    return {"name": tool.name, **{name: value for name, value in said.items() if value is not None}}


def _choice(choice: ToolChoice) -> str | dict[str, Any]:
    return choice.mode if choice.name is None else {"type": "function", "function": {"name": choice.name}}


def _format(wanted: Format) -> dict[str, Any]:
    if wanted.schema is None:
        return {"type": "json_object"}
    said = {"description": wanted.description, "strict": wanted.strict}
    schema = {
        "name": wanted.name or "answer",
        **{name: value for name, value in said.items() if value is not None},
        "schema": msgspec.Raw(wanted.schema.encode()),
    }
    return {"type": "json_schema", "json_schema": schema}
