"""Requests at a steady rate, whatever the answers."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx2 as httpx

Body = Callable[[int], dict[str, Any]]  # of the request of this number


async def load(client: httpx.AsyncClient, per_s: float, seconds: float, body: Body) -> list[httpx.Response]:
    """All answers, in the order in which they were asked for. `x-gateway-session` is what the body has as `session`."""
    start = time.monotonic()
    begun: list[asyncio.Task[httpx.Response]] = []

    async def one(number: int) -> httpx.Response:
        asked = body(number)
        session = asked.pop("session", None)
        headers = {} if session is None else {"x-gateway-session": session}
        return await client.post("/v1/chat/completions", json=asked, headers=headers)

    for number in range(int(per_s * seconds)):
        await asyncio.sleep(max(start + number / per_s - time.monotonic(), 0.0))
        begun.append(asyncio.create_task(one(number)))
    return await asyncio.gather(*begun)
