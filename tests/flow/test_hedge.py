"""Hedging, on virtual time: a late first attempt, a second beside it, and what becomes of the one that loses."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.fleet import Stand
from tests.support.gateway import deployment
from tests.support.in_process import InProcess, Received, in_front_of

AFTER_S = 0.25
A_CALL_USD = 0.0005  # the most that a call with 100 output tokens can cost, by the price below, and little more


def priced(stand: Stand, **more: Any) -> dict[str, Any]:
    price = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 5.0}
    return deployment(stand.base_url, "any", price=price, **more)


def configuration(stands: list[Stand]) -> dict[str, Any]:
    first, second = stands
    hedge = {"after_s": AFTER_S, "share": 1}
    return {
        "deployments": {
            "first": priced(first), "second": priced(second), "public": priced(second, clearance="public"),
            "steady": priced(first),  # of which nothing else is learned
            "hasty": priced(first, timeouts={"connect_s": 1, "first_output_s": 0.5, "idle_s": 0.5, "total_s": 0.5}),
        },
        "models": {
            "hurried": {"deployments": ["hasty", "second"]},
            "pool": {"deployments": ["first", "second"]},
            "steady-first": {"deployments": ["steady", "second"]},
            "mixed": {"deployments": ["first", "public"]},
        },
        "policy": {
            "rules": [
                {"name": "rarely", "when": {"tags": {"hedge": "rarely"}},
                 "limits": {"hedge": {"after_s": AFTER_S, "share": 0.1}}},
                {"name": "poor", "when": {"tags": {"hedge": "poor"}},
                 "limits": {"hedge": hedge, "max_cost_usd": A_CALL_USD * 1.5}},
                {"name": "learned", "when": {"tags": {"hedge": "learned"}},
                 "limits": {"hedge": {"percentile": 90, "share": 1}}},
                {"name": "rest", "limits": {"hedge": hedge}, "fallback": {"retries": 0}},
            ]
        },
    }  # fmt: skip


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    with in_front_of(2, tmp_path_factory.mktemp("hedge"), configuration, play="ok") as running:
        ask(running, "second")  # what only the first request does is done
        yield running


@pytest.fixture(autouse=True)
def _fresh(here: InProcess) -> Iterator[None]:
    yield
    for stand in here.stands:
        stand.play("ok")
    here.virtual.wait_for(lambda: all(ask(here, name)[0].status == 200 for name in ("first", "second")), within_s=10)
    for stand in here.stands:
        stand.forget()


def ask(
    here: InProcess, model: str = "pool", *, hedge: str = "", sensitivity: str = "", **more: Any
) -> tuple[Received, dict[str, Any], float]:
    """The answer, its record, and how many seconds it took."""
    headers = {"x-gateway-tags": f"hedge={hedge}"} if hedge else {}
    if sensitivity:
        headers["x-gateway-sensitivity"] = sensitivity
    (answer,) = here.gateway.chats(model, headers=headers, max_tokens=100, **more)
    return answer, here.gateway.decision(answer.headers["x-gateway-decision"])["record"], answer.all_s


def outcomes(record: dict[str, Any]) -> list[tuple[str, str]]:
    return [(attempt["deployment"], attempt["outcome"]) for attempt in record["attempts"]]


def left(stand: Stand) -> list[bool]:
    return [row["left_ms"] is not None for row in stand.rows()]


@pytest.mark.parametrize("stream", [False, True])
def test_a_late_first_attempt_loses(here: InProcess, stream: bool) -> None:
    here.stands[0].play("slow@3000")
    answer, record, took = ask(here, stream=stream)
    assert answer.status == 200
    assert answer.headers["x-gateway-deployment"] == "second"
    assert AFTER_S <= took < AFTER_S + 0.5
    assert sorted(outcomes(record)) == [("first", "hedge_lost"), ("second", "ok")]
    assert record["outcome"] == "ok"
    assert record["answered_by"] == "second"
    assert record["first_output_s"] is None or AFTER_S <= record["first_output_s"] <= took
    assert record["overhead_s"] < 0.1
    here.virtual.wait_for(lambda: left(here.stands[0]) == [True], within_s=1)


def test_what_the_loser_may_have_cost_is_on_record(here: InProcess) -> None:
    for _ in range(6):
        ask(here, "first", stream=True)  # its pace and its length are known now
    here.stands[0].play("slow@3000")
    for stream in (True, False):
        _, record, _ = ask(here, stream=stream)
        lost = next(one for one in record["attempts"] if one["outcome"] == "hedge_lost")
        assert lost["usage"]["estimated"]
        assert lost["usage"]["prompt_tokens"] > 0
        assert lost["cost_usd"] > 0


@pytest.mark.parametrize("stream", [False, True])
def test_in_time_there_is_one_call(here: InProcess, stream: bool) -> None:
    _, record, _ = ask(here, stream=stream)
    assert outcomes(record) == [("first", "ok")]
    assert not here.stands[1].rows()


@pytest.mark.parametrize("stream", [False, True])
def test_the_first_can_still_win(here: InProcess, stream: bool) -> None:
    here.stands[0].play("slow@500")
    here.stands[1].play("slow@3000")
    answer, record, _ = ask(here, stream=stream)
    assert answer.headers["x-gateway-deployment"] == "first"
    assert sorted(outcomes(record)) == [("first", "ok"), ("second", "hedge_lost")]
    here.virtual.wait_for(lambda: left(here.stands[1]) == [True], within_s=1)


def test_one_that_fails_leaves_the_other(here: InProcess) -> None:
    here.stands[0].play("slow@600")
    here.stands[1].play("error_500")
    answer, record, _ = ask(here, stream=True)
    assert answer.status == 200
    assert outcomes(record) == [("second", "server_error"), ("first", "ok")]


@pytest.mark.parametrize("refusal", ["bad_param_400", "content_policy_400"])
def test_a_refusal_of_the_second_leaves_the_first_its_time(here: InProcess, refusal: str) -> None:
    here.stands[0].play("slow@600")
    here.stands[1].play(refusal)
    answer, record, _ = ask(here)
    assert answer.status == 200
    assert [name for name, _ in outcomes(record)] == ["second", "first"]


def test_a_refusal_of_the_second_is_the_end_where_the_first_fails_too(here: InProcess) -> None:
    here.stands[0].play("silent")
    here.stands[1].play("bad_param_400")
    answer, record, _ = ask(here, "hurried")
    assert (answer.status, answer.json()["error"]["code"]) == (400, "decimal_above_max_value")
    assert outcomes(record) == [("second", "bad_request"), ("hasty", "total_timeout")]


def test_two_that_fail_are_an_honest_end(here: InProcess) -> None:
    here.stands[0].play("silent")
    here.stands[1].play("error_500")
    answer, record, _ = ask(here, "hurried")
    assert answer.status == 504
    assert outcomes(record) == [("second", "server_error"), ("hasty", "total_timeout")]


def test_no_second_attempt_goes_below_the_sensitivity(here: InProcess) -> None:
    here.stands[0].play("slow@600")
    answer, record, _ = ask(here, "mixed", sensitivity="confidential")
    assert answer.status == 200
    assert outcomes(record) == [("first", "ok")]
    assert not here.stands[1].rows()


def test_no_second_attempt_passes_the_cost_ceiling(here: InProcess) -> None:
    here.stands[0].play("slow@600")
    _, record, _ = ask(here, hedge="poor")
    assert outcomes(record) == [("first", "ok")]


def test_only_a_share_is_hedged(here: InProcess) -> None:
    here.stands[0].play("slow@400")
    made = [len(ask(here, hedge="rarely", stream=True)[1]["attempts"]) for _ in range(15)]
    assert made.count(2) == 2  # the first of all, and one in ten


def test_late_is_learned(here: InProcess) -> None:
    here.stands[0].play("slow@100")
    for _ in range(20):
        ask(here, "steady-first", hedge="learned", stream=True)
    here.stands[0].play("slow@3000")
    answer, record, took = ask(here, "steady-first", hedge="learned", stream=True)
    after_s = record["decision"]["hedge_after_s"]
    assert 0.1 <= after_s < 0.3
    assert answer.headers["x-gateway-deployment"] == "second"
    assert took < after_s + 0.3


def test_one_that_recovered_and_loses_every_race_is_admitted_again(here: InProcess) -> None:
    def state() -> str:
        return here.gateway.states()["first"]

    here.stands[0].play("error_500")
    here.virtual.wait_for(lambda: ask(here, "first") and state() == "shut", within_s=5)
    here.stands[0].play("slow@500")
    here.virtual.wait_for(lambda: ask(here, stream=True) and state() == "admitting", within_s=15)


@pytest.mark.parametrize("stream", [False, True])
def test_a_caller_that_leaves_ends_both(here: InProcess, stream: bool) -> None:
    for stand in here.stands:
        stand.play("slow@5000")

    async def leave() -> None:
        leaves = asyncio.Event()
        asked = asyncio.create_task(here.gateway.ask("/v1/chat/completions", body, leaves=leaves))
        while not here.stands[1].rows():
            await asyncio.sleep(0.02)
        leaves.set()
        await asked

    body = {"model": "pool", "stream": stream, "messages": [{"role": "user", "content": "hi"}]}
    here.virtual.run(asyncio.wait_for(leave(), 3))
    here.virtual.wait_for(lambda: left(here.stands[0]) == left(here.stands[1]) == [True], within_s=1)
