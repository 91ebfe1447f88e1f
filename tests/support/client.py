"""What a client sees of an answer, byte by byte."""

import json
from dataclasses import dataclass, field
from typing import Any

import httpx2 as httpx

from tests.support.gateway import GatewayProcess

MESSAGES = [{"role": "user", "content": "Say hello."}]
BODY = {"messages": MESSAGES}


@dataclass
class Seen:
    """One answer. `broken`: the connection ended before the HTTP body did."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    broken: str | None = None

    @property
    def events(self) -> list[str]:
        text = self.body.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
        return [line.removeprefix("data:").strip() for line in text.split("\n") if line.startswith("data:")]

    @property
    def error(self) -> dict[str, Any] | None:
        """The error body, or a stream's error event."""
        candidates = [self.body] if self.status >= 400 else [event.encode() for event in self.events[-1:]]
        for candidate in candidates:
            try:
                return json.loads(candidate)["error"]
            except (ValueError, KeyError, TypeError):
                continue
        return None

    def looks_finished(self, *, stream: bool) -> bool:
        """Would an SDK take it for a complete answer?"""
        if self.status != 200 or self.broken:
            return False
        return "[DONE]" in self.events if stream else True


async def ask(
    client: httpx.AsyncClient,
    model: str,
    *,
    stream: bool,
    headers: dict[str, str] | None = None,
    seen: Seen | None = None,
    **more: Any,
) -> Seen:
    """Ask for a chat completion, and read until the answer ends or breaks. `seen`: where to put what comes, as it comes."""
    seen = seen or Seen()
    body = {"model": model, "stream": stream, **BODY, **more}
    try:
        async with client.stream("POST", "/v1/chat/completions", json=body, headers=headers) as answer:
            seen.status, seen.headers = answer.status_code, dict(answer.headers)
            async for part in answer.aiter_raw():
                seen.body += part
    except httpx.HTTPError as problem:
        seen.broken = repr(problem)
    return seen


def post(gateway: GatewayProcess, body: Any, **headers: str) -> httpx.Response:
    """A chat completion; `body` is data, or bytes as they are sent."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.post(
        f"{gateway.url}/v1/chat/completions", content=content, headers=headers, trust_env=False, timeout=20
    )
