"""Proof: rules that can never match, because nothing is like that or because earlier rules take it all; and alternatives
of a rule that nothing meets.
"""

import itertools
from collections.abc import Iterator

from msgspec.structs import replace

from gateway.verify.case import Case, RuleCase
from gateway.verify.diagram import NONE
from gateway.verify.finding import FindingKind, PolicyFinding, Severity

_MOST_TOLD = 3  # rules in a sentence


def rules_that_never_match(case: Case) -> Iterator[PolicyFinding]:
    """The last rule has to match everything, so that it may well have nothing left to do."""
    for one in case.rules:
        if one.decided != NONE:
            yield from _alternatives(case, one)
            continue
        is_last = one.index == len(case.policy.rules) - 1
        yield PolicyFinding(
            severity=Severity.NOTE if is_last else Severity.WARNING,
            kind=FindingKind.NEVER_MATCHES,
            path=one.path if is_last else f"{one.path}.when",
            rule=one.rule.name,
            sentence=f"rule {one.rule.name!r} can never match: {_why(case, one)}",
        )


def _alternatives(case: Case, one: RuleCase) -> Iterator[PolicyFinding]:
    """Each of `when.any`, with all else that the rule asks for; what earlier rules take does not count here."""
    when = one.rule.when
    for index, alternative in enumerate(when.any or ()):
        if not case.can_come(replace(when, any=[alternative])):
            yield one.finding(
                FindingKind.NEVER_MATCHES, f"when.any[{index}]", "no request that can be made meets this alternative"
            )


def _why(case: Case, one: RuleCase) -> str:
    if not case.can_come(one.rule.when):
        return "no request that can be made meets its conditions"
    takers = [repr(earlier.rule.name) for earlier in itertools.islice(case.takers(one), _MOST_TOLD + 1)]
    told = [*takers[:_MOST_TOLD], *(["others"] if len(takers) > _MOST_TOLD else [])]
    return f"every request that it would match is decided earlier, by {' and '.join(told)}"
