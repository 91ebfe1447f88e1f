"""One table of hard filters: what it says holds in `decide`, before a further attempt, in `explain` and in the simulator."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.routing.compile import compile_plan
from gateway.routing.cost import most_usd
from gateway.routing.decide import decide
from gateway.routing.document import Policy, Prefer, Rule
from gateway.routing.eligibility import Eligibility
from gateway.routing.filters import Asked, Clear, clear_of_all, is_as_clear, prompt_tokens_at, reasons_against
from gateway.values.admissibility import Admissibility, Health
from gateway.values.decision import Cause, Decision
from gateway.values.deployment import Catalogue
from gateway.values.headroom import Headroom, Quota
from gateway.values.records import Attempt
from gateway.values.request import Facts
from gateway.values.sensitivity import Sensitivity
from gateway.values.snapshot import Reading, Snapshot
from tests.insight.worlds import catalogue, deployment
from tests.routing.worlds import MODELS, NOW, catalogues, facts, snapshots
from tests.support.gateway import REPOSITORY

MODEL = MODELS[0]


@given(catalogues(), facts, snapshots, st.none() | st.integers(1, 3000), st.none() | st.floats(1e-6, 0.1))
def test_a_decision_leaves_out_whom_the_table_has_a_reason_against_and_nobody_else(
    of: Catalogue, asked: Facts, world: Snapshot, longest: int | None, ceiling: float | None
) -> None:
    """What `decide` looks at before it asks the table lets nobody pass whom the table would keep out."""
    open_to_all = {name: replace(one, clearance=Sensitivity.RESTRICTED) for name, one in of.deployments.items()}
    of = replace(of, deployments=open_to_all)
    asked = replace(asked, model=MODEL, needs=frozenset(), longest_prompt_tokens=longest)
    rule = Rule(name="all", prefer=Prefer(order=list(of.models[MODEL].deployments)))
    plan = compile_plan(Policy(rules=[rule]), of, number=1, default_deadline_s=60)
    decision = decide(plan, asked, world, decision_id="d", seed=1, max_cost_usd=ceiling)
    for candidate in decision.candidates:
        one, reading = of.deployments[candidate.deployment], world.of(candidate.deployment)
        prompt = prompt_tokens_at(asked, reading)
        most = most_usd(one, asked, reading, prompt)
        if most is not None and ceiling is not None and most == pytest.approx(ceiling, rel=1e-9):
            continue
        reasons = reasons_against(Asked(one, asked, reading, NOW, prompt, most, ceiling))
        assert [reason.cause for reason in candidate.against] == [reason.cause for reason in reasons]


@given(catalogues(), facts, snapshots)
def test_a_request_that_is_clear_has_no_reason_against_it(of: Catalogue, asked: Facts, world: Snapshot) -> None:
    for name, one in of.deployments.items():
        reading = world.of(name)
        clear, prompt, wanted = (
            clear_of_all(one, reading),
            prompt_tokens_at(asked, reading),
            asked.max_output_tokens or 0,
        )
        if prompt + wanted <= clear.tokens and wanted <= clear.output_tokens and clear.since <= NOW:
            assert reasons_against(Asked(one, asked, reading, NOW, prompt, None, None)) == ()


A, B = deployment("a"), deployment("b")
POOL = catalogue(A, B)


def asking(prompt_tokens: int, **more: object) -> Facts:
    return Facts(**{
        "model": "chat", "sensitivity": Sensitivity.PUBLIC, "needs": frozenset(), "stream": False, "max_output_tokens": None,
        "prompt_tokens": prompt_tokens, **more,
    })  # fmt: skip


def decided(asked: Facts, **readings: Reading) -> Decision:
    plan = compile_plan(Policy(rules=[Rule(name="all")]), POOL, number=1, default_deadline_s=60)
    return decide(plan, asked, Snapshot(NOW, readings), decision_id="d", seed=1)


def left(tokens: float) -> Admissibility:
    return Admissibility(headroom=Headroom(tokens=Quota(tokens, NOW + 30)))


def test_several_inputs_count_together_against_a_rate_limit_and_each_alone_against_the_context() -> None:
    """A request of many short inputs used to pass a limit in tokens that all of them together exceed."""
    asked = asking(10_000, longest_prompt_tokens=10)
    found = {one.deployment: one.against for one in decided(asked, a=Reading(admissibility=left(5_000))).candidates}
    assert ([reason.cause for reason in found["a"]], found["b"]) == ([Cause.RATE_LIMIT], ())
    small = catalogue(deployment("a", context_tokens=100))
    plan = compile_plan(Policy(rules=[Rule(name="all")]), small, number=1, default_deadline_s=60)
    assert decide(plan, asked, Snapshot(NOW, {}), decision_id="d", seed=1).attempts == ("a",)


def test_tokens_that_were_sent_beyond_a_limit_close_it_until_its_reset() -> None:
    assert Reading(admissibility=left(-3.0)).closed_until() == NOW + 30
    assert clear_of_all(A, Reading(admissibility=left(7.0))) == Clear(tokens=7.0)


class Known:
    """What is known by now."""

    def __init__(self, **readings: Reading) -> None:
        self.readings = readings

    def of(self, name: str) -> Reading:
        return self.readings.get(name, Reading())


class UnderWay:
    """A request whose first attempts are over."""

    def __init__(self, decision: Decision, *attempts: Attempt) -> None:
        self.decision, self.attempts, self.tried = decision, attempts, ()


def may(decision: Decision, name: str, **readings: Reading) -> bool:
    return Eligibility(Known(**readings), POOL.deployments, UnderWay(decision)).may(name, NOW)  # type: ignore[arg-type]


def test_a_prompt_counts_before_a_further_attempt_as_it_did_in_the_decision() -> None:
    """By the deployment's own count: 600 tokens of an estimate that are 1200 there do not fit into 1000."""
    asked = asking(600)
    reading = Reading(admissibility=left(1_000), prompt_token_ratio=2.0)
    assert decided(asked, a=reading).attempts == ("b",)
    assert not may(decided(asked), "a", a=reading)
    assert may(decided(asked), "a", a=replace(reading, prompt_token_ratio=1.0))


@pytest.mark.parametrize(
    "reading",
    [
        Reading(health=Health.DOWN),
        Reading(admissibility=Admissibility(shut_until=NOW + 9)),
        Reading(admissibility=Admissibility(probes_out=True)),
        Reading(admissibility=Admissibility(wait_until=NOW + 9)),
        Reading(admissibility=Admissibility(limit=2), in_flight=2),
        Reading(admissibility=left(50)),
        Reading(admissibility=Admissibility(headroom=Headroom(requests=Quota(0, NOW + 9)))),
    ],
    ids=["down", "shut", "probing", "waiting", "limited", "tokens", "requests"],
)
def test_what_the_moment_says_holds_in_the_decision_and_before_a_further_attempt(reading: Reading) -> None:
    asked = asking(100)
    assert decided(asked, a=reading).attempts == ("b",)
    assert not may(decided(asked), "a", a=reading)


# docs/contributing.md, "a filter": followed to the letter in a copy of the house
RECIPE = [
    (
        "gateway/values/decision.py",
        '    CLEARANCE = "clearance"\n',
        '    ODD = "odd"\n',
    ),
    (
        "gateway/routing/filters.py",
        "FILTERS: tuple[Filter, ...] = (\n",
        "    Filter(frozenset({Cause.ODD}), lambda one: Reason(Cause.ODD, 'even', 1) if one.reading.in_flight % 2 else None),\n",
    ),
    (
        "gateway/routing/sentences.py",
        "_SENTENCES: dict[Cause, str] = {\n",
        '    Cause.ODD: "its requests are to be {needed}, it has {has}",\n',
    ),
    (
        "gateway/http/errors.py",
        "REFUSALS: dict[Cause, ErrorRow] = {\n",
        '    Cause.ODD: ErrorRow(503, "unavailable_error", "odd"),\n',
    ),
]
FOLLOWED = """
from gateway.http.errors import of_failure
from gateway.routing.counterfactual import with_counterfactuals
from gateway.routing.replay import replay
from gateway.routing.sentences import decision_sentences
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.records import RequestFinished
from gateway.values.snapshot import Reading, Snapshot
from tests.insight.worlds import arrivals, planned, simulated, steady
from tests.routing.test_filters import A, B, NOW, POOL, asking, decided, may

odd = Reading(in_flight=1)
decision = decided(asking(10), a=odd)
assert decision.attempts == ("b",)
shown = with_counterfactuals(decision, POOL.deployments, Snapshot(NOW, {"a": odd}))
assert "a: left out; its requests are to be even, it has 1" in " ".join(decision_sentences(shown))
assert replay(planned(POOL).plan, decision).attempts == ("b",)
none = decided(asking(10), a=odd, b=odd)
refused = of_failure(AttemptFailed(Outcome.NO_CANDIDATE, ""), none, None)
assert (none.attempts, refused.status, refused.code) == ((), 503, "odd")

even = decided(asking(10))
assert even.attempts == ("a", "b") and not may(even, "a", a=odd) and may(even, "a", a=Reading(in_flight=2))

ended = simulated(planned(POOL), POOL, {"a": steady(), "b": steady()}, arrivals([0.0, 0.01, 0.02]))
assert [one.answered_by for one in sorted(ended, key=lambda one: one.id)] == ["a", "b", None]
"""


def test_a_filter_made_by_the_recipe_keeps_a_candidate_out_wherever_it_must(tmp_path: Path) -> None:
    recipe = next(
        line
        for line in (REPOSITORY / "docs" / "contributing.md").read_text().splitlines()
        if line.startswith("| a filter ")
    )
    shutil.copytree(REPOSITORY / "gateway", tmp_path / "gateway", ignore=shutil.ignore_patterns("__pycache__"))
    for file, before, line in RECIPE:
        assert file.removeprefix("gateway/") in recipe
        source = (tmp_path / file).read_text()
        assert source.count(before) == 1
        (tmp_path / file).write_text(source.replace(before, before + line))
    done = subprocess.run(
        [sys.executable, "-c", FOLLOWED], check=False, cwd=tmp_path, capture_output=True, text=True,
        env={"PYTHONPATH": f"{tmp_path}:{REPOSITORY}", "PATH": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@given(catalogues(), snapshots, snapshots)
def test_who_is_as_clear_as_before_lets_the_same_requests_pass(of: Catalogue, before: Snapshot, now: Snapshot) -> None:
    for one in of.deployments.values():
        was, reading = before.of(one.name), now.of(one.name)
        for seen in (reading, replace(reading, admissibility=was.admissibility, health=was.health)):
            if is_as_clear(was, seen):
                assert clear_of_all(one, was) == clear_of_all(one, seen)
