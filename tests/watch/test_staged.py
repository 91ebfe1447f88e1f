"""A staged revision: its share of the traffic, its end by an operator, and its end by itself when it hurts. On virtual time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from gateway.journal.journal import newest
from tests.support.fleet import Stand
from tests.support.gateway import deployment
from tests.support.in_process import InProcess, in_front_of
from tests.support.load import load
from tests.support.operator import Operator

PLACES = ("old", "new")


def only(name: str, more: str = "") -> str:
    return f"rules:\n- name: only\n  require: {{deployments: [{name}]}}\n{more}"


def configuration(stands: list[Stand]) -> dict[str, Any]:
    deployments = {name: deployment(stand.base_url, "m") for name, stand in zip(PLACES, stands, strict=True)}
    return {"deployments": deployments, "models": {"all": {"deployments": list(PLACES)}}, "policy": "policy.yaml"}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[InProcess]:
    (tmp_path / "policy.yaml").write_text(only("old"))
    with in_front_of(len(PLACES), tmp_path, configuration, play="ok") as running:
        yield running


def asked(here: InProcess, count: int, per_s: float = 150, sessions: int = 0) -> list[httpx.Response]:
    body = {"model": "all", "messages": [{"role": "user", "content": "hi"}]}

    def numbered(number: int) -> dict[str, Any]:
        return {**body, **({"session": f"s{number % sessions}"} if sessions else {})}

    return here.virtual.run(load(here.gateway.async_client(), per_s, count / per_s, numbered))


def shares(answers: list[httpx.Response]) -> dict[str, int]:
    by = [answer.headers["x-gateway-deployment"] for answer in answers]
    return {name: by.count(name) for name in PLACES}


def test_it_takes_its_share_session_by_session_and_its_answers_name_it(here: InProcess) -> None:
    operator = Operator(here.gateway)
    current, staged = operator.ready()["policy"], operator.published(only("new"), share=0.3)
    assert operator.ready()["staged_policy"] == {"policy": staged, "share": 0.3}
    assert operator.metric("gateway_policy_staged_share") == 0.3
    answers = asked(here, 300, sessions=60)
    assert {(one.headers["x-gateway-policy"], one.headers["x-gateway-deployment"]) for one in answers} == {
        (current, "old"), (staged, "new"),
    }  # fmt: skip
    for session in range(60):
        assert len({one.headers["x-gateway-policy"] for one in answers[session::60]}) == 1
    assert 30 < shares(answers)["new"] < 160
    arms = operator.policy()["arms"]
    assert [arm["requests"] for arm in arms] == [shares(answers)["old"], shares(answers)["new"]]
    assert operator.metric('gateway_policy_trial_requests{arm="staged"}') == shares(answers)["new"]


def test_promoted_it_decides_about_all_and_withdrawn_about_none(here: InProcess) -> None:
    operator = Operator(here.gateway)
    staged = operator.published(only("new"), share=0.5)
    for other in ("9-x", f"{staged[:2]}0"):
        assert operator.client.post("/admin/policy/promote", headers={"if-match": other}).status_code == 412
    answer = operator.client.post("/admin/policy/promote", headers={"if-match": f'"{staged}"'})
    assert answer.json()["record"]["revision"]["name"] == staged
    assert shares(asked(here, 20)) == {"old": 0, "new": 20}
    operator.published(only("old"), share=0.5)
    assert operator.post("withdraw").json()["record"]["revision"]["withdrawal"] == "operator"
    assert shares(asked(here, 20)) == {"old": 0, "new": 20}
    operator.published(only("old"), share=0.5)
    operator.published(only("old", "- name: rest\n"))
    assert operator.states() == [
        (5, "in_force"), (4, "withdrawn"), (3, "withdrawn"), (2, "replaced"), (1, "replaced"),
    ]  # fmt: skip
    assert operator.revisions()[1]["withdrawal"] == "replaced"
    assert operator.post("rollback").json()["record"]["revision"]["again_of"] == 2
    assert shares(asked(here, 20)) == {"old": 0, "new": 20}


def test_it_is_on_trial_again_after_a_restart(here: InProcess) -> None:
    staged = Operator(here.gateway).published(only("new"), share=0.5)
    here.gateway.stop()
    here.gateway.start()
    assert Operator(here.gateway).ready()["staged_policy"] == {"policy": staged, "share": 0.5}
    assert {one.headers["x-gateway-policy"] for one in asked(here, 40)} > {staged}


def test_what_hurts_is_withdrawn_by_itself_and_everything_says_so(
    here: InProcess, caplog: pytest.LogCaptureFixture
) -> None:
    operator = Operator(here.gateway)
    current, staged = operator.ready()["policy"], operator.published(only("new"), share=0.3)
    here.stands[1].play("error_500")
    answers = asked(here, 300)
    failed = [one for one in answers if one.status_code != 200]
    assert {one.headers["x-gateway-policy"] for one in failed} == {staged}
    assert 0 < len(failed) < 60
    assert all(one.status_code == 200 for one in answers[200:])
    assert shares(answers[200:]) == {"old": 100, "new": 0}
    ready = operator.ready()
    assert (ready["ready"], ready["policy"], ready["staged_policy"]) == (True, current, None)
    assert ready["withdrawn_policy"] == {"policy": staged, "reason": "errors"}
    assert operator.metric('gateway_policy_withdrawals_total{reason="errors"}') == 1
    assert operator.metric("gateway_policy_staged_share") == 0
    revision = operator.revisions()[0]
    assert (revision["name"], revision["state"], revision["withdrawal"]) == (staged, "withdrawn", "errors")
    assert revision["ended"]["via"] == "automatic"
    assert "requests failed" in revision["reason"]
    assert operator.policy()["withdrawn"]["name"] == staged
    assert f"revision {staged} was withdrawn by the gateway itself" in caplog.text
    here.gateway.stop()
    revisions = [one.record for one in newest(here.gateway.state / "journal.db", 1000)]
    assert sum(staged.encode() in bytes(one) for one in revisions) == len(
        [one for one in answers if one.headers["x-gateway-policy"] == staged]
    )
    here.gateway.start()
    assert Operator(here.gateway).revisions()[0]["withdrawal"] == "errors"


def test_what_is_late_is_withdrawn_for_the_objective(here: InProcess) -> None:
    """The staged document promises nothing; it is held against what the one in force promises."""
    operator = Operator(here.gateway)
    promise = "  slo: {total: {under_s: 0.2}}\n"
    operator.published(only("old", promise))
    staged = operator.published(only("new"), share=0.3)
    here.stands[1].play("slow@400")
    answers = asked(here, 200, per_s=60)
    assert {one.status_code for one in answers} == {200}
    assert operator.ready()["withdrawn_policy"] == {"policy": staged, "reason": "slo"}
