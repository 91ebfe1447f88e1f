"""Hedging over real sockets: a late first attempt, a second beside it, and what becomes of the one that loses."""

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import pytest

from tests.support.fleet import Fleet, Stand
from tests.support.gateway import GatewayProcess, deployment
from tests.support.waiting import wait_for

AFTER_S = 0.25
A_CALL_USD = 0.0005  # the most that a call with 100 output tokens can cost, by the price below, and little more


def priced(stand: Stand, **more: Any) -> dict[str, Any]:
    price = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 5.0}
    return deployment(stand.base_url, "any", price=price, **more)


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with Fleet(2) as running:
        for stand in running.stands:
            stand.play("ok")
        yield running


@pytest.fixture(scope="module")
def gateway(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    first, second = fleet.stands
    hedge = {"after_s": AFTER_S, "share": 1}
    config = {
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
    with GatewayProcess(tmp_path_factory.mktemp("hedge"), config) as process:
        ask(process, "second")  # what only the first request does is done
        yield process


@pytest.fixture(autouse=True)
def _fresh(fleet: Fleet, gateway: GatewayProcess) -> Iterator[None]:
    yield
    for stand in fleet.stands:
        stand.play("ok")
    wait_for(lambda: all(ask(gateway, name)[0].status_code == 200 for name in ("first", "second")), within_s=10)
    for stand in fleet.stands:
        stand.forget()


def ask(
    gateway: GatewayProcess, model: str = "pool", *, hedge: str = "", sensitivity: str = "", **more: Any
) -> tuple[httpx.Response, dict[str, Any], float]:
    """The answer, its record, and how many seconds it took."""
    headers = {"x-gateway-tags": f"hedge={hedge}"} if hedge else {}
    if sensitivity:
        headers["x-gateway-sensitivity"] = sensitivity
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 100, **more}
    since = time.monotonic()
    answer = httpx.post(f"{gateway.url}/v1/chat/completions", json=body, headers=headers, timeout=30, trust_env=False)
    took = time.monotonic() - since
    return answer, gateway.decision(answer.headers["x-gateway-decision"])["record"], took


def outcomes(record: dict[str, Any]) -> list[tuple[str, str]]:
    return [(attempt["deployment"], attempt["outcome"]) for attempt in record["attempts"]]


def left(stand: Stand) -> list[bool]:
    return [row["left_ms"] is not None for row in stand.rows()]


@pytest.mark.parametrize("stream", [False, True])
def test_a_late_first_attempt_loses(fleet: Fleet, gateway: GatewayProcess, stream: bool) -> None:
    fleet.stands[0].play("slow@3000")
    answer, record, took = ask(gateway, stream=stream)
    assert answer.status_code == 200
    assert answer.headers["x-gateway-deployment"] == "second"
    assert AFTER_S <= took < AFTER_S + 0.5
    assert sorted(outcomes(record)) == [("first", "hedge_lost"), ("second", "ok")]
    assert record["outcome"] == "ok"
    assert record["answered_by"] == "second"
    assert record["first_output_s"] is None or AFTER_S <= record["first_output_s"] <= took
    assert record["overhead_s"] < 0.1
    wait_for(lambda: left(fleet.stands[0]) == [True], within_s=1)


def test_what_the_loser_may_have_cost_is_on_record(fleet: Fleet, gateway: GatewayProcess) -> None:
    for _ in range(6):
        ask(gateway, "first", stream=True)  # its pace and its length are known now
    fleet.stands[0].play("slow@3000")
    for stream in (True, False):
        _, record, _ = ask(gateway, stream=stream)
        lost = next(one for one in record["attempts"] if one["outcome"] == "hedge_lost")
        assert lost["usage"]["estimated"]
        assert lost["usage"]["prompt_tokens"] > 0
        assert lost["cost_usd"] > 0


@pytest.mark.parametrize("stream", [False, True])
def test_in_time_there_is_one_call(fleet: Fleet, gateway: GatewayProcess, stream: bool) -> None:
    _, record, _ = ask(gateway, stream=stream)
    assert outcomes(record) == [("first", "ok")]
    assert not fleet.stands[1].rows()


@pytest.mark.parametrize("stream", [False, True])
def test_the_first_can_still_win(fleet: Fleet, gateway: GatewayProcess, stream: bool) -> None:
    fleet.stands[0].play("slow@500")
    fleet.stands[1].play("slow@3000")
    answer, record, _ = ask(gateway, stream=stream)
    assert answer.headers["x-gateway-deployment"] == "first"
    assert sorted(outcomes(record)) == [("first", "ok"), ("second", "hedge_lost")]
    wait_for(lambda: left(fleet.stands[1]) == [True], within_s=1)


def test_one_that_fails_leaves_the_other(fleet: Fleet, gateway: GatewayProcess) -> None:
    fleet.stands[0].play("slow@600")
    fleet.stands[1].play("error_500")
    answer, record, _ = ask(gateway, stream=True)
    assert answer.status_code == 200
    assert outcomes(record) == [("second", "server_error"), ("first", "ok")]


@pytest.mark.parametrize("refusal", ["bad_param_400", "content_policy_400"])
def test_a_refusal_of_the_second_leaves_the_first_its_time(fleet: Fleet, gateway: GatewayProcess, refusal: str) -> None:
    fleet.stands[0].play("slow@600")
    fleet.stands[1].play(refusal)
    answer, record, _ = ask(gateway)
    assert answer.status_code == 200
    assert [name for name, _ in outcomes(record)] == ["second", "first"]


def test_a_refusal_of_the_second_is_the_end_where_the_first_fails_too(fleet: Fleet, gateway: GatewayProcess) -> None:
    fleet.stands[0].play("silent")
    fleet.stands[1].play("bad_param_400")
    answer, record, _ = ask(gateway, "hurried")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "decimal_above_max_value")
    assert outcomes(record) == [("second", "bad_request"), ("hasty", "total_timeout")]


