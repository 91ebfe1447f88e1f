"""Proof: fallbacks that can never help, because they add nobody, are always left out, or fail with what failed before."""

from collections.abc import Iterator

from gateway.routing.plan import Place
from gateway.routing.sentences import reason_sentence
from gateway.routing.verify.case import Case, RuleCase
from gateway.routing.verify.diagram import NONE
from gateway.routing.verify.domains import domain_of, named
from gateway.routing.verify.finding import Finding, Kind, Severity


def fallbacks_that_never_help(case: Case) -> Iterator[Finding]:
    """Of each entry of `fallback.to`, and of failures that move on to nobody."""
    for one in case.routed():
        for index, name in enumerate(one.rule.fallback.to):
            if (why := _useless(case, one, name)) is not None:
                yield _finding(one, f"fallback.to[{index}]", f"its fallback {name!r} can never help: {why}")
        if one.rule.fallback.also_on and one.compiled.bounds.max_attempts == 1:
            yield _finding(one, "fallback.also_on", "it moves on to nobody, as max_attempts is 1")


def _finding(one: RuleCase, where: str, sentence: str) -> Finding:
    return Finding(
        severity=Severity.WARNING,
        kind=Kind.FALLBACK,
        path=f"{one.path}.{where}",
        rule=one.rule.name,
        sentence=f"rule {one.rule.name!r}: {sentence}",
    )


def _useless(case: Case, one: RuleCase, entry: str) -> str | None:
    """Why an entry adds nothing for any request of the rule; None if it does for some."""
    model = case.catalogue.models.get(entry)
    deployments = model.deployments if model is not None else (entry,)
    added: list[Place] = []
    beside: list[str] = []
    for name, rest in case.asked(one):
        pool = one.compiled.pools[name]
        for place in pool:
            if not (place.last_resort and place.name in deployments):
                continue
            added.append(place)
            domain = _shared_domain(case, one, place, pool, rest)
            if domain is None:
                continue
            if not domain:
                return None
            beside.append(domain)
    if not added:
        return "it is of the pool of every model that is asked for here"
    if beside:
        return f"it stands at {beside[0]}, as all that is tried before it"
    reasons = [reason_sentence(reason) for place in added for reason in place.against]
    return f"it is always left out ({reasons[0] if reasons else 'no request here may go there'})"


def _shared_domain(case: Case, one: RuleCase, place: Place, pool: tuple[Place, ...], rest: int) -> str | None:
    """None: it admits none of the requests. Empty: it helps some. Else where it fails with all that come before it."""
    sets, ceiling = case.sets, one.compiled.bounds.max_cost_usd
    taken = sets.both(rest, case.admission.of_place(place, ceiling))
    if taken == NONE:
        return None
    if one.rule.fallback.also_on:
        return ""  # a refusal of the request is not of the machine
    domain = domain_of(place.deployment)
    before = [other for other in pool if other.position < place.position]
    near = [other for other in before if domain <= domain_of(other.deployment)]
    far = [other for other in before if other not in near]
    alone = sets.without(taken, case.admission.of_pool(near, ceiling))
    helps = alone != NONE or sets.meet(taken, case.admission.of_pool(far, ceiling))
    return "" if helps else named(domain)
