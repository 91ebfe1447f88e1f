"""Properties of every decision, over random policies, catalogues, requests and snapshots (laws 1, 5, 13, 14)."""

import os

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.routing.compile import check_policy, compile_plan
from gateway.routing.decide import UnknownModel, decide, predicted_cost_usd
from gateway.routing.document import Policy
from gateway.routing.plan import Plan
from gateway.routing.sentences import decision_sentences
from gateway.values.decision import Cause, Decision
from gateway.values.deployment import Catalogue
from gateway.values.request import Facts
from gateway.values.snapshot import Health, Snapshot
from tests.routing.worlds import MODELS, catalogues, facts, policies, snapshots

CASES = int(os.environ.get("ROUTING_CASES", "2000"))
many = settings(max_examples=CASES, deadline=None)
ids = st.text("0123456789abcdef", min_size=4, max_size=8)


def plan_of(policy: Policy, catalogue: Catalogue) -> Plan:
    return compile_plan(policy, catalogue, number=1, default_deadline_s=60)


def decided(plan: Plan, asked: Facts, world: Snapshot, *, ceiling: float | None = None) -> Decision:
    return decide(plan, asked, world, decision_id="d", seed=1, max_cost_usd=ceiling)


@many
@given(policies(), catalogues(), facts, snapshots, st.none() | st.floats(1e-6, 0.1))
def test_no_attempt_breaks_what_is_hard(
    policy: Policy, catalogue: Catalogue, asked: Facts, world: Snapshot, ceiling: float | None
) -> None:
    decision = decided(plan_of(policy, catalogue), asked, world, ceiling=ceiling)
    rule = next(rule for rule in policy.rules if rule.name == decision.rule)
    pool = catalogue.models[asked.model].deployments if asked.model in MODELS else (asked.model,)
    assert {candidate.deployment for candidate in decision.candidates} == set(pool)
    assert len(decision.attempts) <= rule.limits.max_attempts
    for name in decision.attempts:
        deployment, reading = catalogue.deployments[name], world.of(name)
        assert deployment.clearance.covers(asked.sensitivity)
        assert asked.needs <= deployment.capabilities
        assert rule.require.hosting in (None, deployment.hosting)
        assert rule.require.region is None or deployment.region in rule.require.region
        assert rule.require.clearance is None or deployment.clearance.covers(rule.require.clearance)
        assert set(rule.require.capabilities or ()) <= deployment.capabilities
        assert rule.require.deployments is None or name in rule.require.deployments
        assert reading.health is not Health.DOWN
        bounds = [bound for bound in (ceiling, rule.limits.max_cost_usd) if bound is not None]
        cost = predicted_cost_usd(deployment, asked)
        assert not bounds or (cost is not None and cost <= min(bounds))
        if deployment.context_tokens is not None:
            assert asked.prompt_tokens + (asked.max_output_tokens or 0) <= deployment.context_tokens


@many
@given(policies(), catalogues(), facts, snapshots)
def test_every_candidate_is_eligible_or_says_why_not(
    policy: Policy, catalogue: Catalogue, asked: Facts, world: Snapshot
) -> None:
    decision = decided(plan_of(policy, catalogue), asked, world)
    ranks = [candidate.rank for candidate in decision.candidates if candidate.rank is not None]
    assert ranks == list(range(len(ranks)))
    assert all(bool(candidate.against) is (candidate.rank is None) for candidate in decision.candidates)
    lines = decision_sentences(decision)
    assert len(lines) == len(decision.candidates) + 3


@many
@given(policies(), catalogues(), facts, snapshots)
def test_it_is_deterministic_and_replays_from_its_record(
    policy: Policy, catalogue: Catalogue, asked: Facts, world: Snapshot
) -> None:
    plan = plan_of(policy, catalogue)
    first = decided(plan, asked, world)
    again = decided(plan_of(policy, catalogue), asked, world)
    assert first == again
    recorded = msgspec.json.decode(msgspec.json.encode(first), type=Decision)
    assert recorded == first
    seen = Snapshot(recorded.at, {candidate.deployment: candidate.reading for candidate in recorded.candidates})
    assert decide(plan, recorded.facts, seen, decision_id=recorded.id, seed=recorded.seed) == first


@given(policies(), catalogues(), facts, snapshots)
def test_a_lack_of_readings_never_excludes(policy: Policy, catalogue: Catalogue, asked: Facts, world: Snapshot) -> None:
    """Law 13: what is known may shut a deployment, what is not known may not."""
    plan = plan_of(policy, catalogue)
    blind = decided(plan, asked, Snapshot(world.now, {}))
    assert not any(reason.cause is Cause.HEALTH for candidate in blind.candidates for reason in candidate.against)


@given(policies(), catalogues(), facts, snapshots)
def test_the_first_rule_that_matches_decides(
    policy: Policy, catalogue: Catalogue, asked: Facts, world: Snapshot
) -> None:
    decision = decided(plan_of(policy, catalogue), asked, world)
    rule = next(rule for rule in policy.rules if rule.name == decision.rule)
    when = rule.when
    assert when.model is None or asked.model in when.model
    assert when.stream is None or asked.stream is when.stream
    assert when.sensitivity is None or asked.sensitivity in when.sensitivity
    assert when.tags is None or when.tags.items() <= asked.tags.items()
    assert when.needs is None or set(when.needs) <= asked.needs
    assert when.min_prompt_tokens is None or asked.prompt_tokens >= when.min_prompt_tokens


@given(policies(), catalogues())
def test_a_generated_policy_has_nothing_to_be_said_against_and_a_stable_hash(
    policy: Policy, catalogue: Catalogue
) -> None:
    found: list[str] = []
    check_policy(policy, catalogue, lambda path, *_: found.append(path))
    assert found == []
    assert plan_of(policy, catalogue).revision == plan_of(policy, catalogue).revision


@given(catalogues(), facts)
def test_an_unknown_model_is_told_apart_from_a_refusal(catalogue: Catalogue, asked: Facts) -> None:
    plan = plan_of(_everything(), catalogue)
    with pytest.raises(UnknownModel):
        decided(plan, msgspec.structs.replace(asked, model="nobody"), Snapshot(0.0, {}))


def _everything() -> Policy:
    return msgspec.convert({"rules": [{"name": "all"}]}, Policy)