def test_two_that_fail_are_an_honest_end(fleet: Fleet, gateway: GatewayProcess) -> None:
    fleet.stands[0].play("silent")
    fleet.stands[1].play("error_500")
    answer, record, _ = ask(gateway, "hurried")
    assert answer.status_code == 504
    assert outcomes(record) == [("second", "server_error"), ("hasty", "total_timeout")]


def test_no_second_attempt_goes_below_the_sensitivity(fleet: Fleet, gateway: GatewayProcess) -> None:
    fleet.stands[0].play("slow@600")
    answer, record, _ = ask(gateway, "mixed", sensitivity="confidential")
    assert answer.status_code == 200
    assert outcomes(record) == [("first", "ok")]
    assert not fleet.stands[1].rows()


def test_no_second_attempt_passes_the_cost_ceiling(fleet: Fleet, gateway: GatewayProcess) -> None:
    fleet.stands[0].play("slow@600")
    _, record, _ = ask(gateway, hedge="poor")
    assert outcomes(record) == [("first", "ok")]


def test_only_a_share_is_hedged(fleet: Fleet, gateway: GatewayProcess) -> None:
    fleet.stands[0].play("slow@400")
    made = [len(ask(gateway, hedge="rarely", stream=True)[1]["attempts"]) for _ in range(15)]
    assert made.count(2) == 2  # the first of all, and one in ten


def test_late_is_learned(fleet: Fleet, gateway: GatewayProcess) -> None:
    fleet.stands[0].play("slow@100")
    for _ in range(20):
        ask(gateway, "steady-first", hedge="learned", stream=True)
    fleet.stands[0].play("slow@3000")
    answer, record, took = ask(gateway, "steady-first", hedge="learned", stream=True)
    after_s = record["decision"]["hedge_after_s"]
    assert 0.1 <= after_s < 0.3
    assert answer.headers["x-gateway-deployment"] == "second"
    assert took < after_s + 0.3


def test_one_that_recovered_and_loses_every_race_is_admitted_again(fleet: Fleet, gateway: GatewayProcess) -> None:
    def state() -> str:
        return str(httpx.get(f"{gateway.url}/readyz", trust_env=False).json()["deployments"]["first"])

    fleet.stands[0].play("error_500")
    wait_for(lambda: ask(gateway, "first") and state() == "shut", within_s=5)
    fleet.stands[0].play("slow@500")
    wait_for(lambda: ask(gateway, stream=True) and state() == "admitting", within_s=15)


@pytest.mark.parametrize("stream", [False, True])
def test_a_caller_that_leaves_ends_both(fleet: Fleet, gateway: GatewayProcess, stream: bool) -> None:
    for stand in fleet.stands:
        stand.play("slow@5000")
    body = json.dumps({"model": "pool", "stream": stream, "messages": [{"role": "user", "content": "hi"}]}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", gateway.port)) as client:
        client.sendall(head.encode() + body)
        wait_for(lambda: len(fleet.stands[1].rows()) == 1, within_s=3)
    wait_for(lambda: left(fleet.stands[0]) == left(fleet.stands[1]) == [True], within_s=1)
