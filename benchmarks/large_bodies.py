"""`python -m benchmarks.large_bodies`: what four callers that send 8 MiB bodies back to back cost the one beside them.

The gateway is a process of its own. The four, and the provider that they are sent to, are a process that gives way to
it: they would be other machines. Another key asks "hi" ten times a second, as a stream. The bounds: how much later its
first output is beside them than alone, and the memory that is still held when they have gone. Alone and beside them take
turns (`--rounds`), so that a busy machine is as busy for both. `--from` and `--to` say what their callers and their
provider speak.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import socket
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import httpx2 as httpx
import psutil

from benchmarks.bodies import ANSWERS, KINDS, PATHS, body_of, dialect_of
from tests.support.fleet import Fleet
from tests.support.gateway import GatewayProcess, deployment

CALLERS = 4
SETTLE_S = 10.0
MAX_MEDIAN_TIMES, MAX_P95_TIMES = 5.0, 30.0  # of alone; 2 ms alone: 10 and 60
MAX_GROWTH_BYTES = 64 * 2**20
NICENESS = 10
KEYS = {name: f"a-long-enough-secret-of-{name}" for name in ("hi", *(f"big{at}" for at in range(CALLERS)))}
SECRET = "${env:BIG0}"
PROVIDERS: dict[str, dict[str, Any]] = {
    "openai": {},
    "anthropic": {"api_key": SECRET},
    "gemini": {"api_key": SECRET, "model": "gemini-3-pro"},
    "bedrock": {"credential": {"aws": {"access_key_id": SECRET, "secret_access_key": SECRET, "region": "us-east-1"}}},
}


@dataclass
class Figures:
    """Milliseconds are of the one beside them. Bytes are resident memory of the gateway."""

    alone_ms: list[float]
    beside_ms: list[float]
    refused: int  # of the one beside them
    statuses: dict[int, int]  # of the four
    a_second: float  # of the four
    before: int
    most: int
    after: int

    def broken(self) -> list[str]:
        """The bounds that were not kept."""
        found = []
        for name, place, most in (("median", 50, MAX_MEDIAN_TIMES), ("p95", 95, MAX_P95_TIMES)):
            times = percentile(self.beside_ms, place) / statistics.median(self.alone_ms)
            if times > most:
                found.append(f"{name} {times:.0f} times the median alone")
        if self.after - self.before > MAX_GROWTH_BYTES:
            found.append(f"{(self.after - self.before) / 2**20:.0f} MiB more when they had gone")
        if self.refused:
            found.append(f"{self.refused} beside them got no answer")
        return found


def percentile(values: list[float], place: int) -> float:
    return statistics.quantiles(values, n=100)[place - 1]


def crowd(pipe: Connection, number: int, asks: str) -> None:
    """The four and their provider: says its port, is told the gateway's, then begins and ends when it is told."""
    os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=accept, args=(listener,), daemon=True).start()
    pipe.send(listener.getsockname()[1])
    port = pipe.recv()
    while (kind := pipe.recv()) is not None:
        body = body_of(kind, asks)
        stop = threading.Event()
        statuses: list[int] = []
        names = [name for name in KEYS if name != "hi"][:number]
        callers = [
            threading.Thread(target=call, args=(port, PATHS[asks], name, body, stop, statuses)) for name in names
        ]
        for caller in callers:
            caller.start()
        pipe.recv()
        stop.set()
        for caller in callers:
            caller.join()
        pipe.send(statuses)


def accept(listener: socket.socket) -> None:
    while True:
        threading.Thread(target=provide, args=(listener.accept()[0],), daemon=True).start()


def provide(connection: socket.socket) -> None:
    """Reads bodies to their end and answers."""
    with connection:
        while head := read_message(connection):
            data = json.dumps(ANSWERS[dialect_of(head.partition(b" HTTP/")[0])]).encode()
            said = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
            connection.sendall(said.encode() + data)


