"""Asks for every behaviour of the fake upstream, on every side, in every mode, alone and with a spare deployment; all at
once, by one gateway.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import httpx2 as httpx
import msgspec

from gateway.flow.sentences import record_sentences
from gateway.values.records import RequestFinished
from tests.cases.outcomes import NOT_FOR, expected, model_of
from tests.cases.sides import SIDES, Side, ask
from tests.fake_upstream import Behaviour
from tests.support.client import Seen
from tests.support.fleet import Fleet
from tests.support.gateway import GatewayProcess

CANARY, PROMPT_CANARY = "sk-canary-upstream-0123456789", "canary-prompt-0123456789"
PRICE = {
    "input_usd_per_mtok": 1.0,
    "output_usd_per_mtok": 2.0,
    "cached_input_usd_per_mtok": 0.5,
    "cache_write_usd_per_mtok": 1.25,
}
ALONE, SPARED = POOLS = ("alone", "spared")
AT_ONCE, SLOW_AT_ONCE = 24, 40
PAGE = 500
# a busy machine changes nothing: only what is to run out of a time has little of it; of the others all have plenty
PATIENT: dict[str, Any] = {"connect_s": 30, "adaptive": False}
LITTLE = {
    "first_output_timeout": {"first_output_s": 3},
    "idle_timeout": {"idle_s": 1.5},
    "total_timeout": {"total_s": 6},
}
SLOW = frozenset(["silent_error"])  # waits for a limit that is the gateway's own


class Case(NamedTuple):
    """A behaviour on a side in a mode."""

    side: Side
    row: Behaviour
    stream: bool

    @property
    def id(self) -> str:
        return f"{self.side.name}-{self.row.name}-{'stream' if self.stream else 'json'}"

    @property
    def outcome(self) -> str:
        """How an attempt at this behaviour ends."""
        return expected(self.side.name, self.row.name, stream=self.stream)

    @property
    def is_slow(self) -> bool:
        return self.outcome in LITTLE or self.row.name in SLOW

    @property
    def spare(self) -> str:
        """The deployment that answers well."""
        return f"{self.side.name}-spare"

    def deployment(self, pool: str) -> str:
        """The one that is asked first. Cases that end well share one, unless they leave connections in a bad state."""
        is_shared = self.outcome == "ok" and self.row.group != "connections"
        return f"{self.side.name}-{self.row.name}" if is_shared else f"{self.id}-{pool}"

    def model(self, pool: str) -> str:
        """What is asked for."""
        return self.deployment(pool) if pool == ALONE else f"{self.deployment(pool)}-pool"


def _cases() -> Iterator[Case]:
    for side in SIDES:
        for row in side.behaviours.values():
            if row.name not in NOT_FOR.get(side.name, ()):
                fitting = (stream for stream in side.modes if row.fits(stream=stream, vectors=side.has_vectors))
                yield from (Case(side, row, stream) for stream in fitting)


CASES = list(_cases())


@dataclass
class Result:
    """One request and what became of it."""

    seen: Seen
    record: dict[str, Any]
    sentences: list[str]


@dataclass
class Matrix:
    """What came of each case; of one that could not be asked, why. `port` is the upstream's."""

    results: dict[tuple[str, str], Result | BaseException]  # by the case's id and the pool
    upstream: list[dict[str, Any]]
    port: int
    log: str
    metrics: str
    decided: int  # requests that are on record

    def of(self, case: Case, pool: str) -> Result:
        """Raises what the request failed with."""
        result = self.results[case.id, pool]
        if isinstance(result, BaseException):
            raise result
        return result

    def total(self, name: str) -> float:
        """A metric, over all its labels."""
        return sum(map(float, re.findall(rf"^{name}{{.*}} (\S+)$", self.metrics, re.MULTILINE)))

    def all(self) -> Iterator[tuple[Case, Result]]:
        """Those that have a result."""
        found = ((case, self.results[case.id, pool]) for case in CASES for pool in POOLS)
        return ((case, result) for case, result in found if isinstance(result, Result))


def _body_of(case: Case, pool: str) -> dict[str, Any]:
    """What the request has beside a text."""
    more: dict[str, Any] = {}
    if case.row.name in ("one_choice_open", "n_short") and case.side.asks == "openai":
        more["n"] = 2
    if case.side.surface == "embeddings":
        more["user"] = pool  # so that what fails once does in each
    return more


