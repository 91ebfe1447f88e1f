"""What callers of Messages call the members of a chat, and its parts."""

from gateway.dialects.chat_paths import member_path, part_path, tool_path
from gateway.values.chat import Chat, Role

_NAMES = {
    "max_output_tokens": "max_tokens",
    "stop": "stop_sequences",
    "user": "metadata.user_id",
    "parallel_tool_calls": "tool_choice.disable_parallel_tool_use",
    "thinking.effort": "output_config.effort",
    "format": "output_config.format",
    "provider_tools": "tools",
}
_OF_TOOLS = {"schema": "input_schema"}


def caller_path(chat: Chat, path: str) -> str:
    """The system's text is no message: all others are counted from it."""
    place = part_path(path)
    if place is None:
        if path.startswith("provider_tools"):
            return _NAMES["provider_tools"]
        return tool_path(path, _OF_TOOLS) or member_path(path, _NAMES)
    is_first_system = chat.turns[0].role is Role.SYSTEM
    if is_first_system and place.turn == 0:
        where = "system" if place.part is None else f"system[{place.part}]"
        return where + place.rest
    message = f"messages[{place.turn - is_first_system}]"
    rest = place.rest.replace(".parts", ".content", 1)
    return message + rest if place.part is None else f"{message}.content[{place.part}]{rest}"
