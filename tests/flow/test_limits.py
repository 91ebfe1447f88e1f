"""Deployments that take so much and no more: who is let in, who goes elsewhere, and what the others are told."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from gateway.learning.retry_budget import FEW, FEW_PER_S, SHARE
from tests.support.fleet import Fleet
from tests.support.gateway import GatewayProcess, deployment


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with Fleet(2) as running:
        yield running


@pytest.fixture
def gateway(fleet: Fleet, tmp_path: Path) -> Iterator[GatewayProcess]:
    """`first` has at most two requests from this gateway as `bounded`, and as many as it takes under its own name."""
    first, second = fleet.stands
    config = {
        "deployments": {
            "first": deployment(first.base_url, "any"),
            "bounded": deployment(first.base_url, "any", limits={"max_in_flight": 2}),
            "second": deployment(second.base_url, "any"),
        },
        "models": {
            "alone": {"deployments": ["first"]},
            "pool": {"deployments": ["first", "second"]},
            "bounded-pool": {"deployments": ["bounded", "second"]},
        },
        "policy": {
            "rules": [
                {"name": "once", "when": {"tags": {"retries": "0"}}, "fallback": {"retries": 0}},
                {
                    "name": "hedged",
                    "when": {"tags": {"hedged": "yes"}},
                    "limits": {"hedge": {"after_s": 5, "share": 1}},
                },
                {"name": "rest"},
            ]
        },
    }
    for stand in fleet.stands:
        stand.play("ok")
    with GatewayProcess(tmp_path, config) as process:
        asyncio.run(at_once(process, "pool", 1))
        for stand in fleet.stands:
            stand.forget()
        yield process


async def at_once(gateway: GatewayProcess, model: str, count: int, **headers: str) -> list[httpx.Response]:
    """So many requests, over connections that are open already."""
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 16}
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, timeout=30) as client:
        await asyncio.gather(*(client.get("/healthz") for _ in range(count)))
        return await asyncio.gather(
            *(client.post("/v1/chat/completions", json=body, headers=headers) for _ in range(count))
        )


def by(answers: list[httpx.Response]) -> list[str]:
    """Who answered, or the error."""
    return [
        one.headers["x-gateway-deployment"] if one.status_code == 200 else one.json()["error"]["code"]
        for one in answers
    ]


def states(gateway: GatewayProcess) -> dict[str, str]:
    told: dict[str, Any] = httpx.get(f"{gateway.url}/readyz", trust_env=False).json()
    assert told["ready"]
    return told["deployments"]


def test_one_at_its_limit_spills_to_the_next(fleet: Fleet, gateway: GatewayProcess) -> None:
    fleet.stands[0].play("slow@400")
    answers = asyncio.run(at_once(gateway, "bounded-pool", 6))
    assert sorted(by(answers)) == ["bounded"] * 2 + ["second"] * 4
    spilled = next(one for one in answers if one.headers["x-gateway-deployment"] == "second")
    sentences = gateway.decision(spilled.headers["x-gateway-decision"])["sentences"]
    assert "bounded: left out; it is at its limit of 2 at once." in sentences


def test_hedged_requests_that_come_at_once_do_not_all_find_the_same_room(fleet: Fleet, gateway: GatewayProcess) -> None:
    fleet.stands[0].play("slow@400")
    answers = asyncio.run(at_once(gateway, "bounded", 30, **{"x-gateway-tags": "hedged=yes"}))
    assert by(answers).count("bounded") == 2


def test_alone_at_its_limit_the_others_are_told(fleet: Fleet, gateway: GatewayProcess) -> None:
    fleet.stands[0].play("slow@400")
    answers = asyncio.run(at_once(gateway, "bounded", 5))
    assert sorted(by(answers)) == ["at_capacity"] * 3 + ["bounded"] * 2
    refused = next(one for one in answers if one.status_code != 200)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")


def test_a_server_that_says_it_is_full_is_asked_for_less_and_never_shut(fleet: Fleet, gateway: GatewayProcess) -> None:
    """It takes eight at once; of what comes in waves of forty, it soon gets little more, and the rest goes elsewhere."""
    fleet.stands[0].play("seats@8")

    async def waves() -> None:
        for _ in range(15):
            answers = await at_once(gateway, "pool", 40)
            assert set(by(answers)) <= {"first", "second"}
            assert states(gateway)["first"] == "admitting"

    asyncio.run(waves())
    told = httpx.get(f"{gateway.url}/metrics", trust_env=False).text
    limit = next(line for line in told.splitlines() if line.startswith('gateway_deployment_limit{deployment="first"}'))
    assert 4 <= float(limit.split()[-1]) <= 14
    assert fleet.stands[0].calls()["chat"] <= 40 + 14 * 16


def test_a_rate_limit_is_not_run_into(fleet: Fleet, gateway: GatewayProcess) -> None:
    """Five in a second, as its headers say. Of four callers who ask on and on, each may come too early once a second."""
    fleet.stands[0].play("metered@5")
    body = {"model": "pool", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 16}
    callers, seconds = 4, 3.0
    since = time.monotonic()
    answers: list[httpx.Response] = []

    def windows() -> int:
        return int(time.monotonic() - since) + 2

    def is_enough() -> bool:
        """That a refusal of the most that may be would be one of a few answers."""
        long_enough = time.monotonic() > since + seconds
        return long_enough and by(answers).count("second") / 2 > callers * (windows() + 2)

    async def on_and_on(client: httpx.AsyncClient) -> None:
        while not is_enough():
            assert time.monotonic() < since + 60, "too few answers to say anything"
            answers.append(await client.post("/v1/chat/completions", json=body))

    async def all_callers() -> None:
        async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, timeout=30) as client:
            await asyncio.gather(*(on_and_on(client) for _ in range(callers)))

    asyncio.run(all_callers())
    assert set(by(answers)) == {"first", "second"}
    assert by(answers).count("first") >= 5 * (seconds - 1)
    text = httpx.get(f"{gateway.url}/metrics", trust_env=False).text
    refused = [line for line in text.splitlines() if 'deployment="first",outcome="rate_limited"' in line]
    assert sum(float(line.split()[-1]) for line in refused) <= callers * windows() < by(answers).count("second") / 2


def test_alone_a_used_up_rate_limit_is_told_before_it_is_run_into(fleet: Fleet, gateway: GatewayProcess) -> None:
    fleet.stands[0].play("rate_limit_429@100")
    asyncio.run(at_once(gateway, "alone", 1, **{"x-gateway-tags": "retries=0"}))
    (answer,) = asyncio.run(at_once(gateway, "alone", 1, **{"x-gateway-tags": "retries=0"}))
    assert (answer.status_code, by([answer])) == (429, ["rate_limited"])
    assert 90 <= int(answer.headers["retry-after"]) <= 100
    assert states(gateway)["first"] == "refusing"
    assert len(fleet.stands[0].rows()) == 1
    record = gateway.decision(answer.headers["x-gateway-decision"])
    assert record["record"]["outcome"] == "no_candidate"
    assert any("first: left out; it takes no request for another" in line for line in record["sentences"])


def test_retries_are_paid_from_a_share_of_the_traffic(fleet: Fleet, gateway: GatewayProcess) -> None:
    """Every third fails: too few to shut it, and more than a tenth may ask again. The fixture's request pays in, too."""
    fleet.stands[0].play("ok", "ok", "error_500")

    async def rounds() -> None:
        for _ in range(30):
            await at_once(gateway, "alone", 10)

    since = time.monotonic()
    asyncio.run(rounds())
    again = fleet.stands[0].calls()["chat"] - 300
    assert 300 * SHARE <= again <= (1 + 300) * SHARE + FEW + FEW_PER_S * (time.monotonic() - since)
