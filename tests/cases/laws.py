"""One gateway for what must hold on every side: its deployments and rules, and the requests that try them, all at once."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import httpx2 as httpx

from tests.cases.sides import SIDES, Side, ask, decision
from tests.support.client import Seen
from tests.support.fleet import Fleet, Stand
from tests.support.gateway import GatewayProcess

CARD = "4111 1111 1111 1111"
TOKEN = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
CHEAP = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 2.0}
DEAR = {"input_usd_per_mtok": 1e5, "output_usd_per_mtok": 1e5}
BETWEEN_USD, NOTHING_USD = 0.01, 1e-9  # what a cheap answer may cost, and a dear one may not; what no answer may cost
SOON_S = 2.0  # by then a request is with the upstream, whatever else the machine does
AT_ONCE = 16
NAP_S = 0.005
RULES: list[dict[str, Any]] = [
    {"name": "refused", "when": {"found": ["api_key"]}, "privacy": {"refuse": True}},
    {"name": "soon", "when": {"tags": {"law": "soon"}}, "limits": {"deadline_s": SOON_S}},
    {"name": "impatient", "when": {"tags": {"law": "impatient"}}, "limits": {"first_output_s": SOON_S}},
    {"name": "poor", "when": {"tags": {"law": "poor"}}, "limits": {"max_cost_usd": BETWEEN_USD}},
    {"name": "hedged", "when": {"tags": {"law": "hedged"}}, "limits": {"hedge": {"after_s": 0.2, "share": 1}}},
    {"name": "continued", "when": {"tags": {"law": "continued"}}, "fallback": {"after_output": "continue"}},
    {"name": "rest"},
]


class Asking(NamedTuple):
    """A request. `pool`: the deployments of the side, by the end of their names, in order; `tag` picks the rule."""

    pool: tuple[str, ...]
    tag: str = ""
    says: str = ""
    headers: dict[str, str] = {}  # noqa: RUF012 - nobody writes to it
    leaves: str = ""  # how: fin or rst; once output has come where the deployment gives any


ASKED: dict[str, Asking] = {
    "declared": Asking(("cloud", "home"), headers={"x-gateway-sensitivity": "confidential"}),
    "declared-nowhere": Asking(("cloud",), headers={"x-gateway-sensitivity": "confidential"}),
    "detected": Asking(("cloud", "home"), says=CARD),
    "detected-nowhere": Asking(("cloud",), says=CARD),
    "refused": Asking(("home",), says=TOKEN),
    "deadline-of-caller": Asking(("silent", "home"), headers={"x-gateway-deadline-ms": str(int(SOON_S * 1000))}),
    "deadline-of-rule": Asking(("silent", "home"), "soon"),
    "first-output": Asking(("silent", "home"), "impatient"),
    "ceiling-of-caller": Asking(("dear", "home"), headers={"x-gateway-max-cost-usd": str(BETWEEN_USD)}),
    "ceiling-of-rule": Asking(("dear", "home"), "poor"),
    "ceiling-below-all": Asking(("dear", "home"), headers={"x-gateway-max-cost-usd": f"{NOTHING_USD:.9f}"}),
    "hedged": Asking(("silent", "home"), "hedged"),
    "continued": Asking(("stalls", "counts"), "continued"),
    "not-continued": Asking(("stalls", "counts")),
    "silent-fin": Asking(("silent",), leaves="fin"),
    "silent-rst": Asking(("silent",), leaves="rst"),
    "endless-fin": Asking(("endless",), leaves="fin"),
    "endless-rst": Asking(("endless",), leaves="rst"),
}
ONLY_STREAMS = frozenset(["first-output", "continued", "not-continued", "endless-fin", "endless-rst"])


class Trial(NamedTuple):
    """A request of `ASKED` on a side in a mode."""

    name: str
    side: Side
    stream: bool

    @property
    def id(self) -> str:
        return f"{self.name}-{self.side.name}-{'stream' if self.stream else 'json'}"

    @property
    def asking(self) -> Asking:
        return ASKED[self.name]

    @property
    def text(self) -> str:
        """By which the upstream knows the request."""
        return f"text of {self.id}. {self.asking.says}"

    def deployment(self, name: str) -> str:
        """Its own: what one trial teaches must not change another."""
        return f"{self.id}-{name}"


def _trials() -> Iterator[Trial]:
    for name in ASKED:
        for side in SIDES:
            yield from (Trial(name, side, stream) for stream in side.modes if stream or name not in ONLY_STREAMS)


TRIALS = list(_trials())


@dataclass
class Tried:
    """What became of a trial. `upstream`: the requests that came there. `left_at`: when the caller left, in Unix time."""

    seen: Seen = field(default_factory=Seen)
    record: dict[str, Any] = field(default_factory=dict)
    upstream: list[dict[str, Any]] = field(default_factory=list)
    left_at: float = 0.0

    @property
    def attempts(self) -> list[tuple[str, str]]:
        """Each as the end of the deployment's name, and the outcome."""
        return [(one["deployment"].rpartition("-")[2], one["outcome"]) for one in self.record["attempts"]]


@dataclass
class Told:
    """What became of each trial, by its id, and how late the machine was meanwhile."""

    results: dict[str, Tried | BaseException]
    log: str
    late_s: float

    def of(self, trial: Trial) -> Tried:
        """Raises what the trial failed with."""
        result = self.results[trial.id]
        if isinstance(result, BaseException):
            raise result
        return result


