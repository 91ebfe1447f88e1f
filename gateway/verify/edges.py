"""Proof: no edge of the plan (first choice, fallback, hedge, count) takes a request below its sensitivity or outside what
the rule requires.

The compiled plan itself is asked, for every rule, pool and sensitivity; what it answers is held against the documents.
Hedges and later attempts come from the same answer. A request that needs nothing has the most edges; each single need is
asked for as well.
"""

from collections.abc import Iterator

from gateway.routing.document import Require
from gateway.routing.plan import CompiledRule, Place
from gateway.values.deployment import Capability, Catalogue, Deployment
from gateway.values.request import Facts
from gateway.values.sensitivity import Sensitivity
from gateway.verify.case import Case, RuleCase
from gateway.verify.diagram import NONE
from gateway.verify.finding import Example, FindingKind, PolicyFinding, Severity

_NOTHING: frozenset[Capability] = frozenset()
_CLASSES = [(one, _NOTHING) for one in Sensitivity] + [(Sensitivity.PUBLIC, frozenset({one})) for one in Capability]


def unsafe_edges(case: Case) -> Iterator[PolicyFinding]:
    """There are none, by construction; this is to see it."""
    for one in case.rules:
        if one.compiled.refuse:
            continue
        for name, places in one.compiled.pools.items():
            case.sets.spend(len(places))
            for place, sensitivity, needs, wrong in _wrong(case, one, name):
                yield PolicyFinding(
                    severity=Severity.ERROR,
                    kind=FindingKind.UNSAFE_EDGE,
                    path=one.path,
                    rule=one.rule.name,
                    sentence=f"rule {one.rule.name!r} would send requests for {name!r} to {place.name!r}, but {wrong}",
                    example=_example(case, one, name, place, sensitivity, needs),
                )
        one.compiled.splits.clear()  # nobody else asks for so many


def _wrong(case: Case, one: RuleCase, name: str) -> Iterator[tuple[Place, Sensitivity, frozenset[Capability], str]]:
    """Each edge of a pool that must not be, once, with the least request that would take it."""
    told: set[str] = set()
    pool = _pool(one, name, case.catalogue)
    for sensitivity, needs in _CLASSES:
        for place in one.compiled.split(_asked(name, sensitivity, needs)).eligible:
            if place.name in told:
                continue
            deployment = case.catalogue.deployments.get(place.name)
            if deployment is None or place.name not in pool:
                wrong: str | None = "it is neither of the model's pool nor a fallback of the rule"
            else:
                wrong = _broken(deployment, one.rule.require, sensitivity, needs)
            if wrong is not None:
                told.add(place.name)
                yield place, sensitivity, needs, wrong


def _pool(one: RuleCase, name: str, catalogue: Catalogue) -> set[str]:
    names = [name, *one.rule.fallback.to]
    models = catalogue.models
    return {found for asked in names for found in (models[asked].deployments if asked in models else (asked,))}


def _asked(name: str, sensitivity: Sensitivity, needs: frozenset[Capability]) -> Facts:
    return Facts(model=name, sensitivity=sensitivity, needs=needs, prompt_tokens=1, max_output_tokens=1, stream=False)


def _broken(  # noqa: PLR0911 - one promise after the other
    deployment: Deployment, require: Require, sensitivity: Sensitivity, needs: frozenset[Capability]
) -> str | None:
    """The promise that such an edge breaks, by the documents alone."""
    clearance = deployment.clearance
    if clearance.rank < sensitivity.rank:
        return f"its clearance is {clearance.value} and they may be {sensitivity.value}"
    if not needs <= deployment.capabilities:
        return f"it lacks {', '.join(one.value for one in needs)}"
    if require.region is not None and deployment.region not in require.region:
        return f"it is in {deployment.region or 'no region'} and the rule requires {' or '.join(require.region)}"
    if require.hosting is not None and deployment.hosting is not require.hosting:
        return f"it is {deployment.hosting.value} and the rule requires {require.hosting.value}"
    if require.clearance is not None and clearance.rank < require.clearance.rank:
        return f"its clearance is {clearance.value} and the rule requires {require.clearance.value}"
    if lacking := [one.value for one in require.capabilities or () if one not in deployment.capabilities]:
        return f"it lacks {', '.join(lacking)}, which the rule requires"
    if require.deployments is not None and deployment.name not in require.deployments:
        return "the rule does not name it"
    if require.known_price and not deployment.has_price:
        return "its price is unknown and the rule requires a known one"
    return None


def _example(  # noqa: PLR0913, PLR0917 - what a request on an edge is
    case: Case, one: RuleCase, name: str, place: Place, sensitivity: Sensitivity, needs: frozenset[Capability]
) -> Example | None:
    """None if no request comes there; or if all that do are left out for another reason."""
    universe = case.universe
    taking = case.sets.every(
        one.decided,
        universe.where("model", lambda asked: asked == name),
        universe.where("sensitivity", lambda found: found is sensitivity),
        universe.needing(*needs),
        case.admission.of_place(place, _ceiling(one.compiled)),
    )
    return None if taking == NONE else case.example(one, taking)


def _ceiling(rule: CompiledRule) -> float | None:
    return rule.bounds.max_cost_usd
