"""Properties of every decision, over random policies, catalogues, requests and snapshots (laws 1, 5, 13, 14)."""

import os
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.routing.check import check_policy
from gateway.routing.compile import compile_plan
from gateway.routing.cost import expected_usd, most_usd
from gateway.routing.decide import UnknownModel, decide
from gateway.routing.document import Policy, Rule, When
from gateway.routing.plan import Plan
from gateway.routing.replay import replay
from gateway.routing.sentences import decision_sentences
from gateway.routing.space import is_open
from gateway.values.decision import Cause, Decision
from gateway.values.deployment import Catalogue
from gateway.values.request import Facts
from gateway.values.snapshot import Snapshot
from tests.routing.worlds import MODELS, NOW, catalogues, facts, policies, snapshots

CASES = int(os.environ.get("ROUTING_CASES", "2000"))  # make test-long: five times as many
ids = st.text("0123456789abcdef", min_size=4, max_size=8)


def plan_of(policy: Policy, catalogue: Catalogue) -> Plan:
    return compile_plan(policy, catalogue, number=1, default_deadline_s=60)


def decided(plan: Plan, asked: Facts, world: Snapshot, *, ceiling: float | None = None) -> Decision:
    return decide(plan, asked, world, decision_id="d", seed=1, max_cost_usd=ceiling)


LEVELS = ("public", "internal", "confidential", "restricted")  # said here: what is tested is no judge of itself
REQUESTS = 4  # of each random policy and catalogue
requests = st.lists(st.tuples(facts, snapshots, st.none() | st.floats(1e-6, 0.1)), min_size=REQUESTS, max_size=REQUESTS)


@settings(max_examples=CASES // REQUESTS, deadline=None)
@given(policies(), catalogues(), requests)
def test_every_decision(
    policy: Policy, catalogue: Catalogue, asked: list[tuple[Facts, Snapshot, float | None]]
) -> None:
    plan, same = plan_of(policy, catalogue), plan_of(policy, catalogue)
    for request, world, ceiling in asked:
        decision = decided(plan, request, world, ceiling=ceiling)
        breaks_nothing_hard(policy, catalogue, request, world, ceiling, decision)
        says_why(decision)
        assert decided(same, request, world, ceiling=ceiling) == decision
        recorded = msgspec.json.decode(msgspec.json.encode(decision), type=Decision)
        assert recorded == decision
        assert replay(same, recorded) == decision


def breaks_nothing_hard(
    policy: Policy, catalogue: Catalogue, asked: Facts, world: Snapshot, ceiling: float | None, decision: Decision
) -> None:
    rule = next(rule for rule in policy.rules if rule.name == decision.rule)
    if rule.privacy.refuse:
        assert (decision.refused, decision.attempts, decision.candidates) == (True, (), ())
        return
    assert {candidate.deployment for candidate in decision.candidates} == pool_of(rule, asked.model, catalogue)
    assert len({candidate.deployment for candidate in decision.candidates}) == len(decision.candidates)
    assert len(decision.attempts) <= rule.limits.max_attempts
    bounds = [bound for bound in (ceiling, rule.limits.max_cost_usd) if bound is not None]
    for candidate in decision.candidates:
        if candidate.rank is None:
            continue  # those with a rank are all the edges that the flow can take
        deployment, reading = catalogue.deployments[candidate.deployment], world.of(candidate.deployment)
        assert LEVELS.index(deployment.clearance.value) >= LEVELS.index(asked.sensitivity.value)
        assert asked.needs <= deployment.capabilities
        assert candidate.deployment in within_reach(asked, catalogue)
        assert rule.require.hosting in (None, deployment.hosting)
        assert rule.require.region is None or deployment.region in rule.require.region
        least = LEVELS[0] if rule.require.clearance is None else rule.require.clearance.value
        assert LEVELS.index(deployment.clearance.value) >= LEVELS.index(least)
        assert set(rule.require.capabilities or ()) <= deployment.capabilities
        assert rule.require.deployments is None or candidate.deployment in rule.require.deployments
        assert deployment.has_price or not rule.require.known_price
        tokens = asked.prompt_tokens * (1 if asked.exact_tokens else reading.prompt_token_ratio or 1)
        assert reading.rejection(tokens + (asked.max_output_tokens or 0), world.now) is None
        most = most_usd(deployment, asked, reading, tokens)
        assert candidate.most_usd == (most and pytest.approx(most))
        expected = expected_usd(deployment, asked, reading, tokens)
        assert candidate.expected_usd == (expected and pytest.approx(expected))
        assert not bounds or (most is not None and most <= min(bounds) * (1 + 1e-12))
        if deployment.context_tokens is not None:
            assert tokens + (asked.max_output_tokens or 0) <= deployment.context_tokens


def pool_of(rule: Rule, model: str, catalogue: Catalogue) -> set[str]:
    names = [model, *rule.fallback.to]
    return {one for name in names for one in (catalogue.models[name].deployments if name in MODELS else (name,))}


def within_reach(asked: Facts, catalogue: Catalogue) -> set[str]:
    """What the key may ask for, whatever it asked for now."""
    names = {*catalogue.models, *catalogue.deployments} if asked.scope is None else {asked.model, *asked.scope}
    return {one for name in names for one in (catalogue.models[name].deployments if name in MODELS else (name,))}


def says_why(decision: Decision) -> None:
    ranks = [candidate.rank for candidate in decision.candidates if candidate.rank is not None]
    assert ranks == list(range(len(ranks)))
    assert all(bool(candidate.against) is (candidate.rank is None) for candidate in decision.candidates)
    lines = decision_sentences(decision)
    if not decision.refused:
        assert len(lines) == len(decision.candidates) + 3 + (decision.slo is not None)


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
    assert holds(rule.when, asked)
    for earlier in policy.rules[: policy.rules.index(rule)]:
        assert not holds(earlier.when, asked)


def holds(when: When, asked: Facts) -> bool:
    """The conditions by the words of their descriptions, field by field."""
    for name in ("model", "key", "team", "sensitivity"):
        if (wanted := getattr(when, name)) is not None and getattr(asked, name) not in wanted:
            return False
    for tag, values in (when.tags or {}).items():
        if asked.tags.get(tag) not in ([values] if isinstance(values, str) else values):
            return False
    if when.found is not None and not set(when.found) & set(asked.found):
        return False
    if not set(when.needs or ()) <= asked.needs or when.stream not in (None, asked.stream):
        return False
    if when.session not in (None, asked.session is not None):
        return False
    for name, amount in (("prompt", asked.prompt_tokens), ("output", asked.max_output_tokens)):
        least, most = getattr(when, f"min_{name}_tokens"), getattr(when, f"max_{name}_tokens")
        if (least is not None or most is not None) and amount is None:
            return False
        if (least is not None and amount < least) or (most is not None and amount > most):
            return False
    if when.time is not None and not is_open(when.time, datetime.fromtimestamp(NOW, UTC)):
        return False
    if not all(holds(one, asked) for one in when.all or ()):
        return False
    if when.any is not None and not any(holds(one, asked) for one in when.any):
        return False
    return when.not_ is None or not holds(when.not_, asked)


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
