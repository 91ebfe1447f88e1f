"""What follows a failed attempt, on virtual time: the next candidate, the same after a pause, or an honest end."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.fleet import Stand
from tests.support.gateway import deployment
from tests.support.in_process import InProcess, Received, in_front_of

A_CALL_USD = 0.0005  # the most that a call with 100 output tokens can cost, by the price below, and little more


def priced(stand: Stand, **more: Any) -> dict[str, Any]:
    price = {"input_usd_per_mtok": 0.0, "output_usd_per_mtok": 5.0}
    return deployment(stand.base_url, "any", price=price, **more)


def configuration(stands: list[Stand]) -> dict[str, Any]:
    first, second, third = stands
    return {
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


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    with in_front_of(3, tmp_path_factory.mktemp("retry"), configuration, play="ok") as running:
        ask(running, "third")  # what only the first request does is done
        yield running


@pytest.fixture(autouse=True)
def _fresh(here: InProcess) -> Iterator[None]:
    """All answer, and the gateway has seen it: what failed before is over."""
    yield
    for stand in here.stands:
        stand.play("ok")
    for name in ("first", "second", "third", "bound"):
        here.virtual.wait_for(lambda name=name: ask(here, name)[0].status == 200, within_s=10)
    for stand in here.stands:
        stand.forget()


def ask(
    here: InProcess, model: str, *, tags: str = "", deadline_ms: int | None = None, **more: Any
) -> tuple[Received, dict[str, Any], float]:
    """The answer, its record, and how many seconds it took."""
    headers = {"x-gateway-tags": tags} if tags else {}
    if deadline_ms is not None:
        headers["x-gateway-deadline-ms"] = str(deadline_ms)
    (answer,) = here.gateway.chats(model, headers=headers, max_tokens=100, **more)
    return answer, here.gateway.decision(answer.headers["x-gateway-decision"])["record"], answer.all_s


def outcomes(record: dict[str, Any]) -> list[tuple[str, str]]:
    return [(attempt["deployment"], attempt["outcome"]) for attempt in record["attempts"]]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", ["unavailable_503", "error_500", "conflict_409", "close_after_headers"])
def test_what_passes_by_itself_is_asked_again(here: InProcess, fault: str, stream: bool) -> None:
    here.stands[0].play(fault, "ok", in_order=True)
    answer, record, _ = ask(here, "first", stream=stream)
    assert answer.status == 200
    assert answer.headers["x-gateway-attempts"] == "2"
    assert [name for name, _ in outcomes(record)] == ["first", "first"]
    assert len(here.stands[0].rows()) == 2
    assert record["overhead_s"] < 0.05  # the pause is not the gateway's own time


def test_what_does_not_pass_is_not_asked_again(here: InProcess) -> None:
    for fault in ("unauthorized_401", "not_json_200", "bad_param_400"):
        here.stands[0].play(fault)
        _, record, _ = ask(here, "first")
        assert len(record["attempts"]) == 1


def test_a_rule_can_forbid_it(here: InProcess) -> None:
    here.stands[0].play("error_500", "ok", in_order=True)
    answer, record, _ = ask(here, "first", tags="retries=0")
    assert answer.status == 502
    assert len(record["attempts"]) == 1


def test_others_come_first_and_then_those_that_may_have_recovered(here: InProcess) -> None:
    for stand, second_time in zip(here.stands, ("error_500", "ok", "ok"), strict=True):
        stand.play("error_500", second_time, in_order=True)
    answer, record, _ = ask(here, "pool", tags="retries=5")
    assert answer.status == 502
    assert [name for name, _ in outcomes(record)] == ["first", "second", "third", "first"]  # the rule's four attempts


def test_retry_after_is_kept(here: InProcess) -> None:
    here.stands[0].play("rate_limit_429@1", "ok", in_order=True)
    answer, record, took = ask(here, "first")
    assert answer.status == 200
    first, again = record["attempts"]
    assert again["started_s"] - (first["started_s"] + first["duration_s"]) >= 1
    assert took < 2.5


def test_retry_after_is_kept_though_another_may_be_asked_again_before(here: InProcess) -> None:
    here.stands[0].play("error_wait_500@1", "ok", in_order=True)
    for stand in here.stands[1:]:
        stand.play("error_500")
    answer, record, _ = ask(here, "pool", tags="retries=5")
    attempts = record["attempts"]
    assert [one["deployment"] for one in attempts[:3]] == ["first", "second", "third"]
    again = [one for one in attempts[3:] if one["deployment"] == "first"]
    ended = attempts[0]["started_s"] + attempts[0]["duration_s"]
    assert all(one["started_s"] - ended >= 1 for one in again)
    assert (answer.status == 200) is bool(again)


@pytest.mark.parametrize(
    ("tags", "deadline_ms"), [("", 700), ("pause=short", None)], ids=["past the deadline", "past the rule's limit"]
)
def test_no_pause_is_begun_that_would_be_too_long(here: InProcess, tags: str, deadline_ms: int | None) -> None:
    here.stands[0].play("rate_limit_429@1", "ok", in_order=True)
    answer, record, took = ask(here, "first", tags=tags, deadline_ms=deadline_ms)
    assert answer.status == 429
    assert answer.headers["retry-after"] == "1"
    assert took < 0.5
    assert len(record["attempts"]) == 1


def test_the_cost_ceiling_is_over_all_attempts(here: InProcess) -> None:
    """Each attempt that broke off may have cost all that it could: the third would pass the ceiling."""
    for stand in here.stands:
        stand.play("cut_body")
    answer, record, _ = ask(here, "pool", tags="cost=low")
    assert answer.status == 502
    assert outcomes(record) == [("first", "truncated"), ("second", "truncated")]
    for stand in here.stands:
        stand.play("error_500")  # a refusal costs nothing
    _, record, _ = ask(here, "pool", tags="cost=low")
    assert len(record["attempts"]) == 3


def test_too_long_a_prompt_goes_only_where_there_is_more_room(here: InProcess) -> None:
    here.stands[0].play("context_length_400")
    answer, record, _ = ask(here, "pool")
    assert answer.status == 200
    assert outcomes(record) == [("first", "context_too_long"), ("third", "ok")]


def test_a_timeout_is_not_waited_for_twice(here: InProcess) -> None:
    here.stands[0].play("silent")
    answer, record, took = ask(here, "bound", stream=True)
    assert answer.status == 504
    assert outcomes(record) == [("bound", "first_output_timeout")]
    assert took < 1.5
