"""`python -m benchmarks.hedge`: the 99th percentile of the time to first output while one of three deployments is ten
times slower, with hedging and without, over that of three healthy ones; and what the hedges cost more.

One gateway, three fake upstreams whose times are drawn from one log-normal distribution, requests at a steady rate.
"""

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx2 as httpx

from tests.support.fleet import Fleet
from tests.support.gateway import GatewayProcess, deployment

MEDIAN_MS, SIGMA = 60.0, 0.4
SLOWER = 10
PER_S = 60
WARM_UP = 600
MAX_RATIO, MAX_EXTRA = 1.3, 0.05
RULES = [
    {
        "name": "plain",
        "when": {"tags": {"hedge": "no"}},
        "prefer": {"weights": {"a": 1, "b": 1, "c": 1}},
        "slo": {"first_output": {"under_s": 0.3, "percentile": 95}, "window_s": 10},
    },
    {
        "name": "hedged",
        "prefer": {"weights": {"a": 1, "b": 1, "c": 1}},
        "slo": {"first_output": {"under_s": 0.3, "percentile": 95}, "window_s": 10},
        "limits": {"hedge": {"percentile": 95}},
    },
]


def times_ms(times: float) -> list[str]:
    """The distribution as behaviours of which each request draws one."""
    dice = random.Random(7)
    return [f"slow@{round(times * dice.lognormvariate(0, SIGMA) * MEDIAN_MS)}" for _ in range(400)]


async def one(client: httpx.AsyncClient, url: str, tags: dict[str, str]) -> tuple[float, str]:
    """Seconds to the first output, and the decision's id."""
    body = {"model": "pool", "stream": True, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 16}
    since = time.monotonic()
    async with client.stream("POST", f"{url}/v1/chat/completions", json=body, headers=tags) as answer:
        first = 0.0
        async for _ in answer.aiter_bytes():
            first = first or time.monotonic() - since
        assert answer.status_code == 200
        return first, answer.headers["x-gateway-decision"]


async def many(gateway: GatewayProcess, count: int, *, hedged: bool) -> tuple[list[float], list[str]]:
    tags = {} if hedged else {"x-gateway-tags": "hedge=no"}
    limits = httpx.Limits(max_connections=1000)
    async with httpx.AsyncClient(trust_env=False, timeout=30, limits=limits) as client:
        begun: list[asyncio.Task[tuple[float, str]]] = []
        start = time.monotonic()
        for number in range(count):
            await asyncio.sleep(start + number / PER_S - time.monotonic())
            begun.append(asyncio.create_task(one(client, gateway.url, tags)))
        done = await asyncio.gather(*begun)
    return [first for first, _ in done], [decision for _, decision in done]


def extra_cost(gateway: GatewayProcess, ids: list[str]) -> float:
    """What losers may have cost, over what winners cost."""
    lost = won = 0.0
    for decision_id in ids:
        for attempt in gateway.decision(decision_id)["record"]["attempts"]:
            cost = attempt["cost_usd"] or 0.0
            lost, won = (lost + cost, won) if attempt["outcome"] == "hedge_lost" else (lost, won + cost)
    return lost / won


def p99(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100)[98]


def measure(folder: Path, count: int) -> dict[str, Any]:
    with Fleet(3) as fleet:
        price = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 5.0}
        deployments = {
            name: deployment(stand.base_url, "any", price=price)
            for name, stand in zip("abc", fleet.stands, strict=True)
        }
        config = {
            "deployments": deployments,
            "models": {"pool": {"deployments": ["a", "b", "c"]}},
            "policy": {"rules": RULES},
            "journal": {"queue": 100_000},
        }
        found: dict[str, Any] = {}
        for hedged in (False, True):
            for stand in fleet.stands:
                stand.play(*times_ms(1))
            folder_of = folder / str(hedged)
            folder_of.mkdir()
            with GatewayProcess(folder_of, config) as gateway:
                asyncio.run(many(gateway, WARM_UP, hedged=hedged))
                healthy, _ = asyncio.run(many(gateway, count, hedged=hedged))
                fleet.stands[0].play(*times_ms(SLOWER))
                slowed, ids = asyncio.run(many(gateway, count, hedged=hedged))
                found["hedged" if hedged else "plain"] = (p99(healthy), p99(slowed), extra_cost(gateway, ids))
        return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--requests", type=int, default=3000)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), given.requests)
    for name, (healthy, slowed, extra) in found.items():
        print(
            f"{name}: p99 {healthy * 1e3:.0f} ms healthy, {slowed * 1e3:.0f} ms with one of three {SLOWER} times slower: "
            f"{slowed / found['plain'][0]:.2f} of the healthy one without hedging; losers cost {extra:.1%} more"
        )
    healthy, (_, slowed, extra) = found["plain"][0], found["hedged"]
    kept = slowed <= MAX_RATIO * healthy and extra <= MAX_EXTRA
    print(f"bounds ({MAX_RATIO}, {MAX_EXTRA:.0%}): {'kept' if kept else 'broken'}")


if __name__ == "__main__":
    main()
