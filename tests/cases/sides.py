"""The pairs that requests go through: a surface in the dialect of its callers, in front of a provider of some dialect."""

import asyncio
import json
import re
from dataclasses import dataclass
from typing import Any, Literal

import httpx2 as httpx

from tests.fake_upstream import BEHAVIOURS
from tests.fake_upstream.registry import CONVERSE, GEMINI, MESSAGES, RESPONSES, Table
from tests.support.client import Seen

Dialect = Literal["openai", "anthropic", "bedrock", "gemini", "responses"]
MAX_TOKENS = 500
_TABLES: dict[str, Table] = {
    "openai": BEHAVIOURS,
    "anthropic": MESSAGES,
    "bedrock": CONVERSE,
    "gemini": GEMINI,
    "responses": RESPONSES,
}
# of OpenAI's chat a few of each kind: all of them stand before the other surfaces, and are judged by the same translator
_FEW = frozenset({
    "ok", "tokens", "unicode", "tools", "tools_parallel", "tools_without_index", "reasoning", "refusal", "length",
    "content_filter", "cached_usage", "no_usage", "bad_param_400", "context_length_400", "content_policy_400",
    "unauthorized_401", "model_404", "rate_limit_429", "error_500", "html_502", "overloaded_503",
    "insufficient_quota_429", "redirect", "reset_before", "close_before", "empty_200", "not_json_200",
    "truncated_json_200", "error_200", "no_choices_200", "silent", "silent_after", "silent_after_role", "endless",
    "cut_after", "end_after", "cut_before_finish", "tool_cut", "bad_json_mid", "error_mid", "error_first",
    "empty_stream", "early_done", "half_event", "finish_error",
})  # fmt: skip


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
        every = _TABLES[self.provider]
        if (self.asks, self.provider) == ("responses", "openai"):
            return {name: row for name, row in every.items() if name in _FEW}
        return every

    @property
    def vendor(self) -> str:
        """A row of the vendors whose servers are asked in the provider's dialect."""
        if self.asks == "responses" and self.provider == "openai":
            return "llama_cpp"  # OpenAI's own are asked in the caller's
        return "open_responses" if self.provider == "responses" else self.provider

    @property
    def has_vectors(self) -> bool:
        return self.surface == "embeddings"

    @property
    def bound(self) -> str:
        """What the bound of an answer's tokens is called."""
        return "max_output_tokens" if self.surface == "responses" else "max_tokens"

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
            case "responses":
                return {"model": model, "stream": stream, "max_output_tokens": MAX_TOKENS, "input": text, **more}
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
        if self.asks == "responses":
            kinds = [json.loads(event)["type"] for event in seen.events if event != "[DONE]"]
            return bool(kinds) and kinds[-1] in ("response.completed", "response.incomplete")
        return bool(seen.events) and json.loads(seen.events[-1])["type"] == "message_stop"

    def error(self, seen: Seen) -> tuple[str, str]:
        """The type and the code that a caller reads, in a body or in the last event of a stream, in its dialect's form."""
        error = self.event_of_error(seen) if self.asks == "responses" and seen.status == 200 else seen.error
        assert error is not None
        assert error["message"]
        if self.asks != "anthropic":
            assert set(error) == {"message", "type", "param", "code"}
            return error["type"], error["code"]
        assert set(error) == {"message", "type", "details"}
        assert set(error["details"]) == {"error_code"}
        return error["type"], error["details"]["error_code"]

    def has_end(self, seen: Seen) -> bool:
        """Whether anywhere in it stands that it is complete."""
        ends = {
            "openai": rb"\[DONE\]",
            "anthropic": rb"message_stop",
            "responses": rb"\[DONE\]|response\.(in)?complete",
        }
        return re.search(ends[self.asks], seen.body) is not None

    @staticmethod
    def event_of_error(seen: Seen) -> dict[str, Any] | None:
        """A stream that broke ends with the event `error`, and with `response.failed` where it had begun; their numbers go on."""
        *before, error = (json.loads(event) for event in seen.events)
        if error["type"] == "response.failed":
            assert error["response"]["status"] == "failed"
            assert error["response"]["error"]["message"]
            assert [one["sequence_number"] for one in (*before, error)] == list(range(len(before) + 1))
            error = before[-1]
        assert error["type"] == "error"
        found: dict[str, Any] = error["error"]
        return found


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
    Side("responses", "responses", "/v1/responses", "responses", "openai", "/v1/chat/completions", "chat", continues=True),
    Side("responses-over-anthropic", "responses", "/v1/responses", "responses", "anthropic", "/v1/messages", "chat"),
    Side("responses-over-responses", "responses", "/v1/responses", "responses", "responses", "/v1/responses", "chat"),
    Side("chat-over-responses", "chat.completions", "/v1/chat/completions", "openai", "responses", "/v1/responses", "chat"),
    Side("messages-over-responses", "messages", "/v1/messages", "anthropic", "responses", "/v1/responses", "chat"),
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
