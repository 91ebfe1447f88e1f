"""Proof: what a rule says beside its refusal. Somebody may have meant to refuse only what the rest leaves over."""

from collections.abc import Iterator

from gateway.routing.document import Rule
from gateway.verify.case import Case
from gateway.verify.finding import FindingKind, PolicyFinding

_ABOUT_ANSWERS = ("require", "slo", "prefer", "limits", "fallback")


def refusals_that_say_more(case: Case) -> Iterator[PolicyFinding]:
    """`privacy: {refuse: true}` refuses all that the rule matches."""
    for one in case.rules:
        plain = Rule(name=one.rule.name)
        for section in _ABOUT_ANSWERS if one.compiled.refuse else ():
            if getattr(one.rule, section) != getattr(plain, section):
                yield one.idle(FindingKind.REFUSAL, section, "the rule refuses all that it matches")
