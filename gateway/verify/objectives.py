"""Proof: objectives that nothing can miss."""

from collections.abc import Iterator

from gateway.verify.case import Case, RuleCase
from gateway.verify.finding import FindingKind, PolicyFinding, Severity


def objectives_without_effect(case: Case) -> Iterator[PolicyFinding]:
    """Those of streams where there are none, and those that something shorter always comes before."""
    for one in case.routed():
        if case.usable_names(one):
            yield from _of_streams(case, one)
            yield from _of_answers(case, one)


def _of_streams(case: Case, one: RuleCase) -> Iterator[PolicyFinding]:
    slo, bounds = one.compiled.slo, one.compiled.bounds
    if slo is None:
        return
    given = {"slo.first_output": slo.first_output, "slo.output_token": slo.output_token}
    if not case.sets.meet(one.decided, case.universe.where("stream", bool)):
        for where in (name for name, target in given.items() if target is not None):
            yield one.idle(FindingKind.OBJECTIVE, where, "it applies to streams only, and this rule decides none")
    elif slo.first_output is not None:
        under_s = slo.first_output.under_s
        own = max(deployment.timeouts.first_output_s for deployment in case.usable_deployments(one))
        longest = min(own, bounds.first_output_s or own, bounds.deadline_s)
        if under_s >= longest:
            said = f"no stream can be later than {under_s:g} s: it is given up after {longest:g} s"
            yield one.idle(FindingKind.OBJECTIVE, "slo.first_output", said, Severity.NOTE)


def _of_answers(case: Case, one: RuleCase) -> Iterator[PolicyFinding]:
    slo = one.compiled.slo
    if slo is None or slo.total is None:
        return
    own = max(deployment.timeouts.total_s for deployment in case.usable_deployments(one))
    longest = min(own, one.compiled.bounds.deadline_s)
    if slo.total.under_s >= longest:
        said = f"no answer can take longer than {slo.total.under_s:g} s: it is given up after {longest:g} s"
        yield one.idle(FindingKind.OBJECTIVE, "slo.total", said, Severity.NOTE)
