"""What `benchmarks.large_bodies` sends, and what it is answered, in the dialects of its callers and providers."""

import base64
import json
import random
from collections.abc import Callable
from typing import Any

SIZE = 8 * 2**20
WORDS = "the quick brown fox jumps over the lazy dog and then it rests under a tree for a while "
DONE = {"role": "assistant", "content": "read"}
ANSWERS: dict[str, dict[str, Any]] = {
    "openai": {
        "id": "1", "object": "chat.completion", "created": 1, "model": "big",
        "choices": [{"index": 0, "message": DONE, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    },
    "anthropic": {
        "id": "1", "type": "message", "role": "assistant", "model": "big", "content": [{"type": "text", "text": "read"}],
        "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 1},
    },
    "gemini": {
        "candidates": [{"content": {"role": "model", "parts": [{"text": "read"}]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2},
    },
    "bedrock": {
        "output": {"message": {"role": "assistant", "content": [{"text": "read"}]}}, "stopReason": "end_turn",
        "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}, "metrics": {"latencyMs": 1},
    },
}  # fmt: skip
PATHS = {"chat": "/v1/chat/completions", "messages": "/v1/messages"}
TOOL = {"name": "search", "description": "finds pages"}


def one_text() -> list[dict[str, Any]]:
    return [{"role": "user", "content": WORDS * (SIZE // len(WORDS))}]


def many_messages() -> list[dict[str, Any]]:
    said = (WORDS * 2)[:100]
    return [{"role": ("user", "assistant")[at % 2], "content": said} for at in range(SIZE // 140)]


def images() -> list[dict[str, Any]]:
    chance = random.Random(1)
    urls = ["data:image/png;base64," + base64.b64encode(chance.randbytes(3 * 2**18)).decode() for _ in range(8)]
    pictures = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return [{"role": "user", "content": [{"type": "text", "text": "what is this?"}, *pictures]}]


def base64_text() -> list[dict[str, Any]]:
    """Of a file that is no text, over lines, as e-mail has it."""
    return [{"role": "user", "content": base64.encodebytes(random.Random(1).randbytes(SIZE * 3 // 4)).decode()}]


def escaped_text() -> list[dict[str, Any]]:
    """A tool's answer: JSON in a string."""
    rows = [{"name": WORDS[:20], "count": 1, "note": "naïve 😀"}] * (SIZE // 90)
    return [{"role": "tool", "tool_call_id": "1", "content": json.dumps(rows)}]


def image_of_10_mb() -> list[dict[str, Any]]:
    url = "data:image/png;base64," + base64.b64encode(random.Random(1).randbytes(10 * 2**20 * 3 // 4)).decode()
    picture = {"type": "image_url", "image_url": {"url": url}}
    return [{"role": "user", "content": [{"type": "text", "text": "what is this?"}, picture]}]


def tokens() -> list[dict[str, Any]]:
    """About 200,000 of them."""
    return [{"role": "user", "content": WORDS * (200_000 * 4 // len(WORDS))}]


def calls() -> list[dict[str, Any]]:
    """5,000 of them, each answered."""
    said: list[dict[str, Any]] = [{"role": "user", "content": "begin"}]
    for at in range(5000):
        function = {"name": "search", "arguments": json.dumps({"words": WORDS[:40], "page": at})}
        called = {"id": f"call_{at}", "type": "function", "function": function}
        said.append({"role": "assistant", "content": None, "tool_calls": [called]})
        said.append({"role": "tool", "tool_call_id": f"call_{at}", "content": WORDS * 3})
    return said


def of_messages(said: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a caller of Messages would say instead."""
    told = []
    for one in said:
        content = one["content"]
        if one["role"] == "tool":
            content = [{"type": "tool_result", "tool_use_id": one["tool_call_id"], "content": content}]
        elif calls := one.get("tool_calls"):
            content = [
                {
                    "type": "tool_use",
                    "id": call["id"],
                    "name": "search",
                    "input": json.loads(call["function"]["arguments"]),
                }
                for call in calls
            ]
        elif isinstance(content, list):
            content = [_part(part) for part in content]
        told.append({"role": "user" if one["role"] == "tool" else one["role"], "content": content})
    return told


def _part(part: dict[str, Any]) -> dict[str, Any]:
    if part["type"] == "text":
        return part
    data = part["image_url"]["url"].partition(",")[2]
    return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}


KINDS: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "one text": one_text,
    "base64": base64_text,
    "JSON in a text": escaped_text,
    "many messages": many_messages,
    "images": images,
    "10 MB image": image_of_10_mb,
    "200,000 tokens": tokens,
    "5,000 calls": calls,
}


def body_of(kind: str, asks: str) -> bytes:
    """As callers of this surface would send it."""
    said = KINDS[kind]()
    function = {"type": "function", "function": {**TOOL, "parameters": {"type": "object"}}}
    tool = function if asks == "chat" else {**TOOL, "input_schema": {"type": "object"}}
    body = {"model": "big", "max_tokens": 9, "messages": said if asks == "chat" else of_messages(said), "tools": [tool]}
    return json.dumps(body).encode()


def dialect_of(asked: bytes) -> str:
    """By the path."""
    ends = {b"/messages": "anthropic", b":generateContent": "gemini", b"/converse": "bedrock"}
    return next((dialect for end, dialect in ends.items() if asked.endswith(end)), "openai")
