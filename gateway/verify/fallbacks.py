"""Proof: fallbacks that can never help, because they add nobody, are always left out, or fail with what failed before."""

from collections.abc import Iterator

from gateway.routing.document import Fallback
from gateway.routing.plan import Place
from gateway.routing.sentences import reason_sentence
from gateway.values.skill import Skill
from gateway.verify.case import Case, RuleCase
from gateway.verify.diagram import NONE
from gateway.verify.domains import domain_of, named
from gateway.verify.finding import FindingKind, PolicyFinding


def fallbacks_that_never_help(case: Case) -> Iterator[PolicyFinding]:
    """Of each entry of `fallback.to`, of failures that move on to nobody, and of streams that nobody goes on with."""
    for one in case.routed():
        for index, name in enumerate(one.rule.fallback.to):
            if (why := _useless(case, one, name)) is not None:
                where = f"fallback.to[{index}]"
                yield one.finding(FindingKind.FALLBACK, where, f"its fallback {name!r} can never help: {why}")
        if not case.usable_names(one):
            continue  # told already: it refuses everything
        yield from _without_a_next(case, one)
        if one.compiled.fallback.after_output == "continue" and (why := _breaks_off(case, one)) is not None:
            yield one.idle(FindingKind.LIMIT, "fallback.after_output", why)


def _without_a_next(case: Case, one: RuleCase) -> Iterator[PolicyFinding]:
    fallback = one.rule.fallback
    if one.compiled.bounds.max_attempts == 1:
        if fallback.also_on:
            yield one.finding(FindingKind.FALLBACK, "fallback.also_on", "there is no next attempt: max_attempts is 1")
        if fallback.not_on:
            yield one.idle(
                FindingKind.FALLBACK, "fallback.not_on", "every failure ends the request, as max_attempts is 1"
            )
        if fallback.retries > Fallback().retries:
            yield one.idle(FindingKind.FALLBACK, "fallback.retries", "nothing is asked again, as max_attempts is 1")
    elif fallback.also_on and all(first is other for first, other in case.beside(one)):
        why = "there is no next attempt: no request of this rule has a second candidate"
        yield one.finding(FindingKind.FALLBACK, "fallback.also_on", why)


def _breaks_off(case: Case, one: RuleCase) -> str | None:
    """Why no stream of the rule is gone on with; None if some are."""
    if not case.sets.meet(one.decided, case.universe.where("stream", bool)):
        return "it applies to streams only, and this rule decides none"
    if one.compiled.bounds.max_attempts == 1:
        return "continuing is a second attempt, and max_attempts is 1"
    for pair in case.beside(one):
        for broken, other in (pair, pair[::-1]):
            if case.has_skill(other, Skill.CONTINUE) and other.clearance.covers(broken.clearance):
                return None
    able = " or ".join(sorted(name for name, skills in case.skills.items() if Skill.CONTINUE in skills))
    return f"no request of this rule has a second candidate that can go on with its answer ({able}) and has the first's clearance"


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
        return "it is already in the pool of every model that this rule decides"
    if beside:
        return f"it is on the same host as all that is tried before it, {beside[0]}"
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
