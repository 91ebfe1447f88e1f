"""A request for a message, as far as the answers depend on it."""

import hashlib
import json
from typing import Any

from tests.fake_upstream.call import BadCall, Call
from tests.fake_upstream.messages.checks import check

TOKENS_PER_IMAGE = 100
TOKENS_PER_TOOL = 10


def parse(body: bytes, *, is_count: bool) -> Call:
    """Raises BadCall with the words of the API. A token is a word."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        raise BadCall("The request body is not valid JSON") from None
    if not isinstance(fields, dict):
        raise BadCall("Input should be a valid dictionary")
    check(fields, is_count=is_count)
    return Call(
        id="msg_" + hashlib.sha256(body).hexdigest()[:24],
        model=fields["model"],
        stream=fields.get("stream") is True,
        include_usage=True,
        n=1,
        text=_last_text(fields["messages"]),
        prompt_tokens=_tokens(fields),
        fields=fields,
    )


def _last_text(messages: list[dict[str, Any]]) -> str:
    """Of the last turn of the user: its own words, what tools gave back, and how many images it holds."""
    said = next((one["content"] for one in reversed(messages) if one["role"] == "user"), "")
    return said if isinstance(said, str) else " ".join(filter(None, map(_text, said)))


def _text(block: dict[str, Any]) -> str:
    match block.get("type"):
        case "text":
            return str(block["text"])
        case "image":
            return f"[image {block['source']['type']}]"
        case "document":
            return f"[document {block['source']['type']}]"
        case "tool_result":
            content = block.get("content") or ""
            inner = content if isinstance(content, str) else " ".join(map(_text, content))
            return f"[{'error' if block.get('is_error') else 'result'} {block['tool_use_id']}: {inner}]"
    return ""


def _tokens(fields: dict[str, Any]) -> int:
    turns = [one["content"] for one in fields["messages"]] + [fields.get("system") or ""]
    return max(1, sum(map(_of_content, turns)) + TOKENS_PER_TOOL * len(fields.get("tools") or ()))


def _of_content(content: Any) -> int:
    if isinstance(content, str):
        return len(content.split())
    count = 0
    for block in content:
        if block.get("type") == "image":
            count += TOKENS_PER_IMAGE
        count += len(str(block.get("text", "")).split()) + _of_content(block.get("content") or "")
    return count
