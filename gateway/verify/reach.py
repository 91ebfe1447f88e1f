"""Proof: deployments that no request can reach, and models that stand or fall with one machine."""

from collections.abc import Iterator

from gateway.verify.case import Case
from gateway.verify.domains import domain_of, named
from gateway.verify.finding import FindingKind, PolicyFinding, Severity


def deployments_nothing_can_reach(case: Case) -> Iterator[PolicyFinding]:
    """Some requests that can be made have to find it among their candidates, under some rule."""
    if not case.is_whole:
        return
    by_model: set[str] = set()
    by_own_name: set[str] = set()
    for one in case.routed():
        for name, rest in case.asked(one):
            reached = {place.name for place in case.usable(one, name, rest)}
            (by_model if name in case.catalogue.models else by_own_name).update(reached)
    for name in case.catalogue.deployments:
        path = f"deployments.{name}"
        if name not in by_model | by_own_name:
            sentence = f"nothing can reach {name!r}: every rule leaves it out of every request that can be made"
            yield PolicyFinding(
                severity=Severity.WARNING, kind=FindingKind.UNREACHABLE, path=path, sentence=sentence, in_catalogue=True
            )
        elif name not in by_model and case.catalogue.models:
            sentence = f"only requests that name a deployment reach {name!r}; no request for a model does"
            yield PolicyFinding(
                severity=Severity.NOTE, kind=FindingKind.UNREACHABLE, path=path, sentence=sentence, in_catalogue=True
            )


def models_with_one_failure_domain(case: Case) -> Iterator[PolicyFinding]:
    """Several deployments are no fallback for each other if they fail together."""
    if not case.is_whole:
        return
    usable: dict[str, set[str]] = {}
    for one in case.routed():
        for name, rest in case.asked(one):
            usable.setdefault(name, set()).update(place.name for place in case.usable(one, name, rest))
    for name in case.catalogue.models:
        deployments = [case.catalogue.deployments[one] for one in sorted(usable.get(name, ()))]
        domains = [domain_of(one) for one in deployments]
        if len(domains) > 1 and all(domain == domains[0] for domain in domains):
            yield PolicyFinding(
                severity=Severity.NOTE,
                kind=FindingKind.FALLBACK,
                path=f"models.{name}",
                sentence=f"all {len(domains)} deployments of {name!r} are on one host, {named(domains[0])}: they fail together",
                in_catalogue=True,
            )
