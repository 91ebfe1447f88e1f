"""Proof: first choices that never pass a request on, however long their queue grows.

An own server at its `max_in_flight` is left out, so that whoever comes next is asked. Without it only a prediction that
a request would come too late passes it on, and only to those of the model's pool: a last resort stands behind the late.
"""

from collections.abc import Iterator

from gateway.routing.lateness import queue_tolerated_s
from gateway.routing.plan import Place
from gateway.values.deployment import Hosting
from gateway.verify.case import Case, RuleCase
from gateway.verify.diagram import NONE
from gateway.verify.finding import FindingKind, PolicyFinding, Severity


def first_choices_that_never_spill(case: Case) -> Iterator[PolicyFinding]:
    """Own servers whose only way on is a last resort; deadlines so long that requests fail before a queue counts."""
    for one in case.routed():
        told: set[str] = set()
        for name, rest in case.asked(one):
            if name not in case.catalogue.models:
                continue
            usable = case.usable(one, name, rest)
            pool = [place for place in usable if not place.last_resort]
            for finding in (*_to_last_resorts(case, one, name, rest, usable), *_too_patient(case, one, rest, pool)):
                if finding.sentence not in told:
                    told.add(finding.sentence)
                    yield finding


def _to_last_resorts(case: Case, one: RuleCase, name: str, rest: int, usable: list[Place]) -> Iterator[PolicyFinding]:
    if one.rule.fallback.also_on:  # then it is there for what the others refuse
        return
    ceiling = one.compiled.bounds.max_cost_usd
    pool = [place for place in usable if not place.last_resort]
    for first in filter(_waits, pool):
        admitted = case.sets.both(rest, case.admission.of_place(first, ceiling))
        others = [place for place in pool if place is not first]
        if case.sets.meet(admitted, case.admission.of_pool(others, ceiling)):
            continue
        last = [
            place.name
            for place in usable
            if place.last_resort and case.sets.meet(admitted, case.admission.of_place(place, ceiling))
        ]
        if last:
            sentence = (
                f"{first.name!r} can never spill over to {last[0]!r}: a last resort is asked when the others have failed, "
                f"not when they are late; to spill over it has to be in the pool of {name!r}"
            )
            yield one.finding(FindingKind.FALLBACK, "fallback.to", sentence, Severity.NOTE)


def _too_patient(case: Case, one: RuleCase, rest: int, pool: list[Place]) -> Iterator[PolicyFinding]:
    """With an objective the proof of objectives says the same."""
    slo, tolerated_s = one.compiled.slo, queue_tolerated_s(one.compiled.bounds)
    promises = slo is not None and (slo.first_output is not None or slo.total is not None)
    streams = case.sets.both(rest, case.universe.where("stream", bool))
    if promises or len(pool) < 2 or streams == NONE:
        return
    for first in filter(_waits, pool):
        own_s, limit_s = first.deployment.timeouts.first_output_s, one.compiled.bounds.first_output_s
        given_up_s = own_s if limit_s is None else min(own_s, limit_s)
        if tolerated_s >= given_up_s:
            sentence = (
                f"no stream spills over from {first.name!r}: it is given up there after {given_up_s:g} s, and with a deadline "
                f"of {one.compiled.bounds.deadline_s:g} s only a queue of more than {tolerated_s:g} s counts as too long"
            )
            yield one.finding(FindingKind.LIMIT, "limits.deadline_s", sentence, Severity.WARNING)


def _waits(place: Place) -> bool:
    """Whether requests may pile up there without bound."""
    return place.deployment.hosting is Hosting.SELF_HOSTED and place.deployment.max_in_flight is None
