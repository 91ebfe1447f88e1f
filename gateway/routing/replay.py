"""Replay: a decision made again from its own record, and so the address of each of its attempts (law 14)."""

from collections.abc import Iterator, Sequence

from gateway.routing.address import chosen_again
from gateway.routing.decide import decide
from gateway.routing.plan import Plan
from gateway.values.decision import Decision
from gateway.values.records import Attempt
from gateway.values.snapshot import Snapshot


def snapshot_of(decision: Decision) -> Snapshot:
    """The world as far as this decision read it."""
    readings = {one.deployment: one.reading for one in decision.candidates if one.reading is not None}
    judged = {one.deployment: one.slo for one in decision.candidates if one.slo is not None}
    return Snapshot(decision.at, readings, {decision.rule: judged})


def replay(plan: Plan, decision: Decision, snapshot: Snapshot | None = None) -> Decision:
    """The decision that this plan makes of the same request in the same world (by default: what is on record of it).

    With the plan of the decision's own revision it is the same decision. Raises UnknownModel.
    """
    return decide(
        plan,
        decision.facts,
        snapshot_of(decision) if snapshot is None else snapshot,
        decision_id=decision.id,
        seed=decision.seed,
        deadline_s=decision.bounds.deadline_s,
        max_cost_usd=decision.bounds.max_cost_usd,
    )


def addresses_again(plan: Plan, decision: Decision, attempts: Sequence[Attempt]) -> Iterator[int | None]:
    """For each attempt the address that it goes to by this plan; as it is where there was nothing to choose."""
    pool = plan.by_name[decision.rule].pools[decision.facts.model]
    deployments = {place.name: place.deployment for place in pool}
    for attempt in attempts:
        if attempt.seen is not None:
            yield chosen_again(decision, deployments[attempt.deployment], attempt.seen)
        elif decision.address is not None and attempt.deployment == decision.attempts[0]:
            yield decision.address
        else:
            yield attempt.address
