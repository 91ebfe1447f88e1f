"""Proof: limits, hedges and counts that can have no effect."""

from collections.abc import Iterator

from gateway.values.skill import Skill
from gateway.verify.case import Case, RuleCase
from gateway.verify.finding import FindingKind, PolicyFinding, Severity


def limits_without_effect(case: Case) -> Iterator[PolicyFinding]:
    """What nothing can pass, or what something shorter always comes before."""
    for one in case.routed():
        if case.usable_names(one):
            if case.sets.meet(one.decided, case.universe.where("stream", bool)):
                yield from _of_streams(case, one)
            else:
                yield from _without_streams(one)
            yield from _hedge(case, one)
            yield from _count(case, one)


def _without_streams(one: RuleCase) -> Iterator[PolicyFinding]:
    bounds = one.compiled.bounds
    of_streams = {
        "limits.first_output_s": bounds.first_output_s,
        "limits.idle_s": bounds.idle_s,
        "limits.min_output_tokens_per_s": bounds.min_output_tokens_per_s,
    }
    for where in (name for name, limit in of_streams.items() if limit is not None):
        yield one.idle(FindingKind.LIMIT, where, "it applies to streams only, and this rule decides none")


def _of_streams(case: Case, one: RuleCase) -> Iterator[PolicyFinding]:
    bounds = one.compiled.bounds
    timeouts = [deployment.timeouts for deployment in case.usable_deployments(one)]
    given = (
        ("first_output_s", bounds.first_output_s, max(its.first_output_s for its in timeouts)),
        ("idle_s", bounds.idle_s, max(its.idle_s for its in timeouts)),
    )
    for name, seconds, own in given:
        if seconds is None:
            continue
        if seconds >= bounds.deadline_s:
            yield one.idle(
                FindingKind.LIMIT, f"limits.{name}", f"the deadline of {bounds.deadline_s:g} s comes before it"
            )
        elif seconds >= own:
            said = f"the deployments' own timeouts, of {own:g} s at most, come before it"
            yield one.idle(FindingKind.LIMIT, f"limits.{name}", said, Severity.NOTE)


def _hedge(case: Case, one: RuleCase) -> Iterator[PolicyFinding]:
    hedge, bounds = one.compiled.hedge, one.compiled.bounds
    if hedge is None:
        return
    if bounds.max_attempts == 1:
        yield one.idle(FindingKind.LIMIT, "limits.hedge", "a hedge is a second attempt, and max_attempts is 1")
    elif hedge.after_s is not None and hedge.after_s >= bounds.deadline_s:
        said = f"the deadline of {bounds.deadline_s:g} s comes before it"
        yield one.idle(FindingKind.LIMIT, "limits.hedge.after_s", said)
    elif next(case.beside(one), None) is None:
        yield one.idle(FindingKind.LIMIT, "limits.hedge", "no request of this rule has a second candidate or address")


def _count(case: Case, one: RuleCase) -> Iterator[PolicyFinding]:
    """Who is left out for its size counts too: the size is what is in doubt."""
    if not one.compiled.exact_tokens:
        return
    places = [place for name, _ in case.asked(one) for place in one.compiled.pools[name] if not place.against]
    if not any(case.has_skill(place.deployment, Skill.COUNT) for place in places):
        able = " or ".join(sorted(name for name, skills in case.skills.items() if Skill.COUNT in skills))
        yield one.idle(
            FindingKind.LIMIT, "count_tokens", f"no deployment that this rule can use counts tokens ({able} does)"
        )
