"""One deployment, three fake vLLM workers, each a process: who gets which request, and what happens when one dies."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Self

import httpx2 as httpx
import pytest

from tests.support.client import Seen, ask
from tests.support.gateway import GatewayProcess
from tests.support.workers import FakeWorker, eventually

Workers = list[FakeWorker]
SCRAPE_S = 0.5
EVENTUALLY_S = 60  # real: a busy machine's
TOKENS = 16  # of each answer that flows
LONG = "a system prompt of some length, which all of them share. " * 20


def vllm(addresses: list[str], model: str, **more: Any) -> dict[str, Any]:
    """Patient: what ends an attempt is what a worker does, and not a busy machine."""
    timeouts = {"connect_s": 10, "first_output_s": 30, "idle_s": 30, "total_s": 90}
    base = {"provider": "vllm", "hosting": "self_hosted", "model": model, "addresses": addresses, "scrape_s": SCRAPE_S}
    return {**base, "timeouts": timeouts, **more}


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with ExitStack() as stack:
        yield [stack.enter_context(FakeWorker()) for _ in range(3)]


@pytest.fixture(scope="module")
def gateway(workers: Workers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    urls = [worker.base_url for worker in workers]
    slo = {"first_output": {"under_s": 1.0, "percentile": 95}}
    config = {
        "deployments": {
            "quick": vllm(urls, "ok"),
            "slow": vllm(urls, "slow@100"),
            "flowing": vllm(urls, "crawl@20"),
            "moving-on": vllm(
                urls, "crawl@20", timeouts={"connect_s": 10, "first_output_s": 3, "idle_s": 3, "total_s": 90}
            ),
            "long": vllm(urls, "crawl@200"),
            "home": vllm(urls[:2], "ok"),
            "cloud": vllm(urls[2:], "ok"),
        },
        "models": {"spilling": {"deployments": ["home", "cloud"]}},
        "policy": {
            "rules": [
                {"name": "spill", "when": {"model": ["spilling"]}, "slo": slo, "prefer": {"order": ["home", "cloud"]}},
                {"name": "rest"},
            ]
        },
    }
    with GatewayProcess(tmp_path_factory.mktemp("workers"), config) as process:
        yield process


@pytest.fixture(autouse=True)
def _fresh(workers: Workers, gateway: GatewayProcess) -> None:
    """All three run, nothing was seen, nothing waits, and the gateway knows it."""
    for worker in workers:
        worker.reset()
        worker.says(running=None, waiting=0, kv_use=0.1, health_status=200)
    eventually(lambda: all(is_well(one) for one in readings(gateway)), EVENTUALLY_S)


def readings(gateway: GatewayProcess) -> list[dict[str, Any]]:
    """What the gateway knows of each address of each deployment, the deployments in the order of the configuration."""
    told = httpx.get(f"{gateway.url}/admin/deployments", trust_env=False, timeout=30).json()["record"]
    return [address["reading"] | {"of": one["name"]} for one in told for address in one["addresses"]]


def is_well(reading: dict[str, Any]) -> bool:
    says = reading.get("gauges") or {}
    rests = reading.get("suspect_until", 0) > time.time()
    return reading.get("health") == "up" and not rests and (says.get("waiting"), says.get("kv_use")) == (0, 0.1)


def waits(gateway: GatewayProcess, deployment: str, *waiting: int) -> bool:
    """Whether the gateway has read that so many wait at the addresses of the deployment."""
    return [one["gauges"]["waiting"] for one in readings(gateway) if one["of"] == deployment] == list(waiting)


def counts(workers: Workers) -> list[int]:
    return [len(worker.chats()) for worker in workers]


async def many(gateway: GatewayProcess, model: str, number: int, **more: Any) -> list[Seen]:
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, timeout=60) as client:
        return await asyncio.gather(*(ask(client, model, stream=True, **more) for _ in range(number)))


def test_requests_without_a_home_are_spread_over_all(workers: Workers, gateway: GatewayProcess) -> None:
    async def various() -> list[Seen]:
        async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, timeout=60) as client:
            return await asyncio.gather(
                *(
                    ask(client, "slow", stream=True, messages=[{"role": "user", "content": f"question {number}"}])
                    for number in range(60)
                )
            )

    assert all(seen.looks_finished(stream=True) for seen in asyncio.run(various()))
    found = counts(workers)
    assert sum(found) == 60
    assert max(found) <= 1.25 * 20 + 2  # bounded load, whatever their beginnings hash to


def test_a_session_stays_where_it_is_and_is_shown_in_the_record(workers: Workers, gateway: GatewayProcess) -> None:
    async def sessions() -> list[list[Seen]]:
        async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, timeout=60) as client:
            found = []
            for number in range(9):
                headers = {"x-gateway-session": f"session-{number}"}
                found.append([
                    await ask(client, "quick", stream=False, headers=headers,
                              messages=[{"role": "user", "content": f"turn {turn}"}])
                    for turn in range(4)
                ])  # fmt: skip
            return found

    homes = []
    for answers in asyncio.run(sessions()):
        records = [gateway.decision(one.headers["x-gateway-decision"]) for one in answers]
        addresses = {record["record"]["attempts"][0]["address"] for record in records}
        assert len(addresses) == 1
        (home,) = addresses
        homes.append(home)
        assert {record["record"]["decision"]["address"] for record in records} == {home}
        assert any(
            f"the first attempt goes to address {home + 1} of 3 of quick" in one for one in records[0]["sentences"]
        )
        assert any(f" at {workers[home].base_url}: ok" in line for line in records[0]["sentences"])
    assert len(set(homes)) > 1
    assert counts(workers) == [4 * homes.count(at) for at in range(3)]


def test_conversations_that_begin_alike_go_to_one_worker(workers: Workers, gateway: GatewayProcess) -> None:
    async def turns() -> None:
        async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, timeout=60) as client:
            begin = [{"role": "system", "content": LONG}, {"role": "user", "content": "hello"}]
            for turn in range(8):
                more = [{"role": "assistant", "content": "x" * turn}, {"role": "user", "content": f"go on {turn}"}]
                await ask(client, "quick", stream=False, messages=begin + more * turn)

    asyncio.run(turns())
    assert sorted(counts(workers)) == [0, 0, 8]


def test_a_worker_with_a_queue_gets_no_more(workers: Workers, gateway: GatewayProcess) -> None:
    asyncio.run(many(gateway, "slow", 30))  # how long answers take is known from here on
    for worker in workers:
        worker.reset()
    workers[0].says(running=4, waiting=40)
    workers[1].says(running=4, waiting=40)
    eventually(lambda: waits(gateway, "slow", 40, 40, 0), EVENTUALLY_S)
    asyncio.run(many(gateway, "slow", 12))
    assert counts(workers) == [0, 0, 12]


def test_traffic_spills_over_when_the_queue_is_long_and_comes_home_when_it_falls(
    workers: Workers, gateway: GatewayProcess
) -> None:
    def asked(number: int) -> Counter[str]:
        return Counter(seen.headers["x-gateway-deployment"] for seen in asyncio.run(many(gateway, "spilling", number)))

    assert asked(20)["home"] >= 18  # a few probe
    for worker in workers[:2]:
        worker.says(running=2, waiting=5000)
    eventually(lambda: waits(gateway, "home", 5000, 5000), EVENTUALLY_S)
    assert asked(20)["cloud"] >= 17
    for worker in workers[:2]:
        worker.says(running=0, waiting=0)
    eventually(lambda: waits(gateway, "home", 0, 0), EVENTUALLY_S)
    assert asked(20)["home"] >= 17


class Load:
    """Requests at an even pace, each a conversation of its own, until the block ends; what became of each."""

    def __init__(self, gateway: GatewayProcess, model: str, per_s: float) -> None:
        self._gateway, self._model, self._per_s = gateway, model, per_s
        self.answers: list[Seen] = []
        self._asked: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._client = httpx.AsyncClient(base_url=self._gateway.url, trust_env=False, timeout=60)
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(*self._asked)
        await self._client.aclose()

    async def _run(self) -> None:
        number = 0
        while True:
            self._asked.append(asyncio.create_task(self._ask(number)))
            number += 1
            await asyncio.sleep(1 / self._per_s)

    async def _ask(self, number: int) -> None:
        text = [{"role": "user", "content": f"question {number}"}]
        self.answers.append(await ask(self._client, self._model, stream=True, messages=text))

    async def asked_so_far_has_ended(self) -> None:
        await asyncio.gather(*self._asked)

    def broken(self) -> int:
        """Streams that had begun, and did not come to their end."""
        return sum(seen.status == 200 and not seen.looks_finished(stream=True) for seen in self.answers)

    def check(self) -> None:
        """Nobody got an error instead of an answer, what looks finished is whole, and what broke says so."""
        assert [seen.body for seen in self.answers if seen.status != 200] == []
        for seen in self.answers:
            if seen.looks_finished(stream=True):
                assert len([event for event in seen.events if '"content":' in event]) >= TOKENS
            else:
                assert seen.error is not None


async def test_a_killed_worker_costs_nobody_an_answer_that_had_not_begun(
    workers: Workers, gateway: GatewayProcess
) -> None:
    """One of three, by kill -9 under 100 streams a second; then it comes back."""
    async with Load(gateway, "flowing", 100) as load:
        await asyncio.sleep(1)
        await asyncio.to_thread(workers[1].kill)
        await load.asked_so_far_has_ended()
        broken = load.broken()
        await asyncio.sleep(1.5)
        assert load.broken() == broken  # only what it was giving when it died
        await asyncio.to_thread(workers[1].start)
        await asyncio.to_thread(eventually, workers[1].chats, EVENTUALLY_S)
        await asyncio.sleep(1)
    load.check()
    assert load.broken() == broken


async def test_a_worker_that_dies_with_many_streams_does_not_shut_the_others(
    workers: Workers, gateway: GatewayProcess
) -> None:
    """Fifty or so break off at once: more failures in a row than shut a deployment."""
    async with httpx.AsyncClient(
        base_url=gateway.url, trust_env=False, timeout=60, limits=httpx.Limits(max_connections=300)
    ) as client:

        def asked(number: int) -> asyncio.Task[Seen]:
            text = [{"role": "user", "content": f"question {number}"}]
            seen.append(Seen())
            return asyncio.create_task(ask(client, "long", stream=True, seen=seen[-1], messages=text))

        seen: list[Seen] = []
        early = [asked(number) for number in range(150)]
        async with asyncio.timeout(EVENTUALLY_S):
            while not all(one.body for one in seen):  # what has given no output yet moves on unseen
                await asyncio.sleep(0.05)
        assert len(workers[1].chats()) >= 40
        await asyncio.to_thread(workers[1].kill)
        try:
            await asyncio.sleep(0.1)
            late = await asyncio.gather(*map(asked, range(150, 180)))
            assert (await client.get("/readyz")).json()["deployments"]["long"] == "admitting"
            broken = [seen for seen in await asyncio.gather(*early) if not seen.looks_finished(stream=True)]
        finally:
            await asyncio.to_thread(workers[1].start)
    assert [seen.body for seen in late if not seen.looks_finished(stream=True)] == []
    assert len(broken) >= 30
    assert all(seen.error is not None for seen in broken)


async def test_a_worker_that_stands_still_costs_nobody_an_answer_that_had_not_begun(
    workers: Workers, gateway: GatewayProcess
) -> None:
    """By SIGSTOP: what it holds moves on when the rule's time for a first output is over; then it goes on."""
    of = [one["of"] for one in readings(gateway)]
    at = of.index("moving-on") + 2
    try:
        async with Load(gateway, "moving-on", 30) as load:
            await asyncio.sleep(1)
            await asyncio.to_thread(workers[2].pause)
            await load.asked_so_far_has_ended()
            settled = load.broken()
            await asyncio.to_thread(eventually, lambda: readings(gateway)[at]["health"] == "down", EVENTUALLY_S)
            await load.asked_so_far_has_ended()  # and with it what was sent until then, and timed out
            assert load.broken() == settled
            workers[2].resume()
            before = len(await asyncio.to_thread(workers[2].chats))
            await asyncio.to_thread(eventually, lambda: len(workers[2].chats()) > before, EVENTUALLY_S)
            await asyncio.sleep(1)
        load.check()
        assert load.broken() == settled
    finally:
        workers[2].resume()


def test_a_deployment_that_is_gone_as_a_whole_is_known_to_be(workers: Workers, gateway: GatewayProcess) -> None:
    workers[2].says(health_status=503)
    body = {"model": "cloud", "messages": [{"role": "user", "content": "hi"}]}

    def health() -> str:
        told = httpx.post(f"{gateway.url}/admin/explain", json=body, trust_env=False).json()
        return str(told["record"]["decision"]["candidates"][0].get("reading", {}).get("health"))

    eventually(lambda: health() == "down", EVENTUALLY_S)
    workers[2].says(health_status=200)
    eventually(lambda: health() == "admitting", EVENTUALLY_S)
