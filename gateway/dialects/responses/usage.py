"""`usage` of a response: the same counts as a chat completion's under other names, and what tools of the provider's did.

Source: ResponseUsage of OpenAI's OpenAPI description 2.3.0.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.dialects.openai.reported_usage import read_usage as read_chats
from gateway.dialects.openai.wire import ABSENT
from gateway.dialects.reported import ReportedUsage
from gateway.dialects.responses.wire import Item
from gateway.values.usage import Usage

_NAMES = {
    "input_tokens": "prompt_tokens", "output_tokens": "completion_tokens", "input_tokens_details": "prompt_tokens_details",
    "output_tokens_details": "completion_tokens_details",
}  # fmt: skip
_OF_NO_TOOL = frozenset({
    "message", "reasoning", "function_call", "custom_tool_call", "computer_call", "local_shell_call", "shell_call",
    "apply_patch_call", "compaction", "mcp_list_tools", "mcp_approval_request",
})  # fmt: skip
_members = msgspec.json.Decoder(dict[str, msgspec.Raw] | None).decode


def read_usage(raw: msgspec.Raw, service_tier: msgspec.Raw = ABSENT, items: Sequence[Item] = ()) -> ReportedUsage:
    """As far as it can be read. `items`: the output, whose searches are billed each, and other tools by prices unknown here."""
    told = read_chats(_renamed(raw), service_tier)
    kinds = [item.type for item in items if item.type and item.type not in _OF_NO_TOOL]
    if told.usage is None or not kinds:
        return told
    searches = kinds.count("web_search_call")
    usage = msgspec.structs.replace(told.usage, web_searches=searches or None, unpriced=searches < len(kinds))
    return told._replace(usage=usage)


def _renamed(raw: msgspec.Raw) -> msgspec.Raw:
    try:
        members = _members(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return raw
    if members is None:
        return ABSENT
    return msgspec.Raw(msgspec.json.encode({_NAMES.get(name, name): value for name, value in members.items()}))


def usage_body(usage: Usage | None) -> dict[str, Any] | None:
    """`usage` of a response for a caller: it has every part, 0 where nothing was said of it."""
    if usage is None:
        return None
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cached_tokens or 0,
            "cache_write_tokens": usage.cache_write_tokens or 0,
        },
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens or 0},
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }
