"""What Claude Code sends, against providers of both dialects: its shapes, its headers, `?beta=true` on the path."""

import json
from typing import Any

import pytest

from tests.conftest import APP_KEY
from tests.support.client import Seen
from tests.support.two_sides import CHAT, COUNT, MESSAGES, TwoSides, folded

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
CACHED = {"type": "ephemeral"}
BETAS = (
    "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27,prompt-caching-scope-2026-01-05"
)
SYSTEM = [
    {"type": "text", "text": "x-billing-header: cc_version=2.1.0; cc_entrypoint=cli;"},
    {"type": "text", "text": "You are Claude Code, a CLI for software engineers.", "cache_control": CACHED},
    {"type": "text", "text": "# Environment\ncwd: /home/me", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
]
TOOLS: list[Any] = [
    {
        "name": name,
        "description": f"{name}. " + "Long words. " * 40,
        "input_schema": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {"path": {"type": "string"}, "limit": {"type": "number", "exclusiveMinimum": 0}},
            "required": ["path"],
            "additionalProperties": False,
        },
    }
    for name in ("Read", "Write", *(f"mcp__server__tool_{at}" for at in range(30)))
]
TURNS: list[Any] = [
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "<system-reminder>Today is Sunday.</system-reminder>"},
            {"type": "text", "text": "Look at a.png and b.txt."},
        ],
    },
    {
        "role": "assistant",
        "content": [
            {"type": "text", "text": "I read both."},
            {"type": "tool_use", "id": "toolu_01A", "name": "Read", "input": {"path": "a.png"}},
            {"type": "tool_use", "id": "toolu_01B", "name": "Read", "input": {"path": "b.txt"}},
        ],
    },
    {
        "role": "user",
        "content": [
            {
                "type": "tool_result",
                "tool_use_id": "toolu_01A",
                "content": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}],
            },
            {"type": "tool_result", "tool_use_id": "toolu_01B", "content": "no such file", "is_error": True},
            {"type": "text", "text": "Go on.", "cache_control": CACHED},
        ],
    },
]


def request(model: str, **more: Any) -> dict[str, Any]:
    """A turn of an agent's loop."""
    user = json.dumps({"device_id": "d" * 64, "account_uuid": "", "session_id": "0b1c"})
    return {
        "model": model, "messages": TURNS, "system": SYSTEM, "tools": TOOLS, "metadata": {"user_id": user},
        "max_tokens": 32_000, "thinking": {"type": "adaptive"}, "output_config": {"effort": "medium"},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}, "stream": True, **more,
    }  # fmt: skip


def ask(served_sides: TwoSides, body: Any, path: str = MESSAGES) -> Seen:
    return served_sides.ask(
        f"{path}?beta=true", body, authorization=f"Bearer {APP_KEY}", anthropic_version="2023-06-01",
        anthropic_beta=BETAS, anthropic_dangerous_direct_browser_access="true", x_app="cli", x_stainless_lang="js",
        x_stainless_retry_count="0", user_agent="claude-cli/2.1.0 (external, cli)", accept="application/json",
    )  # fmt: skip


def test_turn_by_anthropic_goes_on_as_it_is(served_sides: TwoSides) -> None:
    sent = request("a-ok")
    seen = ask(served_sides, sent)
    assert seen.status == 200, seen.body
    said = folded(seen)["content"][0]["text"]
    assert said == "You said: [result toolu_01A: [image base64]] [error toolu_01B: no such file] Go on."
    got = served_sides.got("ok", MESSAGES)
    assert json.loads(got["body"]) == {**sent, "model": "ok"}
    assert got["headers"]["anthropic-beta"] == BETAS
    assert not [name for name in got["headers"] if name.startswith("x-stainless") or name == "x-app"]


def test_turn_by_openai(served_sides: TwoSides) -> None:
    seen = ask(served_sides, request("o-ok"))
    assert seen.status == 200, seen.body
    assert folded(seen)["stop_reason"] == "end_turn"
    body = served_sides.body_of("ok", CHAT)
    roles = [one["role"] for one in body["messages"]]
    assert roles == ["system", "user", "assistant", "tool", "tool", "user"]
    assert len(body["tools"]) == 32
    assert body["tools"][0]["function"]["parameters"] == TOOLS[0]["input_schema"]
    assert [one["content"] for one in body["messages"][3:5]] == ["", "no such file"]
    assert [part["type"] for part in body["messages"][5]["content"]] == ["image_url", "text"]
    assert body["max_completion_tokens"] == 32_000
    assert body["reasoning_effort"] == "medium"
    assert not {"context_management", "metadata", "thinking", "system"} & set(body)


@pytest.mark.parametrize("model", ["a-tools", "o-tools_parallel"])
def test_agents_loop(served_sides: TwoSides, model: str) -> None:
    """Calls come, their results go, the answer comes; what the model thought goes along."""
    first = folded(ask(served_sides, request(model, messages=TURNS[:1])))
    assert first["stop_reason"] == "tool_use"
    calls = [block for block in first["content"] if block["type"] == "tool_use"]
    assert len(calls) == 2
    results = [{"type": "tool_result", "tool_use_id": call["id"], "content": "done"} for call in calls]
    turns = [TURNS[0], {"role": "assistant", "content": first["content"]}, {"role": "user", "content": results}]
    last = ask(served_sides, request(f"{model[0]}-ok", messages=turns))
    assert last.status == 200, last.body
    assert folded(last)["stop_reason"] == "end_turn"


@pytest.mark.parametrize("model", ["a-ok", "o-ok"])
def test_small_requests(served_sides: TwoSides, model: str) -> None:
    """Its check of the quota, and its question for a title; both whole."""
    quota = {
        "model": model,
        "max_tokens": 1,
        "messages": [{"role": "user", "content": "quota"}],
        "metadata": {"user_id": "u"},
    }
    assert ask(served_sides, quota).status == 200
    schema = {
        "type": "object",
        "properties": {"title": {"type": "string"}},
        "required": ["title"],
        "additionalProperties": False,
    }
    title = {**quota, "max_tokens": 100, "system": SYSTEM, "tools": [], "temperature": 1,
             "output_config": {"format": {"type": "json_schema", "schema": schema}}}  # fmt: skip
    seen = ask(served_sides, title)
    assert seen.status == 200, seen.body


@pytest.mark.parametrize(("model", "how"), [("a-ok", "exact"), ("v-ok", "exact"), ("o-ok", "estimate")])
def test_count_of_tokens(served_sides: TwoSides, model: str, how: str) -> None:
    body = {"model": model, "messages": TURNS, "system": SYSTEM, "tools": TOOLS, "thinking": {"type": "adaptive"}}
    seen = ask(served_sides, body, COUNT)
    assert (seen.status, seen.headers["x-gateway-tokens"]) == (200, how), seen.body
    assert json.loads(seen.body)["input_tokens"] > 20
