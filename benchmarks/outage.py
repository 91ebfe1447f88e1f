"""`python -m benchmarks.outage`: a provider answers 503 for a minute at 200 requests a second, alone and with a fallback.

The bounds: at most 1.1 calls a request at the failing upstream, the breaker opens within a second, recovery without a
restart, memory flat.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx2 as httpx
import psutil

from tests.support.fleet import Fleet
from tests.support.gateway import GatewayProcess, deployment

PER_S = 200
WARM_UP_S = 3.0
MAX_CALLS, OPENS_WITHIN_S, MAX_GROWTH_BYTES = 1.1, 1.0, 8 * 1024 * 1024
LONGEST_PAUSE_S = 30.0  # of a breaker


@dataclass
class Load:
    """What became of the requests of one phase, in the order in which they were sent."""

    ends: list[tuple[float, str]] = field(default_factory=list)  # seconds since the phase began; deployment, or error

    def counts(self) -> Counter[str]:
        return Counter(end for _, end in self.ends)


@dataclass
class Figures:
    """Of one run. Seconds count from the beginning of the outage, or of the recovery."""

    requests: int
    calls_per_request: float
    opened_s: float | None
    recovered_s: float | None
    growth_bytes: int
    during: Counter[str]

    def broken(self) -> list[str]:
        """The bounds that were not kept."""
        found = []
        if self.calls_per_request > MAX_CALLS:
            found.append(f"{self.calls_per_request:.3f} calls a request")
        if self.opened_s is None or self.opened_s > OPENS_WITHIN_S:
            found.append(f"opened after {self.opened_s} s")
        if self.recovered_s is None:
            found.append("no recovery")
        if self.growth_bytes > MAX_GROWTH_BYTES:
            found.append(f"{self.growth_bytes / 2**20:.1f} MiB more")
        return found


async def load(client: httpx.AsyncClient, seconds: float, until: str | None = None, per_s: float = PER_S) -> Load:
    """Requests at a steady rate, whatever the answers; it ends early with the first answer of the deployment `until`."""
    found, begun, start = Load(), list[asyncio.Task[None]](), time.monotonic()

    async def one() -> None:
        since = time.monotonic() - start
        body = {"model": "pool", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 16}
        answer = await client.post("/v1/chat/completions", json=body)
        good = answer.status_code == 200
        found.ends.append((since, answer.headers["x-gateway-deployment"] if good else answer.json()["error"]["code"]))

    for number in range(int(seconds * per_s)):
        await asyncio.sleep(max(start + number / per_s - time.monotonic(), 0.0))
        if until is not None and any(end == until for _, end in found.ends):
            break
        begun.append(asyncio.create_task(one()))
    await asyncio.gather(*begun)
    found.ends.sort()
    return found


def measure(folder: Path, seconds: float, *, with_fallback: bool) -> Figures:
    """One run with a gateway and upstreams of its own."""
    with Fleet(2) as fleet:
        names = ("failing", "spare") if with_fallback else ("failing",)
        stands = dict(zip(names, fleet.stands, strict=False))
        config = {
            "deployments": {name: deployment(stand.base_url, "ok") for name, stand in stands.items()},
            "models": {"pool": {"deployments": list(names)}},
            "journal": {"keep": 500, "queue": 100_000},
        }
        with GatewayProcess(folder, config) as gateway:
            return asyncio.run(_run(gateway, fleet, seconds))


async def _run(gateway: GatewayProcess, fleet: Fleet, seconds: float) -> Figures:
    failing, process = fleet.stands[0], psutil.Process(gateway.pid)
    limits = httpx.Limits(max_connections=2000)
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, timeout=60, limits=limits) as client:
        await load(client, WARM_UP_S)
        opened = asyncio.create_task(_opened_s(gateway))
        await asyncio.to_thread(failing.play, "unavailable_503")
        await asyncio.to_thread(failing.forget)
        before = process.memory_info().rss
        outage = await load(client, seconds)
        calls = (await asyncio.to_thread(failing.calls))["chat"]
        growth = process.memory_info().rss - before
        if not opened.done():
            opened.cancel()
        await asyncio.to_thread(failing.play, "ok")
        since = time.monotonic()
        recovery = await load(client, LONGEST_PAUSE_S + 5, until="failing", per_s=20)
        recovered = any(end == "failing" for _, end in recovery.ends)
    opened_s = opened.result() if opened.done() and not opened.cancelled() else None
    return Figures(
        len(outage.ends), calls / len(outage.ends), opened_s, time.monotonic() - since if recovered else None, growth,
        outage.counts(),
    )  # fmt: skip


async def _opened_s(gateway: GatewayProcess) -> float:
    """Seconds until the gateway says that the failing one is shut."""
    since = time.monotonic()
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False) as client:
        while json.loads((await client.get("/readyz")).text)["deployments"]["failing"] != "shut":
            await asyncio.sleep(0.02)
    return time.monotonic() - since


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=60)
    given = options.parse_args()
    broken = []
    for with_fallback in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            found = measure(Path(folder), given.seconds, with_fallback=with_fallback)
        print(f"{'with a fallback' if with_fallback else 'alone'}: {found}")
        broken += found.broken()
    print(f"bounds: {', '.join(broken) or 'kept'}")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
