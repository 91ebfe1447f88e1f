"""What callers of chat completions call the members of a chat, and its parts."""

from gateway.dialects.chat_paths import member_path, part_path, tool_path
from gateway.values.chat import Chat, HiddenReasoning, Part, Reasoning, Refusal, Role, ToolCall, ToolResult, Turn

_NAMES = {
    "max_output_tokens": "max_tokens",
    "thinking": "reasoning_effort",
    "thinking.effort": "reasoning_effort",
    "thinking.budget_tokens": "reasoning_effort",
    "format": "response_format",
    "format.name": "response_format.json_schema.name",
    "format.description": "response_format.json_schema.description",
    "format.strict": "response_format.json_schema.strict",
    "format.schema": "response_format.json_schema.schema",
    "cache_key": "prompt_cache_key",
}
_OF_TOOLS = {
    "name": "function.name",
    "description": "function.description",
    "strict": "function.strict",
    "schema": "function.parameters",
}
_OF_MESSAGES = {Reasoning: "reasoning_content", HiddenReasoning: "reasoning_details", Refusal: "refusal"}


def caller_path(chat: Chat, path: str) -> str:
    """A turn is a message."""
    place = part_path(path)
    if place is None:
        if path.startswith("provider_tools"):
            return "web_search_options"
        return tool_path(path, _OF_TOOLS) or member_path(path, _NAMES)
    message = f"messages[{place.turn}]"
    return message + (place.rest if place.part is None else _of_part(chat.turns[place.turn], place.part, place.rest))


def _of_part(turn: Turn, at: int, rest: str) -> str:
    """What the assistant said stands under several names; what a tool gave back is a message."""
    part = turn.parts[at]
    if isinstance(part, ToolResult):
        return rest.replace(".parts", ".content", 1)
    if turn.role is not Role.ASSISTANT:
        return f".content[{at}]{rest}"
    if type(part) in _OF_MESSAGES:
        return f".{_OF_MESSAGES[type(part)]}"
    list_name = "tool_calls" if isinstance(part, ToolCall) else "content"
    return f".{list_name}[{_number(turn.parts[:at], part)}]{rest}"


def _number(before: tuple[Part, ...], part: Part) -> int:
    """Among those that stand in the same list."""
    return sum(_is_beside(one, part) for one in before)


def _is_beside(one: Part, part: Part) -> bool:
    return type(one) not in _OF_MESSAGES and isinstance(one, ToolCall) is isinstance(part, ToolCall)
