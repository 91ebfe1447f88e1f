"""Verify: what is valid and yet unwise. Proved or refuted over all requests that can be made, not over samples.

A file for each kind of proof. To add one: its function here in `_PROOFS`, and its row in docs/checking-policies.md.
"""

from collections.abc import Callable, Collection, Iterator

from gateway.routing.document import Policy
from gateway.routing.plan import Plan
from gateway.values.caller import Caller
from gateway.values.deployment import Catalogue
from gateway.values.skill import Skills
from gateway.verify.case import Case
from gateway.verify.detecting import detection_by_default
from gateway.verify.diagram import TooLarge
from gateway.verify.edges import unsafe_edges
from gateway.verify.fallbacks import fallbacks_that_never_help
from gateway.verify.finding import Example, FindingKind, PolicyFinding, Report, Severity
from gateway.verify.limits import limits_without_effect
from gateway.verify.matching import rules_that_never_match
from gateway.verify.names import names_that_never_come
from gateway.verify.objectives import objectives_without_effect
from gateway.verify.preferences import preferences_without_effect
from gateway.verify.reach import deployments_nothing_can_reach, models_with_one_failure_domain
from gateway.verify.refusals import requests_nobody_can_answer, requests_without_a_candidate
from gateway.verify.refusing import refusals_that_say_more
from gateway.verify.spilling import first_choices_that_never_spill
from gateway.verify.universe import Universe

__all__ = ["Example", "FindingKind", "PolicyFinding", "Report", "Severity", "verify"]

WORK = 2_000_000  # branches of diagrams that each step may look at: seconds
Proof = Callable[[Case], Iterator[PolicyFinding]]
_PROOFS: dict[str, Proof] = {
    "unsafe edges": unsafe_edges,
    "names that never come": names_that_never_come,
    "rules that never match": rules_that_never_match,
    "requests nobody can answer": requests_nobody_can_answer,
    "requests without a candidate": requests_without_a_candidate,
    "fallbacks that never help": fallbacks_that_never_help,
    "first choices that never spill": first_choices_that_never_spill,
    "preferences without effect": preferences_without_effect,
    "objectives without effect": objectives_without_effect,
    "limits without effect": limits_without_effect,
    "refusals that say more": refusals_that_say_more,
    "deployments nothing can reach": deployments_nothing_can_reach,
    "models with one failure domain": models_with_one_failure_domain,
    "detection by default": detection_by_default,
}
_ORDER = list(Severity)


def verify(  # noqa: PLR0913 - what a policy is held against
    policy: Policy,
    catalogue: Catalogue,
    callers: Collection[Caller],
    plan: Plan,
    skills: Skills,
    *,
    now: float,
    work: int = WORK,
) -> Report:
    """All findings about a policy that is valid, and its plan. `callers` are those of the keys; none: no key is needed.
    `skills` are the providers'.

    `now` is seconds since the epoch; windows of time are looked at for a year from then. `work` bounds each step; what
    was not finished is said, and `complete` is false.
    """
    try:
        universe = Universe(plan, catalogue, callers, now, work)
    except TooLarge:
        return Report((_not_proved("anything: it tells requests apart by too much"),), complete=False)
    universe.sets.allow(work)
    case = Case(policy, catalogue, callers, plan, skills, universe)
    found: list[PolicyFinding] = []
    if not case.is_whole:
        found.append(_not_proved(f"what comes to {policy.rules[len(case.rules)].name!r} and the rules after it"))
    for name, proof in _PROOFS.items():
        universe.sets.allow(work)
        try:
            found += proof(case)
        except TooLarge:
            found.append(_not_proved(name))
    found.sort(key=lambda one: _ORDER.index(one.severity))
    return Report(tuple(found), all(one.kind is not FindingKind.NOT_PROVED for one in found))


def _not_proved(what: str) -> PolicyFinding:
    return PolicyFinding(
        severity=Severity.NOTE,
        kind=FindingKind.NOT_PROVED,
        path="rules",
        sentence=f"the policy's space is too large to work out {what}",
    )
