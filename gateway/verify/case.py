"""What the proofs are about: a policy, the plan made of it, and for each rule the exact set of requests that it decides."""

import contextlib
from collections.abc import Collection, Iterator

import msgspec

from gateway.routing.conditions import compile_when
from gateway.routing.document import Policy, Rule, When
from gateway.routing.plan import CompiledRule, Place, Plan
from gateway.values.caller import Caller
from gateway.values.deployment import Catalogue, Deployment
from gateway.values.skill import Skill, Skills
from gateway.verify.admission import PoolAdmission
from gateway.verify.diagram import NONE, TooLarge
from gateway.verify.finding import Example, FindingKind, PolicyFinding, Severity
from gateway.verify.projection import Projection, project
from gateway.verify.universe import Universe


class RuleCase(msgspec.Struct, frozen=True):
    """One rule. `decided` are the requests that come to it, by what decides who may answer them."""

    index: int
    rule: Rule
    compiled: CompiledRule
    projection: Projection

    @property
    def path(self) -> str:
        """Of the rule in the policy."""
        return f"rules[{self.index}]"

    @property
    def decided(self) -> int:
        """A set over the levels that decide who may answer."""
        return self.projection.left

    def finding(
        self, kind: FindingKind, where: str, sentence: str, severity: Severity = Severity.WARNING
    ) -> PolicyFinding:
        """About one of the rule's fields."""
        return PolicyFinding(
            severity=severity,
            kind=kind,
            path=f"{self.path}.{where}",
            rule=self.rule.name,
            sentence=f"rule {self.rule.name!r}: {sentence}",
        )

    def idle(self, kind: FindingKind, where: str, why: str, severity: Severity = Severity.WARNING) -> PolicyFinding:
        """A field that can have no effect."""
        return self.finding(kind, where, f"{where} has no effect: {why}", severity)


class Case:
    """`rules` are those whose requests could be worked out; `is_whole` is true if that is all of them."""

    def __init__(  # noqa: PLR0913, PLR0917 - what a policy is held against
        self,
        policy: Policy,
        catalogue: Catalogue,
        callers: Collection[Caller],
        plan: Plan,
        skills: Skills,
        universe: Universe,
    ) -> None:
        self.policy, self.catalogue, self.callers, self.skills = policy, catalogue, callers, skills
        self.plan, self.universe, self.sets = plan, universe, universe.sets
        self.admission = PoolAdmission(universe)
        self.rules: list[RuleCase] = []
        self._matching: list[int] = []
        self._conditions: list[tuple[int, ...]] = []
        with contextlib.suppress(TooLarge):
            for index, (rule, compiled) in enumerate(zip(policy.rules, plan.rules, strict=True)):
                self._matching.append(universe.matching(compiled.when))
                self._conditions.append(tuple(universe.conditions(compiled.when)))
                self.rules.append(RuleCase(index, rule, compiled, self._coming((index,), index)))
        self.is_whole = len(self.rules) == len(policy.rules)

    def _coming(self, rules: tuple[int, ...], before: int) -> Projection:
        """The requests that match all of these rules and none of so many that stand first."""
        matching = self.sets.every(*(self._matching[one] for one in rules))
        others = [self.sets.other_than(one) for one in self._matching[:before] if self.sets.meet(one, matching)]
        conditions = [part for one in rules for part in self._conditions[one]]
        return project(self.sets, (*self.universe.possible, *conditions, *others), self.universe.kept)

    def can_come(self, when: When) -> bool:
        """Whether any request that can be made meets this condition, which speaks of no more than the policy does."""
        conditions = self.universe.conditions(compile_when(when, self.plan.space))
        return project(self.sets, (*self.universe.possible, *conditions), self.universe.kept).left != NONE

    def takers(self, one: RuleCase) -> Iterator[RuleCase]:
        """The earlier rules that decide requests which would match this one."""
        matching = self._matching[one.index]
        for earlier in self.rules[: one.index]:
            if earlier.decided != NONE and self.sets.meet(self._matching[earlier.index], matching):
                taken = self._coming((one.index, earlier.index), earlier.index)
                if taken.left != NONE:
                    yield earlier

    def example(self, one: RuleCase, requests: int) -> Example:
        """One of these requests, which come to the rule; as plain as there is one."""
        chosen = self.sets.pick(self.sets.both(one.decided, requests))
        one.projection.complete(self.sets, chosen)
        return self.universe.example(chosen)

    def routed(self) -> Iterator[RuleCase]:
        """The rules that decide anything, and do not refuse it."""
        return (one for one in self.rules if one.decided != NONE and not one.compiled.refuse)

    def asked(self, one: RuleCase) -> Iterator[tuple[str, int]]:
        """Each name that the rule's requests ask for, and the set of what else they are."""
        for choice, name in enumerate(self.universe.levels[0].choices):
            rest = self.sets.at_first_level(one.decided, choice)
            if rest != NONE:
                yield name, rest

    def usable(self, one: RuleCase, name: str, rest: int) -> list[Place]:
        """The places of a pool that admit any of these requests."""
        ceiling = one.compiled.bounds.max_cost_usd
        return [
            place for place in one.compiled.pools[name] if self.sets.meet(rest, self.admission.of_place(place, ceiling))
        ]

    def usable_names(self, one: RuleCase) -> frozenset[str]:
        """The deployments that admit any request of the rule."""
        return frozenset(place.name for name, rest in self.asked(one) for place in self.usable(one, name, rest))

    def usable_deployments(self, one: RuleCase) -> list[Deployment]:
        """The same, by the catalogue's order."""
        names = self.usable_names(one)
        return [deployment for name, deployment in self.catalogue.deployments.items() if name in names]

    def beside(self, one: RuleCase) -> Iterator[tuple[Deployment, Deployment]]:
        """Each two places where one and the same request of the rule can be answered; one that has several addresses with
        itself.
        """
        ceiling = one.compiled.bounds.max_cost_usd
        for name, rest in self.asked(one):
            usable = self.usable(one, name, rest)
            admitted = [self.sets.both(rest, self.admission.of_place(place, ceiling)) for place in usable]
            for index, place in enumerate(usable):
                if len(place.deployment.addresses) > 1:
                    yield place.deployment, place.deployment
                for before in range(index):
                    if self.sets.meet(admitted[index], admitted[before]):
                        yield place.deployment, usable[before].deployment

    def has_skill(self, deployment: Deployment, skill: Skill) -> bool:
        """Whether its provider's servers can do that."""
        return skill in self.skills.get(deployment.provider, ())

    def refused(self, one: RuleCase) -> int:
        """The requests of the rule that no place admits."""
        ceiling, pools = one.compiled.bounds.max_cost_usd, one.compiled.pools
        asked = enumerate(self.universe.levels[0].choices)
        admitted = [(1 << choice, self.admission.of_pool(pools[name], ceiling)) for choice, name in asked]
        return self.sets.without(one.decided, self.sets.branch(0, admitted))
