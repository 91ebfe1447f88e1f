"""`python -m benchmarks.large_bodies`: what four callers that send 8 MiB bodies back to back cost the one beside them.

The gateway is a process of its own. The four, and the provider that they are sent to, are a process that gives way to
it: they would be other machines. Another key asks "hi" ten times a second. The bounds: how much later its answers are
beside them than alone, and the memory that is still held when they have gone.
"""

import argparse
import asyncio
import base64
import json
import multiprocessing
import os
import random
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import httpx2 as httpx
import psutil

from tests.support.fleet import Fleet
from tests.support.gateway import GatewayProcess, deployment

SIZE = 8 * 2**20
CALLERS = 4
SETTLE_S = 10.0
MAX_MEDIAN_TIMES, MAX_P95_TIMES = 5.0, 30.0  # of alone; 2 ms alone: 10 and 60
MAX_GROWTH_BYTES = 64 * 2**20
NICENESS = 10
KEYS = {name: f"a-long-enough-secret-of-{name}" for name in ("hi", *(f"big{at}" for at in range(CALLERS)))}
WORDS = "the quick brown fox jumps over the lazy dog and then it rests under a tree for a while "
DONE = {"role": "assistant", "content": "read"}
ANSWER = {
    "id": "1", "object": "chat.completion", "created": 1, "model": "big",
    "choices": [{"index": 0, "message": DONE, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}  # fmt: skip


def one_text() -> list[dict[str, Any]]:
    return [{"role": "user", "content": WORDS * (SIZE // len(WORDS))}]


def many_messages() -> list[dict[str, Any]]:
    said = (WORDS * 2)[:100]
    return [{"role": ("user", "assistant")[at % 2], "content": said} for at in range(SIZE // 140)]


def images() -> list[dict[str, Any]]:
    chance = random.Random(1)
    urls = ["data:image/png;base64," + base64.b64encode(chance.randbytes(3 * 2**18)).decode() for _ in range(8)]
    pictures = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return [{"role": "user", "content": [{"type": "text", "text": "what is this?"}, *pictures]}]


def base64_text() -> list[dict[str, Any]]:
    """Of a file that is no text, over lines, as e-mail has it."""
    return [{"role": "user", "content": base64.encodebytes(random.Random(1).randbytes(SIZE * 3 // 4)).decode()}]


def escaped_text() -> list[dict[str, Any]]:
    """A tool's answer: JSON in a string."""
    rows = [{"name": WORDS[:20], "count": 1, "note": "naïve 😀"}] * (SIZE // 90)
    return [{"role": "tool", "tool_call_id": "1", "content": json.dumps(rows)}]


KINDS: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "one text": one_text,
    "base64": base64_text,
    "JSON in a text": escaped_text,
    "many messages": many_messages,
    "images": images,
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
        for name, place, most in (("median", 49, MAX_MEDIAN_TIMES), ("p95", 94, MAX_P95_TIMES)):
            times = percentile(self.beside_ms, place) / statistics.median(self.alone_ms)
            if times > most:
                found.append(f"{name} {times:.0f} times the median alone")
        if self.after - self.before > MAX_GROWTH_BYTES:
            found.append(f"{(self.after - self.before) / 2**20:.0f} MiB more when they had gone")
        if self.refused:
            found.append(f"{self.refused} beside them got no answer")
        return found


def percentile(values: list[float], place: int) -> float:
    return statistics.quantiles(values, n=100)[place]


def crowd(pipe: Connection, number: int) -> None:
    """The four and their provider: says its port, is told the gateway's, then begins and ends when it is told."""
    os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=accept, args=(listener,), daemon=True).start()
    pipe.send(listener.getsockname()[1])
    port = pipe.recv()
    while (kind := pipe.recv()) is not None:
        body = json.dumps({"model": "big", "messages": KINDS[kind]()}).encode()
        stop, statuses = threading.Event(), []
        names = [name for name in KEYS if name != "hi"][:number]
        callers = [threading.Thread(target=call, args=(port, name, body, stop, statuses)) for name in names]
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
    data = json.dumps(ANSWER).encode()
    answer = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n".encode() + data
    with connection:
        while read_message(connection):
            connection.sendall(answer)


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


def call(port: int, name: str, body: bytes, stop: threading.Event, statuses: list[int]) -> None:
    """One caller; each answer's status is noted."""
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        f"authorization: Bearer {KEYS[name]}\r\ncontent-length: {len(body)}\r\n\r\n"
    ).encode()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        while not stop.is_set():
            connection.sendall(head)
            connection.sendall(body)
            statuses.append(int(read_message(connection)[9:12] or 0))


async def hi(url: str, seconds: float) -> tuple[list[float], int]:
    """The milliseconds of each answer at ten a second, and how many were no answer."""
    took: list[float] = []
    asked = {"model": "ok", "messages": [{"role": "user", "content": "hi"}]}
    headers = {"authorization": f"Bearer {KEYS['hi']}"}
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60, headers=headers) as client:

        async def one() -> bool:
            since = time.monotonic()
            answer = await client.post("/v1/chat/completions", json=asked)
            took.append((time.monotonic() - since) * 1e3)
            return answer.status_code == 200

        begun = []
        for _ in range(int(seconds * 10)):
            begun.append(asyncio.create_task(one()))
            await asyncio.sleep(0.1)
        good = await asyncio.gather(*begun)
    return took, good.count(False)


async def measure(gateway: GatewayProcess, pipe: Connection, kind: str, seconds: float) -> Figures:
    """One kind of body."""
    process = psutil.Process(gateway.pid)
    alone_ms, _ = await hi(gateway.url, seconds)
    before = most = process.memory_info().rss
    pipe.send(kind)
    await asyncio.sleep(1)
    beside = asyncio.create_task(hi(gateway.url, seconds))
    while not beside.done():
        most = max(most, process.memory_info().rss)
        await asyncio.sleep(0.2)
    beside_ms, refused = await beside
    pipe.send("stop")
    statuses = await asyncio.to_thread(pipe.recv)
    await asyncio.sleep(SETTLE_S)
    after = process.memory_info().rss
    counts = {status: statuses.count(status) for status in sorted(set(statuses))}
    return Figures(alone_ms, beside_ms, refused, counts, statuses.count(200) / (seconds + 1), before, most, after)


def started(folder: Path, ok_url: str, big_port: int) -> GatewayProcess:
    patient = {"connect_s": 5, "first_output_s": 60, "idle_s": 60, "total_s": 120}
    big_url = f"http://127.0.0.1:{big_port}/v1"
    config = {
        "deployments": {
            "ok": deployment(ok_url, "any", timeouts=patient),
            "big": deployment(big_url, "any", timeouts=patient, capabilities=["vision"]),
        },
        "keys": {name: {"secret": f"${{env:{name.upper()}}}"} for name in KEYS},
    }
    return GatewayProcess(folder, config, {name.upper(): secret for name, secret in KEYS.items()})


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=10.0, help="of each kind, alone and beside them")
    options.add_argument("--kind", choices=KINDS, action="append", help="all of them by default")
    options.add_argument("--callers", type=int, choices=range(1, CALLERS + 1), default=CALLERS)
    given = options.parse_args()
    broken = []
    with tempfile.TemporaryDirectory() as folder, Fleet(1) as fleet:
        fleet.stands[0].play("ok")
        pipe, others = multiprocessing.get_context("spawn").Pipe()
        four = multiprocessing.get_context("spawn").Process(target=crowd, args=(others, given.callers), daemon=True)
        four.start()
        with started(Path(folder), fleet.stands[0].base_url, pipe.recv()) as gateway:
            pipe.send(gateway.port)
            for kind in given.kind or KINDS:
                found = asyncio.run(measure(gateway, pipe, kind, given.seconds))
                print(told(kind, found), flush=True)
                broken += [f"{kind}: {bound}" for bound in found.broken()]
        pipe.send(None)
        four.join()
    print(f"bounds: {'; '.join(broken) or 'kept'}")
    sys.exit(bool(broken))


def told(kind: str, found: Figures) -> str:
    alone, beside = (
        f"median {percentile(ms, 49):.1f} ms, p95 {percentile(ms, 94):.1f}, longest {max(ms):.0f}"
        for ms in (found.alone_ms, found.beside_ms)
    )
    mib = 2**20
    return (
        f"{kind}: alone {alone}; beside them {beside}; theirs {found.a_second:.1f} answers/s {found.statuses}; "
        f"resident {found.before / mib:.0f} MiB before, {found.most / mib:.0f} at most, {found.after / mib:.0f} after"
    )


if __name__ == "__main__":
    main()
