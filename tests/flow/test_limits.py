"""Deployments that take so much and no more: who is let in, who goes elsewhere, and what the others are told.

On virtual time: the requests of a moment come together, whatever the machine.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.learning.retry_budget import FEW, FEW_PER_S, SHARE
from tests.support.fleet import Stand
from tests.support.gateway import deployment
from tests.support.in_process import InProcess, Received, in_front_of


def configuration(stands: list[Stand]) -> dict[str, Any]:
    """`first` has at most two requests from this gateway as `bounded`, and as many as it takes under its own name."""
    first, second = stands
    return {
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


@pytest.fixture
def here(tmp_path: Path) -> Iterator[InProcess]:
    with in_front_of(2, tmp_path, configuration, play="ok") as running:
        at_once(running, "pool", 1)
        for stand in running.stands:
            stand.forget()
        yield running


def at_once(here: InProcess, model: str, count: int, **headers: str) -> list[Received]:
    return here.gateway.chats(*[model] * count, headers=headers, max_tokens=16)


def by(answers: list[Received]) -> list[str]:
    """Who answered, or the error."""
    return [
        one.headers["x-gateway-deployment"] if one.status == 200 else one.json()["error"]["code"] for one in answers
    ]


def states(here: InProcess) -> dict[str, str]:
    assert here.gateway.get("/readyz").json()["ready"]
    return here.gateway.states()


def test_one_at_its_limit_spills_to_the_next(here: InProcess) -> None:
    here.stands[0].play("slow@400")
    answers = at_once(here, "bounded-pool", 6)
    assert sorted(by(answers)) == ["bounded"] * 2 + ["second"] * 4
    spilled = next(one for one in answers if one.headers["x-gateway-deployment"] == "second")
    sentences = here.gateway.decision(spilled.headers["x-gateway-decision"])["sentences"]
    assert "bounded: left out; it is at its limit of 2 at once." in sentences


def test_hedged_requests_that_come_at_once_do_not_all_find_the_same_room(here: InProcess) -> None:
    here.stands[0].play("slow@400")
    answers = at_once(here, "bounded", 30, **{"x-gateway-tags": "hedged=yes"})
    assert by(answers).count("bounded") == 2


def test_alone_at_its_limit_the_others_are_told(here: InProcess) -> None:
    here.stands[0].play("slow@400")
    answers = at_once(here, "bounded", 5)
    assert sorted(by(answers)) == ["at_capacity"] * 3 + ["bounded"] * 2
    refused = next(one for one in answers if one.status != 200)
    assert (refused.status, refused.headers["retry-after"]) == (503, "1")


def test_a_server_that_says_it_is_full_is_asked_for_less_and_never_shut(here: InProcess) -> None:
    """It takes eight at once; of what comes in waves of forty, it soon gets little more, and the rest goes elsewhere."""
    here.stands[0].play("seats@8")

    for _ in range(15):
        answers = at_once(here, "pool", 40)
        assert set(by(answers)) <= {"first", "second"}
        assert states(here)["first"] == "admitting"
    assert 4 <= here.gateway.metric('gateway_deployment_limit{deployment="first"}') <= 14
    assert here.stands[0].calls()["chat"] <= 40 + 14 * 16


def test_a_rate_limit_is_not_run_into(here: InProcess) -> None:
    """Five in a second, as its headers say. Of four callers who ask on and on, each may come too early once a second."""
    here.stands[0].play("metered@5")
    callers, seconds, pause_s = 4, 3.0, 0.01
    answers: list[Received] = []
    since = here.virtual.passed_s

    async def on_and_on() -> None:
        while here.virtual.passed_s < since + seconds:
            answers.append(await here.gateway.chat("pool", max_tokens=16))
            await asyncio.sleep(pause_s)

    async def all_callers() -> None:
        await asyncio.gather(*(on_and_on() for _ in range(callers)))

    here.virtual.run(all_callers())
    windows = int(seconds) + 2
    assert set(by(answers)) == {"first", "second"}
    assert by(answers).count("first") >= 5 * (seconds - 1)
    text = here.gateway.get("/metrics").body.decode()
    refused = [line for line in text.splitlines() if 'deployment="first",outcome="rate_limited"' in line]
    assert sum(float(line.split()[-1]) for line in refused) <= callers * windows < by(answers).count("second") / 2


def test_alone_a_used_up_rate_limit_is_told_before_it_is_run_into(here: InProcess) -> None:
    here.stands[0].play("rate_limit_429@100")
    at_once(here, "alone", 1, **{"x-gateway-tags": "retries=0"})
    (answer,) = at_once(here, "alone", 1, **{"x-gateway-tags": "retries=0"})
    assert (answer.status, by([answer])) == (429, ["rate_limited"])
    assert 90 <= int(answer.headers["retry-after"]) <= 100
    assert states(here)["first"] == "refusing"
    assert len(here.stands[0].rows()) == 1
    record = here.gateway.decision(answer.headers["x-gateway-decision"])
    assert record["record"]["outcome"] == "no_candidate"
    assert any("first: left out; it takes no request for another" in line for line in record["sentences"])


def test_retries_are_paid_from_a_share_of_the_traffic(here: InProcess) -> None:
    """Every third fails: too few to shut it, and more than a tenth may ask again. The fixture's request pays in, too."""
    here.stands[0].play("ok", "ok", "error_500")

    since = here.virtual.passed_s
    for _ in range(30):
        at_once(here, "alone", 10)
    again = here.stands[0].calls()["chat"] - 300
    assert 300 * SHARE <= again <= (1 + 300) * SHARE + FEW + FEW_PER_S * (here.virtual.passed_s - since)
