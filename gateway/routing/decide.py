"""Decide: filter hard, order, explain. Deciding never acts; the same inputs give the same decision (law 14)."""

from gateway.routing.plan import CompiledRule, Place, Plan
from gateway.values.decision import Bounds, Candidate, Cause, Decision, Reason
from gateway.values.deployment import Deployment
from gateway.values.request import Facts
from gateway.values.snapshot import Health, Reading, Snapshot


class UnknownModel(Exception):
    """No model or deployment of this name is in the plan."""


def decide(  # noqa: PLR0913 - the inputs of a decision, each one named
    plan: Plan,
    facts: Facts,
    snapshot: Snapshot,
    *,
    decision_id: str,
    seed: int,
    deadline_s: float | None = None,
    max_cost_usd: float | None = None,
) -> Decision:
    """The decision for one request. `deadline_s` and `max_cost_usd` are the caller's own bounds.

    Raises UnknownModel. A decision without attempts is a refusal, and its candidates say why.
    """
    rule = _first_match(plan, facts)
    pool = rule.pools.get(facts.model)
    if pool is None:
        raise UnknownModel(facts.model)
    allowed = rule.limits.deadline_s or plan.default_deadline_s
    bounds = Bounds(
        allowed if deadline_s is None else min(deadline_s, allowed),
        rule.limits.max_attempts,
        _least(max_cost_usd, rule.limits.max_cost_usd),
    )
    candidates = _candidates(pool, facts, snapshot, bounds)
    attempts = [candidate.deployment for candidate in candidates if candidate.rank is not None]
    return Decision(
        decision_id,
        snapshot.now,
        plan.revision,
        rule.name,
        facts,
        seed,
        candidates,
        tuple(attempts[: bounds.max_attempts]),
        bounds,
    )


def _first_match(plan: Plan, facts: Facts) -> CompiledRule:
    for rule in plan.rules:
        for test in rule.tests:
            if not test(facts):
                break
        else:
            return rule
    raise AssertionError("a plan's last rule matches every request")  # pragma: no cover - check_policy sees to it


def _least(*bounds: float | None) -> float | None:
    return min((bound for bound in bounds if bound is not None), default=None)


def _candidates(pool: tuple[Place, ...], facts: Facts, snapshot: Snapshot, bounds: Bounds) -> tuple[Candidate, ...]:
    found: list[Candidate] = []
    rank = 0
    for place in pool:
        reading = snapshot.of(place.deployment.name)
        cost = predicted_cost_usd(place.deployment, facts)
        against = place.against + _against(place.deployment, facts, reading, snapshot.now, cost, bounds)
        found.append(Candidate(place.deployment.name, against, None if against else rank, reading, cost))
        rank += not against
    return tuple(found)


def _against(  # noqa: PLR0913, PLR0917 - one hard filter after the other, in the order in which they are read
    deployment: Deployment, facts: Facts, reading: Reading, now: float, cost: float | None, bounds: Bounds
) -> tuple[Reason, ...]:
    reasons: list[Reason] = []
    if not deployment.clearance.covers(facts.sensitivity):
        reasons.append(Reason(Cause.CLEARANCE, facts.sensitivity.value, deployment.clearance.value))
    if facts.needs and not facts.needs <= deployment.capabilities:
        lacking = sorted(need.value for need in facts.needs - deployment.capabilities)
        reasons.append(Reason(Cause.CAPABILITY, ", ".join(lacking), None))
    wanted = facts.max_output_tokens or 0
    if deployment.context_tokens is not None and facts.prompt_tokens + wanted > deployment.context_tokens:
        reasons.append(Reason(Cause.CONTEXT, facts.prompt_tokens + wanted, deployment.context_tokens))
    if deployment.max_output_tokens is not None and wanted > deployment.max_output_tokens:
        reasons.append(Reason(Cause.OUTPUT, wanted, deployment.max_output_tokens))
    if reading.health is Health.DOWN or (reading.health is Health.SHUT and now < (reading.shut_until or 0.0)):
        reasons.append(Reason(Cause.HEALTH, Health.ADMITTING.value, reading.health.value))
    if bounds.max_cost_usd is not None and (cost is None or cost > bounds.max_cost_usd):
        reasons.append(Reason(Cause.COST, bounds.max_cost_usd, cost))
    return tuple(reasons)


def predicted_cost_usd(deployment: Deployment, facts: Facts) -> float | None:
    """The most that an attempt can cost: all output that it may produce. None if the price or that is unknown."""
    price = deployment.price
    output = facts.max_output_tokens or deployment.max_output_tokens
    if price is None or output is None:
        return None
    tokens = facts.prompt_tokens * price.input_usd_per_mtok + output * facts.choices * price.output_usd_per_mtok
    return tokens / 1e6
