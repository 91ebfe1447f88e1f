"""What follows a failed attempt, over real sockets: the next candidate, the same after a pause, or an honest end."""

import time
from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import pytest

from tests.support.fleet import Fleet, Stand
from tests.support.gateway import GatewayProcess, deployment

A_CALL_USD = 0.0005  # the most that a call with 100 output tokens can cost, by the price below, and little more


def priced(stand: Stand, **more: Any) -> dict[str, Any]:
    price = {"input_usd_per_mtok": 0.0, "output_usd_per_mtok": 5.0}
    return deployment(stand.base_url, "any", price=price, **more)


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with Fleet(3) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    first, second, third = fleet.stands
    config = {
        "deployments": {
            "first": priced(first, context_tokens=1000),
            "second": priced(second, context_tokens=1000),
            "third": priced(third, context_tokens=4000),
            "bound": priced(first, timeouts={"connect_s": 1, "first_output_s": 0.4, "idle_s": 0.4, "total_s": 0.8}),
        },
        "models": {"pool": {"deployments": ["first", "second", "third"]}},
        "policy": {
            "rules": [
                {"name": "once", "when": {"tags": {"retries": "0"}}, "fallback": {"retries": 0}},
                {"name": "often", "when": {"tags": {"retries": "5"}}, "fallback": {"retries": 5},
                 "limits": {"max_attempts": 4}},
                {"name": "hasty", "when": {"tags": {"pause": "short"}}, "fallback": {"max_pause_s": 0.2}},
                {"name": "cheap", "when": {"tags": {"cost": "low"}}, "limits": {"max_cost_usd": A_CALL_USD * 2.5}},
                {"name": "rest", "fallback": {"also_on": ["context_too_long"]}},
            ]
        },
    }  # fmt: skip
    with GatewayProcess(tmp_path_factory.mktemp("retry"), config) as process:
        ask(process, "third")  # what only the first request does is done
        yield process


@pytest.fixture(autouse=True)
def _fresh(fleet: Fleet, gateway: GatewayProcess) -> Iterator[None]:
    """All answer, and the gateway has seen it: what failed before is over."""
    yield
    for stand in fleet.stands:
        stand.play("ok")
    for name in ("first", "second", "third", "bound"):
        until = time.monotonic() + 10
        while ask(gateway, name)[0].status_code != 200:
            assert time.monotonic() < until
            time.sleep(0.1)
    for stand in fleet.stands:
        stand.forget()


def ask(
    gateway: GatewayProcess, model: str, *, tags: str = "", deadline_ms: int | None = None, **more: Any
) -> tuple[httpx.Response, dict[str, Any], float]:
    """The answer, its record, and how many seconds it took."""
    headers = {"x-gateway-tags": tags} if tags else {}
    if deadline_ms is not None:
        headers["x-gateway-deadline-ms"] = str(deadline_ms)
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 100, **more}
    since = time.monotonic()
    answer = httpx.post(f"{gateway.url}/v1/chat/completions", json=body, headers=headers, timeout=30, trust_env=False)
    took = time.monotonic() - since
    return answer, gateway.decision(answer.headers["x-gateway-decision"])["record"], took


def outcomes(record: dict[str, Any]) -> list[tuple[str, str]]:
    return [(attempt["deployment"], attempt["outcome"]) for attempt in record["attempts"]]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", ["unavailable_503", "error_500", "conflict_409", "close_after_headers"])
def test_what_passes_by_itself_is_asked_again(fleet: Fleet, gateway: GatewayProcess, fault: str, stream: bool) -> None:
    fleet.stands[0].play(fault, "ok", in_order=True)
    answer, record, _ = ask(gateway, "first", stream=stream)
    assert answer.status_code == 200
    assert answer.headers["x-gateway-attempts"] == "2"
    assert [name for name, _ in outcomes(record)] == ["first", "first"]
    assert len(fleet.stands[0].rows()) == 2
    assert record["overhead_s"] < 0.05  # the pause is not the gateway's own time


