"""Proof: names in a rule's preferences and requirements that can have no effect."""

from collections.abc import Iterator

from gateway.routing.document import Prefer
from gateway.values.deployment import Deployment
from gateway.verify.case import Case, RuleCase
from gateway.verify.finding import FindingKind, PolicyFinding, Severity


def preferences_without_effect(case: Case) -> Iterator[PolicyFinding]:
    """Weights, orders and named deployments that no request of the rule can meet; splits by what nobody has; objectives
    over what nobody can know.
    """
    for one in case.routed():
        usable = case.usable_deployments(one)
        if usable:  # else it is told already: it refuses everything
            yield from _names(one, {deployment.name for deployment in usable})
            yield from _without_what_they_belong_to(case, one)
            yield from _objective(one, usable)


def _names(one: RuleCase, usable: set[str]) -> Iterator[PolicyFinding]:
    prefer = one.rule.prefer
    named = [
        *((f"prefer.order[{index}]", name) for index, name in enumerate(prefer.order or ())),
        *((f"prefer.weights.{name}", name) for name, weight in (prefer.weights or {}).items() if weight),
        *((f"require.deployments[{index}]", name) for index, name in enumerate(one.rule.require.deployments or ())),
    ]
    for where, name in named:
        if name not in usable:
            sentence = f"{name!r} can answer no request of this rule, so naming it has no effect"
            yield one.finding(FindingKind.PREFERENCE, where, sentence)


def _without_what_they_belong_to(case: Case, one: RuleCase) -> Iterator[PolicyFinding]:
    prefer = one.rule.prefer
    by = prefer.split_by
    if by != "request" and prefer.weights is None:
        yield one.idle(FindingKind.PREFERENCE, "prefer.split_by", "it splits by weights, and there are none")
    elif by in ("key", "team") and not _has_any(case, one, by):
        yield one.finding(
            FindingKind.PREFERENCE, "prefer.split_by", f"no caller has a {by}, so every request is split by itself"
        )
    if prefer.explore not in (0, Prefer().explore) and prefer.objective is None:
        yield one.idle(FindingKind.PREFERENCE, "prefer.explore", "it is of objectives, and there is none")


def _objective(one: RuleCase, usable: list[Deployment]) -> Iterator[PolicyFinding]:
    """Latency and load are learned. A price and a quality are there or not, and without either there is no score."""
    mix = one.compiled.preference.mix
    by_cost, _, by_quality, _ = mix or (0.0, 0.0, 0.0, 0.0)
    lacking = {
        "price": {its.name for its in usable if by_cost and not its.has_price},
        "quality": {its.name for its in usable if by_quality and its.quality is None},
    }
    without = {name: part for part, names in lacking.items() for name in names}
    if len(without) == len(usable):
        said = " or ".join(f"a {part}" for part, names in lacking.items() if names)
        chance = f"no deployment that can answer has {said}, so nobody has a score and chance decides"
        yield one.finding(FindingKind.PREFERENCE, "prefer.objective", chance)
        return
    for name, part in sorted(without.items()):
        said = f"{name!r} has no {part}, so it is never the best by the objective"
        yield one.finding(FindingKind.PREFERENCE, "prefer.objective", said, Severity.NOTE)


def _has_any(case: Case, one: RuleCase, member: str) -> bool:
    return case.sets.meet(
        one.decided, case.universe.where("caller", lambda caller: getattr(caller, member) is not None)
    )
