"""Proof: objectives, limits and hedges that can have no effect."""

from collections.abc import Iterator

from gateway.routing.verify.case import Case, RuleCase
from gateway.routing.verify.finding import Finding, Kind, Severity


def objectives_and_limits_without_effect(case: Case) -> Iterator[Finding]:
    """What nothing can miss, or what something shorter always comes before."""
    for one in case.routed():
        usable = case.usable_names(one)
        if usable:
            streams = case.sets.meet(one.decided, case.universe.where("stream", bool))
            yield from _objectives(case, one, usable, streams=streams)
            yield from _limits(one, streams=streams)
            yield from _hedge(case, one)


def _objectives(case: Case, one: RuleCase, usable: frozenset[str], *, streams: bool) -> Iterator[Finding]:
    slo, bounds = one.compiled.slo, one.compiled.bounds
    if slo is None:
        return
    if slo.first_output is not None:
        under_s = slo.first_output.under_s
        own = max(case.catalogue.deployments[name].timeouts.first_output_s for name in usable)
        longest = min(own, bounds.first_output_s or own, bounds.deadline_s)
        if not streams:
            yield _idle(one, Kind.OBJECTIVE, "slo.first_output", "it is of streams, and this rule decides none")
        elif under_s >= longest:
            said = f"no stream can be later than {under_s:g} s: it is given up after {longest:g} s"
            yield _idle(one, Kind.OBJECTIVE, "slo.first_output", said, Severity.NOTE)
    if slo.total is not None:
        own = max(case.catalogue.deployments[name].timeouts.total_s for name in usable)
        longest = min(own, bounds.deadline_s)
        if slo.total.under_s >= longest:
            said = f"no answer can take longer than {slo.total.under_s:g} s: it is given up after {longest:g} s"
            yield _idle(one, Kind.OBJECTIVE, "slo.total", said, Severity.NOTE)


def _limits(one: RuleCase, *, streams: bool) -> Iterator[Finding]:
    bounds, continues = one.compiled.bounds, one.compiled.fallback.after_output == "continue"
    if not streams:
        of_streams = {
            "limits.first_output_s": bounds.first_output_s is not None,
            "limits.idle_s": bounds.idle_s is not None,
            "limits.min_output_tokens_per_s": bounds.min_output_tokens_per_s is not None,
            "fallback.after_output": continues,
        }
        for where in (name for name, is_given in of_streams.items() if is_given):
            yield _idle(one, Kind.LIMIT, where, "it is of streams, and this rule decides none")
        return
    for name, seconds in (("first_output_s", bounds.first_output_s), ("idle_s", bounds.idle_s)):
        if seconds is not None and seconds >= bounds.deadline_s:
            yield _idle(one, Kind.LIMIT, f"limits.{name}", f"the deadline of {bounds.deadline_s:g} s comes before it")
    if continues and bounds.max_attempts == 1:
        yield _idle(one, Kind.LIMIT, "fallback.after_output", "to go on is a second attempt, and max_attempts is 1")


def _hedge(case: Case, one: RuleCase) -> Iterator[Finding]:
    hedge, bounds = one.compiled.hedge, one.compiled.bounds
    if hedge is None:
        return
    if bounds.max_attempts == 1:
        yield _idle(one, Kind.LIMIT, "limits.hedge", "a hedge is a second attempt, and max_attempts is 1")
    elif hedge.after_s is not None and hedge.after_s >= bounds.deadline_s:
        said = f"the deadline of {bounds.deadline_s:g} s comes before it"
        yield _idle(one, Kind.LIMIT, "limits.hedge.after_s", said)
    elif not any(_may_be_beside(case, one, name, rest) for name, rest in case.asked(one)):
        yield _idle(one, Kind.LIMIT, "limits.hedge", "no request of this rule has a second candidate or address")


def _may_be_beside(case: Case, one: RuleCase, name: str, rest: int) -> bool:
    """Whether some of these requests can be answered in two places."""
    ceiling, sets = one.compiled.bounds.max_cost_usd, case.sets
    usable = case.usable(one, name, rest)
    if any(len(place.deployment.addresses) > 1 for place in usable):
        return True
    admitted = [sets.both(rest, case.admission.of_place(place, ceiling)) for place in usable]
    return any(sets.meet(first, other) for index, first in enumerate(admitted) for other in admitted[:index])


def _idle(one: RuleCase, kind: Kind, where: str, sentence: str, severity: Severity = Severity.WARNING) -> Finding:
    return Finding(
        severity=severity,
        kind=kind,
        path=f"{one.path}.{where}",
        rule=one.rule.name,
        sentence=f"rule {one.rule.name!r}: {where} has no effect: {sentence}",
    )
