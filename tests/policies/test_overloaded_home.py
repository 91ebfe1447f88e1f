"""README's example into overload, over sockets: an own server that does eight a second gets twenty, a commercial one is idle.

At home eight answers at a time take a second each, and whoever comes then waits in line, without end.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.support.gateway import GatewayProcess
from tests.support.modelled import ModelledFleet
from tests.support.readme import readme_configuration

WORLD = """\
deployments:
  llama-home: {self_hosted: {prefill_tokens_per_s: 100000, step_s: 0.02, max_running: 8}}
  gpt-mini: {commercial: {first_output: {median_s: 0.3, sigma: 0.3}, output_token: {median_s: 0.01, sigma: 0.2}}}
"""
TOKENS = 50  # of an answer: a second at home
PER_S, SECONDS = 20, 20
KEPT = 0.95
Change = dict[str, Any]

CASES: dict[str, tuple[Change, Change, Change]] = {  # changes of the own server, of the rule's limits, of the requests
    "as it stands": ({}, {}, {"stream": True}),
    "ten seconds": ({}, {"deadline_s": 10}, {"stream": True}),
    "whole answers": ({}, {"deadline_s": 10}, {"stream": False}),
    "no gauges": ({"provider": "openai_compatible"}, {"deadline_s": 10}, {"stream": True}),
    "whole answers, no gauges": ({"provider": "openai_compatible"}, {"deadline_s": 10}, {"stream": False}),
}


@dataclass
class Answered:
    """What the caller saw. `whole`: to its end, and nothing of an error in it."""

    by: str | None
    whole: bool
    seconds: float


@pytest.fixture(scope="module")
def upstreams(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    world = tmp_path_factory.mktemp("world") / "world.yaml"
    world.write_text(WORLD)
    with ModelledFleet(world) as fleet:
        yield fleet.base_urls


async def answered(client: httpx.AsyncClient, *, stream: bool, deadline_ms: int | None) -> Answered:
    headers = {} if deadline_ms is None else {"x-gateway-deadline-ms": str(deadline_ms)}
    body = {
        "model": "chat",
        "messages": [{"role": "user", "content": "abc " * 40}],
        "max_tokens": TOKENS,
        "stream": stream,
    }
    since = time.monotonic()
    got = await client.post("/v1/chat/completions", json=body, headers=headers)
    seconds = time.monotonic() - since
    ended = got.text.rstrip().endswith("data: [DONE]") if stream else bool(got.json().get("choices"))
    return Answered(got.headers.get("x-gateway-deployment"), got.status_code == 200 and ended, seconds)


async def overload(url: str, *, stream: bool, deadline_ms: int | None = None) -> list[Answered]:
    limits = httpx.Limits(max_connections=1000, max_keepalive_connections=1000)
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=120, limits=limits) as client:
        start, begun = time.monotonic(), []
        for number in range(PER_S * SECONDS):
            await asyncio.sleep(max(start + number / PER_S - time.monotonic(), 0.0))
            begun.append(asyncio.create_task(answered(client, stream=stream, deadline_ms=deadline_ms)))
        return await asyncio.gather(*begun)


@pytest.mark.parametrize("case", CASES)
def test_what_home_cannot_answer_in_time_goes_to_the_next(case: str, upstreams: dict[str, str], tmp_path: Path) -> None:
    own, limits, asked = CASES[case]
    config = readme_configuration()
    for name, base_url in upstreams.items():
        config["deployments"][name]["base_url"] = base_url
    config["deployments"]["llama-home"] |= own
    rule = config["policy"]["rules"][-1]
    rule["limits"] |= limits
    deadline_s = rule["limits"]["deadline_s"]
    with GatewayProcess(tmp_path, config, {"OPENAI_API_KEY": "sk-0123456789abcdef0123"}) as gateway:
        found = asyncio.run(overload(gateway.url, **asked))
    good = [one for one in found if one.whole and one.seconds <= deadline_s]
    by = Counter(one.by for one in good)
    slowest = sorted(one.seconds for one in found)
    said = json.dumps(
        {
            "good": len(good),
            "of": len(found),
            "by": by,
            "p50": slowest[len(found) // 2],
            "p95": slowest[len(found) * 19 // 20],
        }
    )
    print(said)
    assert len(good) >= KEPT * len(found), said
    assert by["llama-home"] >= 0.2 * len(found), said  # it goes on with what it can