def configuration(base_url: str) -> dict[str, Any]:
    """A deployment of its own for each that fails: what one teaches must not keep another out."""
    deployments, models = {}, {}
    for side in SIDES:
        deployments[f"{side.name}-spare"] = _deployment(base_url, side, side.good, PATIENT)
    for case in CASES:
        timeouts = PATIENT | LITTLE.get(case.outcome, {})
        for pool in POOLS:
            deployments[case.deployment(pool)] = _deployment(base_url, case.side, model_of(case.row.name), timeouts)
        models[case.model(SPARED)] = {"deployments": [case.deployment(SPARED), case.spare]}
    return {"deployments": deployments, "models": models, "server": {"heartbeat_s": None}}


def _deployment(base_url: str, side: Side, model: str, timeouts: dict[str, Any]) -> dict[str, Any]:
    """With no more than is needed: there are thousands, and the gateway reads all of them when it starts."""
    return {
        "provider": side.vendor,
        "hosting": "commercial",
        "base_url": base_url,
        "model": model,
        "surfaces": [side.serves],
        "api_key": "${env:UPSTREAM_KEY}",
        "price": PRICE,
        "timeouts": timeouts,
        "capabilities": ["multiple_choices"],
    }


@asynccontextmanager
async def matrix(directory: Path) -> AsyncIterator[Matrix]:
    """The answers to all cases."""
    with Fleet(1) as fleet:
        stand = fleet.stands[0]
        gateway = GatewayProcess(directory, configuration(stand.base_url), {"UPSTREAM_KEY": CANARY})
        await asyncio.to_thread(gateway.start)
        try:
            limits = httpx.Limits(max_connections=None)
            async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, timeout=300, limits=limits) as client:
                answers = await _ask_all(client)
                ids = {one.headers["x-gateway-decision"] for one in answers.values() if isinstance(one, Seen)}
                records = await _records(client, ids)
                metrics = (await client.get("/metrics")).text
        finally:
            await asyncio.to_thread(gateway.stop)
        results = {key: _result(answer, records) for key, answer in answers.items()}
        yield Matrix(results, stand.all_rows(), stand.port, gateway.log.read_text(), metrics, len(records))


async def _ask_all(client: httpx.AsyncClient) -> dict[tuple[str, str], Seen | BaseException]:
    """Those that take their time beside the rest: they leave the machine idle."""
    gates = {True: asyncio.Semaphore(SLOW_AT_ONCE), False: asyncio.Semaphore(AT_ONCE)}
    asked = (_ask(client, case, pool, gates[case.is_slow]) for case in CASES for pool in POOLS)
    answers = await asyncio.gather(*asked, return_exceptions=True)
    return dict(zip(((case.id, pool) for case in CASES for pool in POOLS), answers, strict=True))


async def _ask(client: httpx.AsyncClient, case: Case, pool: str, gate: asyncio.Semaphore) -> Seen:
    async with gate:
        return await ask(client, case.side, case.model(pool), PROMPT_CANARY, stream=case.stream, **_body_of(case, pool))


async def _records(client: httpx.AsyncClient, ids: set[str]) -> dict[str, dict[str, Any]]:
    """The finished records, by their ids; once all of these are there."""
    found: dict[str, dict[str, Any]] = {}
    async with asyncio.timeout(60):
        while True:
            page = json.loads((await client.get("/admin/decisions", params={"limit": PAGE})).content)["record"]
            while page:
                found |= {record["id"]: record for record in page}
                params = {"limit": PAGE, "before": page[-1]["id"]}
                page = json.loads((await client.get("/admin/decisions", params=params)).content)["record"]
            if ids <= set(found):
                return found
            await asyncio.sleep(0.1)


def _result(answer: Seen | BaseException, records: dict[str, dict[str, Any]]) -> Result | BaseException:
    """`record_sentences` is what an operator reads of a decision: `gateway decisions ID`."""
    if isinstance(answer, BaseException):
        return answer
    record = records[answer.headers["x-gateway-decision"]]
    return Result(answer, record, record_sentences(msgspec.convert(record, RequestFinished)))
