"""`make soak`: many requests, many of whose clients leave at random; then nothing may be left behind.

Prints tasks, sockets, reservations and resident memory before and after, and fails if they do not come back.
"""

import argparse
import asyncio
import contextlib
import json
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import httpx2 as httpx
import psutil

from tests.fake_upstream import FakeUpstream
from tests.support.gateway import GatewayProcess, deployment

# behaviour, stream, and whether its client always leaves
KINDS = [
    ("ok", False, False),
    ("ok", True, False),
    ("tokens", True, False),
    ("slow", False, False),
    ("error_500", False, False),
    ("cut_after", True, False),
    ("reset_before", False, False),
    ("endless", True, True),
    ("silent", True, True),
    ("silent", False, True),
]
AT_ONCE = 50
WARM_UP = 500
SETTLE_S = 15
MAX_GROWTH_BYTES = 8 * 1024 * 1024


@dataclass
class Figures:
    """What a gateway holds at one moment."""

    tasks: int
    sockets: int
    upstream_connections: int
    in_flight: int
    rss_bytes: int


async def soak(requests: int, seed: int, folder: Path) -> tuple[Figures, Figures, float]:
    """Before (after a warm-up), after, and the seconds that it took."""
    dice = random.Random(seed)
    async with FakeUpstream(max_hold_s=60) as upstream:
        names = {name for name, _, _ in KINDS}
        patient = {"connect_s": 2, "first_output_s": 30, "idle_s": 30, "total_s": 60}
        deployments = {name: deployment(upstream.base_url, name, timeouts=patient) for name in names}
        models = {f"m-{name}": {"deployments": [name]} for name in names}
        config = {"deployments": deployments, "models": models, "journal": {"keep": 500, "queue": 100_000}}
        gateway = GatewayProcess(folder, config)
        await asyncio.to_thread(gateway.start)
        try:
            await many(gateway.port, WARM_UP, dice)
            before = await settled(gateway, upstream)
            start = time.monotonic()
            await many(gateway.port, requests, dice)
            took = time.monotonic() - start
            return before, await settled(gateway, upstream), took
        finally:
            await asyncio.to_thread(gateway.stop)


async def many(port: int, count: int, dice: random.Random) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(name: str, stream: bool, patience: float, partial: bool) -> None:
        async with gate:
            with contextlib.suppress(TimeoutError, OSError):
                async with asyncio.timeout(patience):
                    await request(port, name, stream, partial)

    jobs = []
    for _ in range(count):
        name, stream, leaves = dice.choice(KINDS)
        impatient = leaves or dice.random() < 0.3
        jobs.append(one(name, stream, dice.uniform(0.001, 0.15) if impatient else 20, dice.random() < 0.03))
    await asyncio.gather(*jobs)


async def request(port: int, name: str, stream: bool, partial: bool) -> None:
    """One request on a connection of its own; `partial`: the body never ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        body = json.dumps({"model": f"m-{name}", "stream": stream, "messages": [{"role": "user", "content": "hi"}]})
        length = len(body) + (10 if partial else 0)
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
        writer.write((head + body).encode())
        while await reader.read(65536):
            pass
    finally:
        writer.transport.abort()


async def settled(gateway: GatewayProcess, upstream: FakeUpstream) -> Figures:
    """The figures once they have stopped falling."""
    until = time.monotonic() + SETTLE_S
    found = await figures(gateway, upstream)
    while time.monotonic() < until and (found.in_flight or upstream.open()["requests"]):
        await asyncio.sleep(0.2)
        found = await figures(gateway, upstream)
    await asyncio.sleep(0.5)
    return await figures(gateway, upstream)


async def figures(gateway: GatewayProcess, upstream: FakeUpstream) -> Figures:
    async with httpx.AsyncClient(trust_env=False) as client:
        text = (await client.get(f"{gateway.url}/metrics")).text
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    in_flight = sum(float(value) for name, value in lines if name.startswith("gateway_attempts_in_flight"))
    tasks = next(float(value) for name, value in lines if name == "gateway_event_loop_tasks")
    process = psutil.Process(gateway.pid)
    with process.oneshot():
        sockets = [one for one in process.net_connections("tcp") if one.status != psutil.CONN_LISTEN]
        rss = process.memory_info().rss
    return Figures(int(tasks), len(sockets), upstream.open()["connections"], int(in_flight), rss)


def leaks(before: Figures, after: Figures) -> list[str]:
    """What was left behind. Idle pooled connections are bounded by what was open at once."""
    found = []
    if after.tasks > before.tasks:
        found.append(f"{after.tasks - before.tasks} tasks")
    if after.sockets > before.sockets + AT_ONCE:
        found.append(f"{after.sockets - before.sockets} sockets")
    if after.in_flight:
        found.append(f"{after.in_flight} reservations")
    if after.rss_bytes - before.rss_bytes > MAX_GROWTH_BYTES:
        found.append(f"{(after.rss_bytes - before.rss_bytes) / 2**20:.1f} MiB")
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--requests", type=int, default=10_000)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        before, after, took = asyncio.run(soak(given.requests, given.seed, Path(folder)))
    print(f"{given.requests} requests, {AT_ONCE} at once, in {took:.1f} s (seed {given.seed})")
    print(f"before: {before}\nafter:  {after}")
    left = leaks(before, after)
    print(f"left behind: {', '.join(left) or 'nothing'}")
    sys.exit(1 if left else 0)


if __name__ == "__main__":
    main()
