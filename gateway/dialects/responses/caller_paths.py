"""What callers of Responses call the members of a chat, and its parts: a turn is of one item or several, so that the item is not
always told.
"""

from gateway.dialects.chat_paths import member_path, part_path
from gateway.values.chat import Chat, Role

_NAMES = {
    "thinking": "reasoning",
    "thinking.effort": "reasoning.effort",
    "thinking.budget_tokens": "reasoning.effort",
    "format": "text.format",
    "verbosity": "text.verbosity",
    "cache_key": "prompt_cache_key",
    "user": "safety_identifier",
    "logprobs": "include",
    "provider_tools": "tools",
    "turns": "input",
    "reasoning": "input",
}


def caller_path(chat: Chat, path: str) -> str:
    """`instructions`, `input` or another member."""
    place = part_path(path)
    if place is not None:
        return "instructions" if place.turn == 0 and chat.turns[0].role is Role.SYSTEM else "input"
    return member_path(path.partition("[")[0], _NAMES)
