"""The requests that can be made: the policy's space, joined with what else decides who may answer.

Every member of a set is a request that can be decided. Not every combination can come: a key has its team, its tags, its
floor and its models; what detection finds has a class; a response has one format.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from gateway.routing.conditions import Either, Every, Expression, Leaf, Not
from gateway.routing.plan import Detecting, Plan
from gateway.values.caller import Caller
from gateway.values.deployment import Capability, Catalogue
from gateway.values.finding import SensitiveKind
from gateway.values.sensitivity import Sensitivity
from gateway.verify.diagram import ALL, Diagrams
from gateway.verify.finding import Example
from gateway.verify.levels import Level, levels_of, request_of, told_apart

_ADMITTED_BY = frozenset({"model", "caller", "surface", "sensitivity", "stream", "prompt_tokens", "output_tokens"})
_ONE_FORMAT = (Capability.JSON_OBJECT, Capability.JSON_SCHEMA)


class Universe:
    """`sets` works with sets of requests; those that can be made are in all of `possible`. `kept` are the levels that decide
    who may answer.

    `now` is seconds since the epoch: windows of time are looked at from then on.
    """

    def __init__(self, plan: Plan, catalogue: Catalogue, callers: Collection[Caller], now: float, work: int) -> None:
        self._plan = plan
        self.callers = told_apart(plan, callers)
        self.levels = tuple(levels_of(plan, catalogue, self.callers, now))
        self.index = {level.name: index for index, level in enumerate(self.levels)}
        self.sets = Diagrams([len(level.choices) for level in self.levels], work)
        self._leaves: dict[Leaf, int] = {}
        self.possible = tuple(self._possible(plan.detection))
        self.kept = frozenset(
            index for name, index in self.index.items() if name in _ADMITTED_BY or name.startswith("needs.")
        )

    def where(self, name: str, wanted: Callable[[Any], bool]) -> int:
        """The requests whose choice at this level is wanted."""
        return self.sets.where(self.index[name], self.levels[self.index[name]].mask(wanted))

    def needing(self, *capabilities: Capability) -> int:
        """The requests that need all of these."""
        return self.sets.every(*(self.where(f"needs.{one.value}", bool) for one in capabilities))

    def not_needing(self, capability: Capability) -> int:
        """The requests that do not need it."""
        return self.sets.other_than(self.needing(capability))

    def matching(self, expression: Expression) -> int:
        """The requests for which a rule's condition holds."""
        sets = self.sets
        match expression:
            case Leaf():
                if expression not in self._leaves:
                    self._leaves[expression] = self._leaf(expression)
                return self._leaves[expression]
            case Every():
                return sets.every(*map(self.matching, expression.parts))
            case Either():
                return sets.either(*map(self.matching, expression.parts))
            case Not():
                return sets.other_than(self.matching(expression.part))

    def conditions(self, expression: Expression) -> Iterator[int]:
        """A rule's condition as several sets that it is the common part of, each of few levels."""
        match expression:
            case Every():
                for part in expression.parts:
                    yield from self.conditions(part)
            case Not(Either(parts)):
                for part in parts:
                    yield from self.conditions(Not(part))
            case Not(Not(part)):
                yield from self.conditions(part)
            case _:
                yield self.matching(expression)

    def example(self, chosen: Sequence[int]) -> Example:
        """The request that has these choices."""
        return request_of(zip(self.levels, chosen, strict=True))

    def _leaf(self, leaf: Leaf) -> int:
        """By the plan's own projection of concrete requests."""
        dimension = self._plan.space.dimensions[leaf.dimension]
        level = self.levels[self.index[_level_of(dimension.name)]]
        atoms: list[Any] = [None] * len(self._plan.space.dimensions)

        def holds(choice: int) -> bool:
            example = request_of([(level, choice)])
            atoms[leaf.dimension] = dimension.atom(example.facts, example.at)
            return leaf.holds(tuple(atoms))

        self.sets.spend(len(level.choices))
        if dimension.name == "time":
            return self.sets.where(self.index[level.name], level.mask(lambda choice: choice[0][leaf.window]))
        mask = sum(1 << choice for choice in range(len(level.choices)) if holds(choice))
        return self.sets.where(self.index[level.name], mask)

    def _possible(self, detection: Detecting) -> Iterator[int]:
        sets = self.sets
        yield sets.other_than(self.needing(*_ONE_FORMAT))
        allowed: dict[tuple[frozenset[str] | None, Sensitivity], set[Caller]] = {}
        for caller in self.callers:
            allowed.setdefault((caller.models, caller.floor), set()).add(caller)
        yield sets.either(*(self._of_callers(*one) for one in allowed.items()))
        for kind in SensitiveKind:
            if f"found.{kind.value}" in self.index:
                above = self.where("sensitivity", _at_least(detection.classes[kind]))
                yield sets.either(above, sets.other_than(self.where(f"found.{kind.value}", bool)))
        for level in self.levels:
            of, _, tag = level.name.partition(".")
            if of == "tags":
                yield from self._tagged(level, tag)

    def _tagged(self, level: Level, tag: str) -> Iterator[int]:
        """A key that has this tag sends no other value of it."""
        for value in sorted({its for one in self.callers for name, its in one.tags if name == tag}):
            at = level.choices.index(value) if value in level.choices else 0  # no value, as far as the policy can tell
            tagged = self.where("caller", _has_tag(tag, value))
            yield self.sets.either(self.sets.other_than(tagged), self.sets.where(self.index[level.name], 1 << at))

    def _of_callers(self, rights: tuple[frozenset[str] | None, Sensitivity], callers: set[Caller]) -> int:
        models, floor = rights
        of_models = ALL if models is None else self.where("model", models.__contains__)
        of_class = self.where("sensitivity", _at_least(floor))
        return self.sets.every(self.where("caller", callers.__contains__), of_models, of_class)


def _has_tag(name: str, value: str) -> Callable[[Caller], bool]:
    return lambda caller: (name, value) in caller.tags


def _at_least(floor: Sensitivity) -> Callable[[Sensitivity], bool]:
    return lambda one: one.covers(floor)


def _level_of(dimension: str) -> str:
    return "caller" if dimension in ("key", "team") else dimension