def test_what_does_not_pass_is_not_asked_again(fleet: Fleet, gateway: GatewayProcess) -> None:
    for fault in ("unauthorized_401", "not_json_200", "bad_param_400"):
        fleet.stands[0].play(fault)
        _, record, _ = ask(gateway, "first")
        assert len(record["attempts"]) == 1


def test_a_rule_can_forbid_it(fleet: Fleet, gateway: GatewayProcess) -> None:
    fleet.stands[0].play("error_500", "ok", in_order=True)
    answer, record, _ = ask(gateway, "first", tags="retries=0")
    assert answer.status_code == 502
    assert len(record["attempts"]) == 1


def test_others_come_first_and_then_those_that_may_have_recovered(fleet: Fleet, gateway: GatewayProcess) -> None:
    for stand, second_time in zip(fleet.stands, ("error_500", "ok", "ok"), strict=True):
        stand.play("error_500", second_time, in_order=True)
    answer, record, _ = ask(gateway, "pool", tags="retries=5")
    assert answer.status_code == 502
    assert [name for name, _ in outcomes(record)] == ["first", "second", "third", "first"]  # the rule's four attempts


def test_retry_after_is_kept(fleet: Fleet, gateway: GatewayProcess) -> None:
    fleet.stands[0].play("rate_limit_429@1", "ok", in_order=True)
    answer, record, took = ask(gateway, "first")
    assert answer.status_code == 200
    first, again = record["attempts"]
    assert again["started_s"] - (first["started_s"] + first["duration_s"]) >= 1
    assert took < 2.5


def test_retry_after_is_kept_though_another_may_be_asked_again_before(fleet: Fleet, gateway: GatewayProcess) -> None:
    fleet.stands[0].play("error_wait_500@1", "ok", in_order=True)
    for stand in fleet.stands[1:]:
        stand.play("error_500")
    answer, record, _ = ask(gateway, "pool", tags="retries=5")
    attempts = record["attempts"]
    assert [one["deployment"] for one in attempts[:3]] == ["first", "second", "third"]
    again = [one for one in attempts[3:] if one["deployment"] == "first"]
    ended = attempts[0]["started_s"] + attempts[0]["duration_s"]
    assert all(one["started_s"] - ended >= 1 for one in again)
    assert (answer.status_code == 200) is bool(again)


@pytest.mark.parametrize(
    ("tags", "deadline_ms"), [("", 700), ("pause=short", None)], ids=["past the deadline", "past the rule's limit"]
)
def test_no_pause_is_begun_that_would_be_too_long(
    fleet: Fleet, gateway: GatewayProcess, tags: str, deadline_ms: int | None
) -> None:
    fleet.stands[0].play("rate_limit_429@1", "ok", in_order=True)
    answer, record, took = ask(gateway, "first", tags=tags, deadline_ms=deadline_ms)
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "1"
    assert took < 0.5
    assert len(record["attempts"]) == 1


def test_the_cost_ceiling_is_over_all_attempts(fleet: Fleet, gateway: GatewayProcess) -> None:
    """Each attempt that broke off may have cost all that it could: the third would pass the ceiling."""
    for stand in fleet.stands:
        stand.play("cut_body")
    answer, record, _ = ask(gateway, "pool", tags="cost=low")
    assert answer.status_code == 502
    assert outcomes(record) == [("first", "truncated"), ("second", "truncated")]
    for stand in fleet.stands:
        stand.play("error_500")  # a refusal costs nothing
    _, record, _ = ask(gateway, "pool", tags="cost=low")
    assert len(record["attempts"]) == 3


def test_too_long_a_prompt_goes_only_where_there_is_more_room(fleet: Fleet, gateway: GatewayProcess) -> None:
    fleet.stands[0].play("context_length_400")
    answer, record, _ = ask(gateway, "pool")
    assert answer.status_code == 200
    assert outcomes(record) == [("first", "context_too_long"), ("third", "ok")]


def test_a_timeout_is_not_waited_for_twice(fleet: Fleet, gateway: GatewayProcess) -> None:
    fleet.stands[0].play("silent")
    answer, record, took = ask(gateway, "bound", stream=True)
    assert answer.status_code == 504
    assert outcomes(record) == [("bound", "first_output_timeout")]
    assert took < 1.5
