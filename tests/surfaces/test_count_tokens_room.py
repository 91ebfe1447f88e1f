"""A count takes its turn and its room like any request."""

import asyncio
from pathlib import Path

import httpx2 as httpx

from tests.conftest import Upstream, configuration
from tests.support.gateway import GatewayProcess, deployment
from tests.support.waiting import wait_for

HELLO = [{"role": "user", "content": "hi"}]


async def test_a_count_waits_for_room_and_is_told_where_there_is_none(upstream: Upstream, tmp_path: Path) -> None:
    config = configuration(upstream.base_url, server={"most_running": 1, "most_waiting": 1})
    config["deployments"]["endless"] = deployment(upstream.base_url, "endless")
    with GatewayProcess(tmp_path, config) as gateway:
        limits = httpx.Limits(max_connections=20)
        async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, timeout=60, limits=limits) as client:

            async def count() -> httpx.Response:
                return await client.post("/v1/messages/count_tokens", json={"model": "endless", "messages": HELLO})

            def waiting() -> bool:
                told = httpx.get(f"{gateway.url}/metrics", trust_env=False).text
                return "gateway_requests_waiting 1.0" in told

            assert (await count()).status_code == 200
            body = {"model": "endless", "messages": HELLO, "stream": True}
            async with client.stream("POST", "/v1/chat/completions", json=body) as running:
                assert running.status_code == 200
                first = asyncio.create_task(count())
                await asyncio.to_thread(wait_for, waiting, within_s=30)
                refused = await count()
                assert refused.status_code == 503, refused.text
                assert refused.json()["error"]["type"] == "overloaded_error"
                assert not first.done()
            assert (await first).status_code == 200  # the stream that ran is gone
            assert (await count()).status_code == 200
