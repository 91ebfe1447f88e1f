"""Proof: requests for which no candidate is left, whatever the health and load, and what they have in common."""

from collections.abc import Iterator

from gateway.routing.decide import decide
from gateway.routing.sentences import reason_sentence
from gateway.values.deployment import Capability
from gateway.values.sensitivity import Sensitivity
from gateway.values.snapshot import Snapshot
from gateway.verify.case import Case, RuleCase
from gateway.verify.diagram import NONE
from gateway.verify.finding import Example, FindingKind, PolicyFinding, Severity

_MOST_TOLD = 3  # candidates in a sentence


def requests_nobody_can_answer(case: Case) -> Iterator[PolicyFinding]:
    """What no deployment can or may do is told once, not for each rule."""
    for who, requests in _beyond_all(case):
        one = next((one for one in case.routed() if case.sets.meet(one.decided, requests)), None)
        if one is not None:
            yield PolicyFinding(
                severity=Severity.NOTE,
                kind=FindingKind.NO_CANDIDATE,
                path="deployments",
                sentence=f"no deployment can answer {who}",
                example=case.example(one, requests),
                in_catalogue=True,
            )


def requests_without_a_candidate(case: Case) -> Iterator[PolicyFinding]:
    """A rule that refuses all is an error, unless it says so; some classes are usually meant to be refused."""
    beyond = case.sets.either(*(requests for _, requests in _beyond_all(case)))
    for one in case.routed():
        refused = case.refused(one)
        name = one.rule.name
        if refused == one.decided:
            example = case.example(one, refused)
            yield PolicyFinding(
                severity=Severity.ERROR,
                kind=FindingKind.ALWAYS_REFUSED,
                path=one.path,
                rule=name,
                sentence=f"rule {name!r} has no candidate for any request that it decides ({_why(case, example)}); "
                "if they are to be refused, say so by privacy: {refuse: true}",
                example=example,
            )
        else:
            yield from _classes(case, one, refused, beyond)


def _beyond_all(case: Case) -> Iterator[tuple[str, int]]:
    deployments = case.catalogue.deployments.values()
    able = frozenset[Capability]().union(*(one.capabilities for one in deployments))
    if lacking := [one for one in Capability if one not in able]:
        yield _needing(lacking), case.sets.either(*(case.universe.needing(one) for one in lacking))
    if above := [one for one in Sensitivity if not any(known.clearance.covers(one) for known in deployments)]:
        yield _of_class(above), case.universe.where("sensitivity", above.__contains__)


def _classes(case: Case, one: RuleCase, refused: int, beyond: int) -> Iterator[PolicyFinding]:
    """Every refused request that asks for a model is in one of these, or beyond all deployments.

    Who names a deployment gets that one or none: that is told where the rule always says no.
    """
    sets, universe = case.sets, case.universe
    closed = [name for name, rest in case.asked(one) if not case.usable(one, name, rest)]
    models = [name for name in closed if name in case.catalogue.models]
    for name in models:
        yield _of_model(case, one, name, sets.both(refused, _asking(case, [name])))
    settled = sets.either(beyond, _asking(case, [*case.catalogue.deployments, *models]))
    left, decided = sets.without(refused, settled), sets.without(one.decided, settled)
    without_bound = universe.where("output_tokens", _is_none)
    if one.compiled.bounds.max_cost_usd is not None and _are_all(case, left, sets.both(decided, without_bound)):
        who, here = "requests without a limit of output tokens", sets.both(decided, without_bound)
        yield _told(case, one, who, here, "limits.max_cost_usd", Severity.WARNING)
        left, decided = sets.without(left, here), sets.without(decided, here)
    classes = {word: sets.both(decided, universe.where("sensitivity", {word}.__contains__)) for word in Sensitivity}
    if above := [word for word, here in classes.items() if _are_all(case, left, here)]:
        here = sets.either(*(classes[word] for word in above))
        yield _told(case, one, _of_class(above), here)
        left, decided = sets.without(left, here), sets.without(decided, here)
    needs = {word: sets.both(decided, universe.needing(word)) for word in Capability}
    if lacking := [word for word, here in needs.items() if _are_all(case, left, here)]:
        here = sets.either(*(needs[word] for word in lacking))
        yield _told(case, one, _needing(lacking), here)
        left = sets.without(left, here)
    if left != NONE:
        yield _told(case, one, "some requests", left)
    if own_names := [name for name in closed if name not in models]:
        who = f"requests for {' or '.join(map(repr, own_names))} by name"
        yield _told(case, one, who, sets.both(refused, _asking(case, own_names)))


def _told(  # noqa: PLR0913, PLR0917 - the parts of a finding
    case: Case, one: RuleCase, who: str, requests: int, where: str = "", severity: Severity = Severity.NOTE
) -> PolicyFinding:
    example = case.example(one, requests)
    return PolicyFinding(
        severity=severity,
        kind=FindingKind.NO_CANDIDATE,
        path=f"{one.path}.{where}" if where else one.path,
        rule=one.rule.name,
        sentence=f"rule {one.rule.name!r} has no candidate for {who} ({_why(case, example)})",
        example=example,
    )


def _of_model(case: Case, one: RuleCase, name: str, requests: int) -> PolicyFinding:
    """A rule that names a model and refuses it is hardly meant."""
    written = one.rule.when.model or ()
    if name not in written:
        return _told(case, one, f"requests for {name!r}", requests)
    where = f"when.model[{written.index(name)}]"
    return _told(case, one, f"requests for {name!r}", requests, where, Severity.WARNING)


def _are_all(case: Case, refused: int, requests: int) -> bool:
    """Whether there are any of these, and all are refused."""
    return requests != NONE and case.sets.holds(refused, requests)


def _asking(case: Case, names: list[str]) -> int:
    return case.universe.where("model", names.__contains__)


def _is_none(stretch: object) -> bool:
    return stretch is None


def _needing(capabilities: list[Capability]) -> str:
    return f"requests that need {' or '.join(one.value for one in capabilities)}"


def _of_class(classes: list[Sensitivity]) -> str:
    return f"{' or '.join(one.value for one in classes)} requests"


def _why(case: Case, example: Example) -> str:
    """What the decision itself says of the example."""
    world = Snapshot(example.at, {})
    decision = decide(case.plan, example.facts, world, decision_id="example", seed=0)
    told = [
        f"{one.deployment}: {', '.join(map(reason_sentence, one.against))}"
        for one in decision.candidates
        if one.against
    ]
    more = len(told) - _MOST_TOLD
    return "; ".join(told[:_MOST_TOLD]) + (f"; and {more} more" if more > 0 else "")