def read_message(connection: socket.socket) -> bytes:
    """Its head, once its body is read too; empty at the end of the connection."""
    head = b""
    while b"\r\n\r\n" not in head:
        if not (more := connection.recv(2**18)):
            return b""
        head += more
    head, _, body = head.partition(b"\r\n\r\n")
    lengths = [line.partition(b":")[2] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    left = int(lengths[0]) - len(body)
    room = bytearray(2**18)
    while left > 0 and (got := connection.recv_into(room, min(left, len(room)))):
        left -= got
    return head


def call(port: int, path: str, name: str, body: bytes, stop: threading.Event, statuses: list[int]) -> None:
    """One caller; each answer's status is noted."""
    head = (
        f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        f"authorization: Bearer {KEYS[name]}\r\ncontent-length: {len(body)}\r\n\r\n"
    ).encode()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        while not stop.is_set():
            connection.sendall(head)
            connection.sendall(body)
            statuses.append(int(read_message(connection)[9:12] or 0))


async def hi(url: str, seconds: float) -> tuple[list[float], int]:
    """The milliseconds of each first output at ten a second, and how many were no answer."""
    took: list[float] = []
    asked = {"model": "ok", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    headers = {"authorization": f"Bearer {KEYS['hi']}"}
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60, headers=headers) as client:

        async def one() -> bool:
            since, first = time.monotonic(), True
            async with client.stream("POST", "/v1/chat/completions", json=asked) as answer:
                async for _ in answer.aiter_raw():
                    if first:
                        took.append((time.monotonic() - since) * 1e3)
                    first = False
            return answer.status_code == 200 and not first

        begun = []
        for _ in range(int(seconds * 10)):
            begun.append(asyncio.create_task(one()))
            await asyncio.sleep(0.1)
        good = await asyncio.gather(*begun)
    return took, good.count(False)


async def measure(gateway: GatewayProcess, pipe: Connection, kind: str, seconds: float, rounds: int) -> Figures:
    """One kind of body."""
    process = psutil.Process(gateway.pid)
    alone_ms: list[float] = []
    beside_ms: list[float] = []
    statuses: list[int] = []
    before = most = refused = 0
    for _ in range(rounds):
        alone_ms += (await hi(gateway.url, seconds))[0]
        before = before or process.memory_info().rss
        pipe.send(kind)
        await asyncio.sleep(1)
        beside = asyncio.create_task(hi(gateway.url, seconds))
        while not beside.done():
            most = max(most, process.memory_info().rss)
            await asyncio.sleep(0.2)
        found, no_answer = await beside
        beside_ms += found
        refused += no_answer
        pipe.send("stop")
        statuses += await asyncio.to_thread(pipe.recv)
    await asyncio.sleep(SETTLE_S)
    after = process.memory_info().rss
    counts = {status: statuses.count(status) for status in sorted(set(statuses))}
    return Figures(
        alone_ms, beside_ms, refused, counts, statuses.count(200) / rounds / (seconds + 1), before, most, after
    )


def started(folder: Path, ok_url: str, big_port: int, provider: str) -> GatewayProcess:
    patient = {"connect_s": 5, "first_output_s": 60, "idle_s": 60, "total_s": 120}
    root = {"gemini": "/v1beta", "bedrock": ""}.get(provider, "/v1")
    big = {"provider": provider, "timeouts": patient, "capabilities": ["vision", "tools"], **PROVIDERS[provider]}
    config = {
        "deployments": {
            "ok": deployment(ok_url, "any", timeouts=patient),
            "big": deployment(f"http://127.0.0.1:{big_port}{root}", big.pop("model", "any"), **big),
        },
        "keys": {name: {"secret": f"${{env:{name.upper()}}}"} for name in KEYS},
    }
    return GatewayProcess(folder, config, {name.upper(): secret for name, secret in KEYS.items()})


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=10.0, help="of each kind, alone and beside them")
    options.add_argument("--kind", choices=KINDS, action="append", help="all of them by default")
    options.add_argument("--callers", type=int, choices=range(1, CALLERS + 1), default=CALLERS)
    options.add_argument("--rounds", type=int, default=1, help="alone, then beside them, so often")
    options.add_argument("--from", choices=PATHS, default="chat", dest="asks", help="the surface that they ask")
    options.add_argument(
        "--to", choices=PROVIDERS, default="openai", dest="provider", help="what their provider speaks"
    )
    given = options.parse_args()
    broken = []
    with tempfile.TemporaryDirectory() as folder, Fleet(1) as fleet:
        fleet.stands[0].play("ok")
        pipe, others = multiprocessing.get_context("spawn").Pipe()
        four = multiprocessing.get_context("spawn").Process(
            target=crowd, args=(others, given.callers, given.asks), daemon=True
        )
        four.start()
        with started(Path(folder), fleet.stands[0].base_url, pipe.recv(), given.provider) as gateway:
            pipe.send(gateway.port)
            for kind in given.kind or KINDS:
                found = asyncio.run(measure(gateway, pipe, kind, given.seconds, given.rounds))
                print(told(kind, found), flush=True)
                broken += [f"{kind}: {bound}" for bound in found.broken()]
        pipe.send(None)
        four.join()
    print(f"bounds: {'; '.join(broken) or 'kept'}")
    sys.exit(bool(broken))


def told(kind: str, found: Figures) -> str:
    alone, beside = (
        f"median {percentile(ms, 50):.1f} ms, p95 {percentile(ms, 95):.1f}, p99 {percentile(ms, 99):.1f}, longest {max(ms):.0f}"
        for ms in (found.alone_ms, found.beside_ms)
    )
    mib = 2**20
    return (
        f"{kind}: alone {alone}; beside them {beside}; theirs {found.a_second:.1f} answers/s {found.statuses}; "
        f"resident {found.before / mib:.0f} MiB before, {found.most / mib:.0f} at most, {found.after / mib:.0f} after"
    )


if __name__ == "__main__":
    main()
