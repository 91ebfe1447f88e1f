"""The pairs that requests go through: a surface in the dialect of its callers, in front of a provider of some dialect."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any, Literal

import httpx2 as httpx

from tests.fake_upstream import BEHAVIOURS
from tests.fake_upstream.registry import CONVERSE, GEMINI, MESSAGES, Table
from tests.support.client import Seen

Dialect = Literal["openai", "anthropic", "bedrock", "gemini"]
MAX_TOKENS = 500


@dataclass(frozen=True)
class Side:
    """One pair. `serves`: what a deployment's `surfaces` must hold. `behaviours`: what the provider can be told to do.

    `continues`: another deployment can go on with a stream that broke.
    """

    name: str
    surface: str
    path: str
    asks: Dialect
    provider: Dialect
    provider_path: str
    serves: str
    streams: bool = True
    continues: bool = False

    @property
    def behaviours(self) -> Table:
        return {"anthropic": MESSAGES, "bedrock": CONVERSE, "gemini": GEMINI}.get(self.provider, BEHAVIOURS)

    @property
    def has_vectors(self) -> bool:
        return self.surface == "embeddings"

    @property
    def good(self) -> str:
        """The behaviour that answers well."""
        return "vectors" if self.has_vectors else "ok"

    @property
    def modes(self) -> tuple[bool, ...]:
        """Whether streamed."""
        return (False, True) if self.streams else (False,)

    def body(self, model: str, text: str, *, stream: bool = False, **more: Any) -> dict[str, Any]:
        """A request that carries this text."""
        messages = [{"role": "user", "content": text}]
        match self.surface:
            case "embeddings":
                return {"model": model, "input": [text, "text 0"], **more}
            case "completions":
                return {"model": model, "stream": stream, "max_tokens": MAX_TOKENS, "prompt": text, **more}
            case "messages":
                return {"model": model, "stream": stream, "max_tokens": MAX_TOKENS, "messages": messages, **more}
        return {"model": model, "stream": stream, "messages": messages, **more}

    def is_finished(self, seen: Seen, *, stream: bool) -> bool:
        """Would an SDK take it for a complete answer?"""
        if seen.status != 200 or seen.broken:
            return False
        if not stream:
            return isinstance(json.loads(seen.body), dict)
        if self.asks == "openai":
            return "[DONE]" in seen.events
        return bool(seen.events) and json.loads(seen.events[-1])["type"] == "message_stop"

    def error(self, seen: Seen) -> tuple[str, str]:
        """The type and the code that a caller reads, in a body or in the last event of a stream, in its dialect's form."""
        error = seen.error
        assert error is not None
        assert error["message"]
        if self.asks == "openai":
            assert set(error) == {"message", "type", "param", "code"}
            return error["type"], error["code"]
        assert set(error) == {"message", "type", "details"}
        assert set(error["details"]) == {"error_code"}
        return error["type"], error["details"]["error_code"]

    def has_end(self, seen: Seen) -> bool:
        """Whether anywhere in it stands that it is complete."""
        return (b"message_stop" if self.asks == "anthropic" else b"[DONE]") in seen.body


SIDES = (
    Side("chat", "chat.completions", "/v1/chat/completions", "openai", "openai", "/v1/chat/completions", "chat", continues=True),
    Side("messages", "messages", "/v1/messages", "anthropic", "openai", "/v1/chat/completions", "chat", continues=True),
    Side("completions", "completions", "/v1/completions", "openai", "openai", "/v1/completions", "completions"),
    Side("embeddings", "embeddings", "/v1/embeddings", "openai", "openai", "/v1/embeddings", "embeddings", streams=False),
    Side("chat-over-anthropic", "chat.completions", "/v1/chat/completions", "openai", "anthropic", "/v1/messages", "chat"),
    Side("messages-over-anthropic", "messages", "/v1/messages", "anthropic", "anthropic", "/v1/messages", "chat"),
    Side("chat-over-bedrock", "chat.completions", "/v1/chat/completions", "openai", "bedrock", "/model/NAME/converse", "chat"),
    Side("messages-over-bedrock", "messages", "/v1/messages", "anthropic", "bedrock", "/model/NAME/converse", "chat"),
    Side("chat-over-gemini", "chat.completions", "/v1/chat/completions", "openai", "gemini", "/v1/models/NAME", "chat"),
    Side("messages-over-gemini", "messages", "/v1/messages", "anthropic", "gemini", "/v1/models/NAME", "chat"),
)  # fmt: skip


async def ask(
    client: httpx.AsyncClient,
    side: Side,
    model: str,
    text: str,
    *,
    stream: bool = False,
    headers: dict[str, str] | None = None,
    **more: Any,
) -> Seen:
    """Ask, and read until the answer ends or breaks."""
    seen = Seen()
    body = side.body(model, text, stream=stream, **more)
    try:
        async with client.stream("POST", side.path, json=body, headers=headers) as answer:
            seen.status, seen.headers = answer.status_code, dict(answer.headers)
            async for part in answer.aiter_raw():
                seen.body += part
    except httpx.HTTPError as problem:
        seen.broken = repr(problem)
    return seen


async def decision(client: httpx.AsyncClient, decision_id: str) -> dict[str, Any]:
    """The record of a request and its sentences, once it has ended."""
    async with asyncio.timeout(30):
        while True:
            answer = await client.get(f"/admin/decisions/{decision_id}")
            if answer.status_code == 200:
                told: dict[str, Any] = json.loads(answer.content)
                if not told["record"].get("in_progress"):
                    return told
            await asyncio.sleep(0.02)
