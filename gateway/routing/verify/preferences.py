"""Proof: names in a rule's preferences and requirements that can have no effect."""

from collections.abc import Iterator

from gateway.routing.verify.case import Case, RuleCase
from gateway.routing.verify.finding import Finding, Kind, Severity


def preferences_without_effect(case: Case) -> Iterator[Finding]:
    """Weights, orders and named deployments that no request of the rule can meet; splits by what nobody has."""
    for one in case.routed():
        usable = case.usable_names(one)
        if not usable:
            continue  # told already: it refuses everything
        prefer = one.rule.prefer
        named = [
            *((f"prefer.order[{index}]", name) for index, name in enumerate(prefer.order or ())),
            *((f"prefer.weights.{name}", name) for name, weight in (prefer.weights or {}).items() if weight),
            *((f"require.deployments[{index}]", name) for index, name in enumerate(one.rule.require.deployments or ())),
        ]
        for where, name in named:
            if name not in usable:
                yield _finding(one, where, f"{name!r} can answer no request of this rule, so naming it has no effect")
        if (
            prefer.weights is not None
            and prefer.split_by in ("key", "team")
            and not _has_any(case, one, prefer.split_by)
        ):
            sentence = f"no caller has a {prefer.split_by}, so every request is split by itself"
            yield _finding(one, "prefer.split_by", sentence)


def _finding(one: RuleCase, where: str, sentence: str) -> Finding:
    return Finding(
        severity=Severity.WARNING,
        kind=Kind.PREFERENCE,
        path=f"{one.path}.{where}",
        rule=one.rule.name,
        sentence=f"rule {one.rule.name!r}: {sentence}",
    )


def _has_any(case: Case, one: RuleCase, member: str) -> bool:
    return case.sets.meet(
        one.decided, case.universe.where("caller", lambda caller: getattr(caller, member) is not None)
    )
