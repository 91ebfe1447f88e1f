"""What verification claims is what trying every request shows, in both directions."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from msgspec.structs import replace

from gateway.providers.vendors import SKILLS
from gateway.routing.compile import compile_plan
from gateway.routing.conditions import compile_when
from gateway.routing.decide import decide
from gateway.routing.document import Policy, Rule, When
from gateway.routing.plan import Plan
from gateway.values.request import Facts
from gateway.values.snapshot import Snapshot
from gateway.verify import FindingKind, PolicyFinding, verify
from tests.verify.small import MODELS, NAMES, NOW, World, requests, worlds

CASES = int(os.environ.get("ROUTING_CASES", "2000")) // 20


@dataclass
class Tried:
    """What came of all requests. A class is what the policy does not tell apart; its sizes are tried one by one."""

    decided: set[str] = field(default_factory=set)
    refusing: set[str] = field(default_factory=set)  # rules by `privacy`
    served: dict[str, dict[str, bool]] = field(
        default_factory=lambda: defaultdict(dict)
    )  # by rule: is any of the name's
    candidates: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # by name asked for
    of_rule: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    alternatives: set[str] = field(
        default_factory=set
    )  # paths of those that some request meets, with all else of the rule
    classes: dict[tuple[object, ...], tuple[str, Facts, bool]] = field(default_factory=dict)


def tried(world: World, plan: Plan) -> Tried:
    found = Tried()
    alternatives = {
        path: compile_when(replace(rule.when, any=[one]), plan.space)
        for path, rule, one in alternatives_of(world.policy)
    }
    for facts, at in requests(world):
        atoms = plan.space.atoms(facts, at)
        found.alternatives |= {path for path, one in alternatives.items() if one.holds(atoms)}
        decision = decide(plan, facts, Snapshot(at, {}), decision_id="d", seed=0)
        found.decided.add(decision.rule)
        if decision.refused:
            found.refusing.add(decision.rule)
            continue
        eligible = {one.deployment for one in decision.candidates if one.rank is not None}
        served = found.served[decision.rule]
        served[facts.model] = served.get(facts.model, False) or bool(eligible)
        found.candidates[facts.model] |= eligible
        found.of_rule[decision.rule] |= eligible
        rest = (facts.model, facts.sensitivity, facts.needs, facts.found, facts.key, tuple(sorted(facts.tags.items())))
        key = (*rest, facts.stream, facts.session, facts.max_output_tokens is None, plan.space.atoms(facts, at))
        _, _, before = found.classes.get(key, (None, None, False))
        found.classes[key] = (decision.rule, facts, before or bool(eligible))
    return found


def alternatives_of(policy: Policy) -> Iterator[tuple[str, Rule, When]]:
    for index, rule in enumerate(policy.rules):
        for number, one in enumerate(rule.when.any or ()):
            yield f"rules[{index}].when.any[{number}]", rule, one


@settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck))
@given(worlds())
def test_what_is_claimed_is_what_trying_all_shows(world: World) -> None:
    plan = compile_plan(world.policy, world.catalogue, number=1, default_deadline_s=60)
    report = verify(world.policy, world.catalogue, world.callers, plan, SKILLS, now=NOW)
    assert report.complete
    by_kind: dict[FindingKind, list[PolicyFinding]] = defaultdict(list)
    for one in report.findings:
        by_kind[one.kind].append(one)
    shown = tried(world, plan)

    rules = [rule.name for rule in world.policy.rules]
    unmet = {path for path, rule, _ in alternatives_of(world.policy) if rule.name in shown.decided} - shown.alternatives
    assert {one.path for one in by_kind[FindingKind.NEVER_MATCHES] if ".any[" in one.path} == unmet
    never = [one for one in by_kind[FindingKind.NEVER_MATCHES] if ".any[" not in one.path]
    assert rules_of(never) == set(rules) - shown.decided
    routed = shown.decided - shown.refusing
    always = {rule for rule in routed if not any(shown.served[rule].values())}
    assert rules_of(by_kind[FindingKind.ALWAYS_REFUSED]) == always
    check_refusals(world, shown, always, by_kind[FindingKind.NO_CANDIDATE])
    reached = set().union(*shown.candidates.values())
    by_model = set().union(*(shown.candidates[name] for name in MODELS))
    told = {one.path.removeprefix("deployments."): one.severity.value for one in by_kind[FindingKind.UNREACHABLE]}
    assert told == {name: "note" if name in reached else "warning" for name in NAMES if name not in by_model}
    assert by_kind[FindingKind.UNSAFE_EDGE] == []
    for rule in world.policy.rules:
        idle = {one.path for one in by_kind[FindingKind.PREFERENCE] if one.rule == rule.name}
        usable = shown.of_rule[rule.name]
        path = f"rules[{rules.index(rule.name)}]"
        named = [("prefer.order", rule.prefer.order), ("require.deployments", rule.require.deployments)]
        without = {
            f"{path}.{at}[{i}]" for at, these in named for i, name in enumerate(these or ()) if name not in usable
        }
        assert idle == (without if usable else set())
    for one in report.findings:
        reproduces(plan, one)


def check_refusals(world: World, shown: Tried, always: set[str], findings: list[PolicyFinding]) -> None:
    deployments = world.catalogue.deployments.values()

    def is_beyond_all(facts: Facts) -> bool:
        able = frozenset().union(*(one.capabilities for one in deployments))
        return not facts.needs <= able or not any(one.clearance.covers(facts.sensitivity) for one in deployments)

    refused = [(rule, facts) for rule, facts, is_served in shown.classes.values() if not is_served]
    general = [one for one in findings if one.rule is None]
    assert bool(general) == any(is_beyond_all(facts) for _, facts in refused)
    holes = {
        rule for rule, facts in refused if facts.model in MODELS and rule not in always and not is_beyond_all(facts)
    }
    closed = {
        rule for rule, served in shown.served.items() for name, one in served.items() if name in MODELS and not one
    }
    assert rules_of(one for one in findings if asked(one) in MODELS) == holes | (closed - always)
    by_name = {
        rule for rule, served in shown.served.items() for name, one in served.items() if name in NAMES and not one
    }
    assert rules_of(one for one in findings if one.rule and asked(one) in NAMES) == by_name - always


def rules_of(findings: Iterable[PolicyFinding]) -> set[str]:
    return {one.rule for one in findings if one.rule is not None}


def asked(finding: PolicyFinding) -> str:
    assert finding.example is not None
    return finding.example.facts.model


def reproduces(plan: Plan, finding: PolicyFinding) -> None:
    if finding.kind not in (FindingKind.NO_CANDIDATE, FindingKind.ALWAYS_REFUSED):
        return
    assert finding.example is not None
    world = Snapshot(finding.example.at, {})
    decision = decide(plan, finding.example.facts, world, decision_id="d", seed=0)
    assert (decision.attempts, decision.refused) == ((), False)
    assert finding.rule in (None, decision.rule)
