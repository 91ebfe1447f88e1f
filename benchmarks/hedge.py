"""`python -m benchmarks.hedge`: the 99th percentile of the time to first output while one of three deployments is ten
times slower, with hedging and without, over that of three healthy ones; and what the hedges cost more.

One gateway, three fake upstreams whose times are drawn from one log-normal distribution, requests at a steady rate.
"""

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import httpx2 as httpx

from benchmarks.report import Bound, Section
from tests.support.fleet import Fleet
from tests.support.gateway import GatewayProcess, deployment

MEDIAN_MS, SIGMA = 60.0, 0.4
SLOWER = 10
PER_S = 60
WARM_UP = 600
REQUESTS = 3000
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


class Figures(NamedTuple):
    """Seconds at the 99th percentile; what losers may have cost over what winners cost."""

    healthy_s: float
    slowed_s: float
    extra: float


def measure(folder: Path, count: int) -> dict[str, Figures]:
    """By whether requests are hedged: `plain` and `hedged`."""
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
        found: dict[str, Figures] = {}
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
                found["hedged" if hedged else "plain"] = Figures(p99(healthy), p99(slowed), extra_cost(gateway, ids))
        return found


def section(count: int = REQUESTS) -> Section:
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), count)
    healthy_s, hedged = found["plain"].healthy_s, found["hedged"]
    ratio = hedged.slowed_s / healthy_s
    return Section(
        "Hedging",
        f"`python -m benchmarks.hedge`: {count} streams at {PER_S} a second over three deployments; 99th percentile of the time\n"
        f"to first output, all healthy, then with one of them {SLOWER} times slower, and over the healthy one without hedging.",
        ["", "healthy ms", "one slow ms", "ratio", "cost of losers"],
        [
            [name, f"{one.healthy_s * 1e3:.0f}", f"{one.slowed_s * 1e3:.0f}", f"{one.slowed_s / healthy_s:.2f}", f"{one.extra:.1%}"]
            for name, one in found.items()
        ],
        [
            Bound(f"{ratio:.2f} of the healthy 99th percentile while one is slow, bound {MAX_RATIO}", ratio <= MAX_RATIO),
            Bound(f"{hedged.extra:.1%} more cost, bound {MAX_EXTRA:.0%}", hedged.extra <= MAX_EXTRA),
        ],
    )  # fmt: skip


def main() -> int:
    """Exit status 1 if a bound is not held."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--requests", type=int, default=REQUESTS)
    found = section(options.parse_args().requests)
    print(found)
    return int(not found.held)


if __name__ == "__main__":
    sys.exit(main())
