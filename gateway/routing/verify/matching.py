"""Proof: rules that can never match, because nothing is like that or because earlier rules take it all."""

from collections.abc import Iterator

from gateway.routing.verify.case import Case, RuleCase
from gateway.routing.verify.diagram import NONE
from gateway.routing.verify.finding import Finding, Kind, Severity


def rules_that_never_match(case: Case) -> Iterator[Finding]:
    """The last rule has to match everything, so that it may well have nothing left to do."""
    for one in case.rules:
        if one.decided != NONE:
            continue
        is_last = one.index == len(case.policy.rules) - 1
        yield Finding(
            severity=Severity.NOTE if is_last else Severity.WARNING,
            kind=Kind.NEVER_MATCHES,
            path=one.path if is_last else f"{one.path}.when",
            rule=one.rule.name,
            sentence=f"rule {one.rule.name!r} can never match: {_why(case, one)}",
        )


def _why(case: Case, one: RuleCase) -> str:
    if one.matched == NONE:
        return "no request that can be made meets its conditions"
    takers = [earlier.rule.name for earlier in case.rules[: one.index] if case.sets.meet(earlier.decided, one.matched)]
    return f"all that it would match is decided before by {' and '.join(map(repr, takers))}"