class Naps:
    """How much longer than it asked for a task of this process sleeps: so late the machine is. The worst counts."""

    def __init__(self) -> None:
        self.late_s = 0.0
        self._task = asyncio.create_task(self._run())

    def end(self) -> None:
        self._task.cancel()

    async def _run(self) -> None:
        while True:
            since = time.monotonic()
            await asyncio.sleep(NAP_S)
            self.late_s = max(self.late_s, time.monotonic() - since - NAP_S)


def configuration(base_url: str) -> dict[str, Any]:
    """A model for each trial, of deployments of its own."""
    deployments, models = {}, {}
    for trial in TRIALS:
        for name in trial.asking.pool:
            deployments[trial.deployment(name)] = _deployment(base_url, trial.side, name)
        models[trial.id] = {"deployments": [trial.deployment(name) for name in trial.asking.pool]}
    policy = {"detection": {"mode": "enforce"}, "rules": RULES}
    return {"deployments": deployments, "models": models, "policy": policy, "server": {"heartbeat_s": None}}


def _deployment(base_url: str, side: Side, name: str) -> dict[str, Any]:
    model = {"silent": "silent", "stalls": "silent_after@12", "counts": "tokens", "endless": "endless"}.get(
        name, side.good
    )
    goes_on = name in ("stalls", "counts") and side.provider == "openai"
    return {
        "provider": "vllm" if goes_on else side.vendor,
        "hosting": "commercial",
        "base_url": base_url,
        "model": model,
        "surfaces": [side.serves],
        "clearance": "internal" if name == "cloud" else "restricted",
        "api_key": "${env:UPSTREAM_KEY}",
        "price": DEAR if name == "dear" else CHEAP,
        "timeouts": {"connect_s": 30, "adaptive": False, **({"idle_s": 1} if name == "stalls" else {})},
    }


@asynccontextmanager
async def tried(directory: Path) -> AsyncIterator[Told]:
    """What became of the trials."""
    with Fleet(1) as fleet:
        stand = fleet.stands[0]
        gateway = GatewayProcess(directory, configuration(stand.base_url), {"UPSTREAM_KEY": "sk-0123456789-upstream"})
        await asyncio.to_thread(gateway.start)
        try:
            limits = httpx.Limits(max_connections=None)
            async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, timeout=120, limits=limits) as client:
                naps = Naps()
                gate = asyncio.Semaphore(AT_ONCE)
                asked = [_try(client, gateway.port, stand, trial, gate) for trial in TRIALS]
                made = await asyncio.gather(*asked, return_exceptions=True)
                results = dict(zip((trial.id for trial in TRIALS), made, strict=True))
                await _add_what_upstream_saw(stand, results)
                naps.end()
        finally:
            await asyncio.to_thread(gateway.stop)
        yield Told(results, gateway.log.read_text(), naps.late_s)


async def _try(client: httpx.AsyncClient, port: int, stand: Stand, trial: Trial, gate: asyncio.Semaphore) -> Tried:
    headers = dict(trial.asking.headers)
    if trial.asking.tag:
        headers["x-gateway-tags"] = f"law={trial.asking.tag}"
    bound = {} if trial.side.has_vectors else {trial.side.bound: 100}
    async with gate:
        if trial.asking.leaves:
            left_at = await _leave(port, stand, trial)
            return Tried(record=await _newest(client, trial.id), left_at=left_at)
        seen = await ask(client, trial.side, trial.id, trial.text, stream=trial.stream, headers=headers, **bound)
        return Tried(seen, (await decision(client, seen.headers["x-gateway-decision"]))["record"])


async def _leave(port: int, stand: Stand, trial: Trial) -> float:
    """Ask, wait for output, or where none comes until the upstream has the request, and go. When that was, in Unix time."""
    body = json.dumps(trial.side.body(trial.id, trial.text, stream=trial.stream)).encode()
    head = f"POST {trial.side.path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head.encode() + body)
    async with asyncio.timeout(60):
        if trial.name.startswith("endless"):
            await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(2000)
        while not (await asyncio.to_thread(stand.calls, trial.text))["holding"]:
            await asyncio.sleep(0.02)
    if trial.asking.leaves == "rst":
        sock: socket.socket = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    left_at = time.time()
    writer.transport.abort()  # with a FIN, but where it is to linger for no time
    return left_at


async def _newest(client: httpx.AsyncClient, model: str) -> dict[str, Any]:
    """The record of the request for this model, once it has ended."""
    async with asyncio.timeout(60):
        while True:
            listed = json.loads((await client.get("/admin/decisions", params={"limit": 500})).content)["record"]
            for record in listed:
                if record["decision"]["facts"]["model"] == model and not record.get("in_progress"):
                    return dict(record)
            await asyncio.sleep(0.1)


async def _add_what_upstream_saw(stand: Stand, results: dict[str, Tried | BaseException]) -> None:
    """To each trial the requests that hold its text, once all have ended."""
    async with asyncio.timeout(30):
        while True:
            rows = await asyncio.to_thread(stand.all_rows)
            if all(row["ended_ms"] is not None or row["left_ms"] is not None for row in rows):
                break
            await asyncio.sleep(0.1)
    for trial in TRIALS:
        if isinstance(result := results[trial.id], Tried):
            result.upstream = [row for row in rows if trial.text in row["body"]]
