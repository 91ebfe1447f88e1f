"""`python -m benchmarks.slow_clients`: what ten thousand clients that take their time cost, and the others beside them.

Of each ten, four asked for a stream that never ends and do not read it, three send their header fields a byte a second,
and three have sent half a body. The bounds: so much memory a client and no more with time, others are answered, and
when the slow ones have gone the memory is free and nothing is in flight.
"""

import argparse
import asyncio
import contextlib
import json
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx2 as httpx
import psutil
import uvloop

from tests.support.fleet import Fleet
from tests.support.gateway import GatewayProcess, deployment

MAX_BYTES_A_CLIENT = 64 * 1024
MAX_GROWTH_BYTES = 16 * 1024 * 1024  # while they stay, and after they left
CONNECT_AT_ONCE = 100
SMALL_BUFFER = 4096
SETTLE_S = 20.0
ARRIVED_S = 3.0  # then each has sent something
HEAD = "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
BODY = json.dumps({"model": "endless", "stream": True, "messages": [{"role": "user", "content": "hi"}]})
WHOLE = f"{HEAD}content-length: {len(BODY)}\r\n\r\n"
Client = Callable[[socket.socket], Awaitable[None]]


@dataclass
class Figures:
    """Bytes are resident memory of the gateway. Seconds are those of requests beside the slow ones."""

    clients: int
    before: int
    begun: int  # when all were there
    stayed: int  # after a while
    after: int  # when they had gone
    alone_p99_s: float
    beside_p99_s: float
    refused: int
    streams: float  # in flight while all were there
    left_in_flight: float

    def broken(self) -> list[str]:
        """The bounds that were not kept."""
        found = []
        if (each := (self.begun - self.before) / self.clients) > MAX_BYTES_A_CLIENT:
            found.append(f"{each / 1024:.0f} KiB a client")
        for name, growth in (("stayed", self.stayed - self.begun), ("had gone", self.after - self.begun)):
            if growth > MAX_GROWTH_BYTES:
                found.append(f"{growth / 2**20:.0f} MiB more when they {name}")
        if self.refused:
            found.append(f"{self.refused} others got no answer")
        if self.streams < (wanted := self.clients * KINDS.count(unread) // len(KINDS)):
            found.append(f"only {self.streams:.0f} of {wanted} streams ran")
        if self.left_in_flight:
            found.append(f"{self.left_in_flight:.0f} in flight that nobody waits for")
        return found


async def unread(connection: socket.socket) -> None:
    """Asks for a stream and reads nothing of it."""
    await asyncio.get_running_loop().sock_sendall(connection, (WHOLE + BODY).encode())


async def half_a_body(connection: socket.socket) -> None:
    """The rest never comes."""
    await asyncio.get_running_loop().sock_sendall(connection, (WHOLE + BODY[: len(BODY) // 2]).encode())


async def slow_head(connection: socket.socket) -> None:
    """A byte a second, for as long as it is let."""
    with contextlib.suppress(OSError):
        for byte in HEAD.encode() * 1000:
            await asyncio.get_running_loop().sock_sendall(connection, bytes([byte]))
            await asyncio.sleep(1)


KINDS: list[Client] = [unread] * 4 + [slow_head] * 3 + [half_a_body] * 3


class Crowd:
    """The slow clients."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connections: list[socket.socket] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def come(self, count: int) -> None:
        """So many more."""
        for begin in range(0, count, CONNECT_AT_ONCE):
            await asyncio.gather(*(self._one(KINDS[at % len(KINDS)]) for at in range(begin, begin + CONNECT_AT_ONCE)))

    async def go(self) -> None:
        """All at once, without a word."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in self._connections:
            connection.close()

    async def _one(self, client: Client) -> None:
        connection = socket.socket()
        connection.setblocking(False)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", self._port))
        self._connections.append(connection)
        task = asyncio.ensure_future(client(connection))
        self._tasks.append(task)
        if client is not slow_head:
            await task


async def others(url: str, count: int) -> tuple[float, int]:
    """The 99th percentile of their seconds at twenty a second, and how many got no answer."""
    seconds: list[float] = []
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as client:

        async def one() -> bool:
            since = time.monotonic()
            answer = await client.post(
                "/v1/chat/completions", json={"model": "ok", "messages": [{"role": "user", "content": "hi"}]}
            )
            seconds.append(time.monotonic() - since)
            return answer.status_code == 200

        begun = []
        for _ in range(count):
            begun.append(asyncio.create_task(one()))
            await asyncio.sleep(0.05)
        good = await asyncio.gather(*begun)
    return statistics.quantiles(seconds, n=100)[98], good.count(False)


async def measure(clients: int, stay_s: float, folder: Path) -> Figures:
    """A gateway, a crowd of slow clients, and some others beside them."""
    with Fleet(2) as fleet:
        quick, endless = fleet.stands
        quick.play("ok")
        endless.play("endless")
        patient = {"first_output_s": 600, "idle_s": 600, "total_s": 900}
        config = {
            "deployments": {
                "ok": deployment(quick.base_url, "any"),
                "endless": deployment(endless.base_url, "any", timeouts=patient),
            },
            "server": {"reader_s": 600},
        }
        with GatewayProcess(folder, config) as gateway:
            process, crowd = psutil.Process(gateway.pid), Crowd(gateway.port)
            alone_s, _ = await others(gateway.url, 100)
            before = process.memory_info().rss
            await crowd.come(clients)
            await asyncio.sleep(ARRIVED_S)
            begun, streams = process.memory_info().rss, in_flight(gateway.url)
            beside_s, refused = await others(gateway.url, max(int(stay_s * 20), 100))
            stayed = process.memory_info().rss
            await crowd.go()
            left = await settled(gateway)
            return Figures(
                clients, before, begun, stayed, process.memory_info().rss, alone_s, beside_s, refused, streams, left
            )


async def settled(gateway: GatewayProcess) -> float:
    """What is in flight when nothing should be, after some time for it."""
    until = time.monotonic() + SETTLE_S
    while (left := in_flight(gateway.url)) and time.monotonic() < until:
        await asyncio.sleep(0.2)
    return left


def in_flight(url: str) -> float:
    """Attempts, by the gateway's metrics."""
    lines = httpx.get(f"{url}/metrics", trust_env=False, timeout=30).text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith("gateway_attempts_in_flight"))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--clients", type=int, default=10_000)
    options.add_argument("--stay", type=float, default=30.0, help="seconds")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = uvloop.run(measure(given.clients, given.stay, Path(folder)))
    mib = 2**20
    print(
        f"{found.clients} slow clients: {(found.begun - found.before) / found.clients / 1024:.1f} KiB each; resident "
        f"{found.before / mib:.0f} MiB before, {found.begun / mib:.0f} with them, {found.stayed / mib:.0f} after "
        f"{given.stay:.0f} s, {found.after / mib:.0f} when they had gone"
    )
    print(
        f"{found.streams:.0f} streams ran; others: "
        f"p99 {found.alone_p99_s * 1e3:.0f} ms alone, {found.beside_p99_s * 1e3:.0f} ms beside them"
    )
    broken = found.broken()
    print(f"bounds: {'; '.join(broken) or 'kept'}")
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
