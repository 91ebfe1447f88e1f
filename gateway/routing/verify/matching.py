"""Proof: rules that can never match, because nothing is like that or because earlier rules take it all."""

import itertools
from collections.abc import Iterator

from gateway.routing.verify.case import Case, RuleCase
from gateway.routing.verify.diagram import NONE
from gateway.routing.verify.finding import Finding, Kind, Severity

_MOST_TOLD = 3  # rules in a sentence


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
    if not case.matches_something(one):
        return "no request that can be made meets its conditions"
    takers = [repr(earlier.rule.name) for earlier in itertools.islice(case.takers(one), _MOST_TOLD + 1)]
    told = [*takers[:_MOST_TOLD], *(["others"] if len(takers) > _MOST_TOLD else [])]
    return f"all that it would match is decided before, by {' and '.join(told)}"
