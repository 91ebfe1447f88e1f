"""A plan: a policy compiled against a catalogue. Immutable, whole or not at all; a request ends on the one it began with."""

from collections.abc import Callable

import msgspec

from gateway.routing.conditions import Test
from gateway.routing.document import Fallback, Limits
from gateway.values.decision import Reason
from gateway.values.deployment import Deployment


class Place(msgspec.Struct, frozen=True):
    """A deployment's place in a pool under one rule. `against` are the rule's own requirements that it fails."""

    deployment: Deployment
    against: tuple[Reason, ...]


class CompiledRule(msgspec.Struct, frozen=True):
    """A rule with everything decided that can be decided before a request comes.

    `pools` holds, for each name that can be asked for, its deployments in the order to try.
    """

    name: str
    tests: tuple[Test, ...]
    pools: dict[str, tuple[Place, ...]]
    limits: Limits
    fallback: Fallback


class Plan(msgspec.Struct, frozen=True):
    """`revision` is what answers and records carry: a number, and the start of `content`, the hash of all it is made of."""

    revision: str
    content: str
    rules: tuple[CompiledRule, ...]
    default_deadline_s: float

    def rule(self, name: str) -> CompiledRule:
        """A rule by its name, as a decision of this plan gives it."""
        return next(rule for rule in self.rules if rule.name == name)


PlanSource = Callable[[], Plan]
