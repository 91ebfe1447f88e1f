"""What the proofs are about: a policy, the plan made of it, and for each rule the exact set of requests that it decides."""

from collections.abc import Collection, Iterator

import msgspec

from gateway.routing.document import Policy, Rule
from gateway.routing.plan import CompiledRule, Place, Plan
from gateway.routing.verify.admission import Admission
from gateway.routing.verify.diagram import NONE, TooLarge
from gateway.routing.verify.universe import Universe
from gateway.values.caller import Caller
from gateway.values.deployment import Catalogue


class RuleCase(msgspec.Struct, frozen=True):
    """One rule. `matched` are the requests for which its condition holds, `decided` those that come to it."""

    index: int
    rule: Rule
    compiled: CompiledRule
    matched: int
    decided: int

    @property
    def path(self) -> str:
        """Of the rule in the policy."""
        return f"rules[{self.index}]"


class Case:
    """`rules` are those whose requests could be worked out; `is_whole` is true if that is all of them."""

    def __init__(
        self, policy: Policy, catalogue: Catalogue, callers: Collection[Caller], plan: Plan, universe: Universe
    ) -> None:
        self.policy, self.catalogue, self.callers = policy, catalogue, callers
        self.plan, self.universe, self.sets = plan, universe, universe.sets
        self.admission = Admission(universe)
        self.rules: list[RuleCase] = []
        left = universe.possible
        try:
            for index, (rule, compiled) in enumerate(zip(policy.rules, plan.rules, strict=True)):
                matched = self.sets.both(universe.possible, universe.matching(compiled.when))
                self.rules.append(RuleCase(index, rule, compiled, matched, self.sets.both(left, matched)))
                left = self.sets.without(left, matched)
        except TooLarge:
            pass
        self.is_whole = len(self.rules) == len(policy.rules)

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

    def refused(self, one: RuleCase) -> int:
        """The requests of the rule that no place admits."""
        ceiling, pools = one.compiled.bounds.max_cost_usd, one.compiled.pools
        asked = enumerate(self.universe.levels[0].choices)
        admitted = [(1 << choice, self.admission.of_pool(pools[name], ceiling)) for choice, name in asked]
        return self.sets.without(one.decided, self.sets.branch(0, admitted))
