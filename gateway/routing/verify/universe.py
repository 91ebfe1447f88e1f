"""The requests that can be made: the policy's space, joined with what else decides who may answer.

One level for each thing that tells requests apart, with a concrete choice for each atom of it; so every member of a set
is a request that can be decided. Not every combination can come: a key has its team, its floor and its models; what
detection finds has a class; a response has one format.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from gateway.routing.conditions import Either, Every, Expression, Leaf, Not
from gateway.routing.plan import Detecting, Plan
from gateway.routing.verify.diagram import ALL, Diagrams
from gateway.routing.verify.finding import Example
from gateway.routing.verify.windows import open_together
from gateway.values.caller import Caller
from gateway.values.deployment import Capability, Catalogue
from gateway.values.finding import Kind
from gateway.values.request import LEAST_PROMPT_TOKENS, TAG, Facts
from gateway.values.sensitivity import Sensitivity

_ADMITTED_BY = frozenset({"model", "caller", "sensitivity", "stream", "prompt_tokens", "output_tokens"})
_SESSION = "0" * 16
_PLAIN = Facts(
    model="", sensitivity=Sensitivity.PUBLIC, needs=frozenset(), prompt_tokens=1, max_output_tokens=1, stream=False
)
_ONE_FORMAT = (Capability.JSON_OBJECT, Capability.JSON_SCHEMA)


class Level(msgspec.Struct, frozen=True):
    """One thing that tells requests apart. `put` makes the choice of a request: of the members of its facts."""

    name: str
    choices: tuple[Any, ...]
    put: Callable[[dict[str, Any], Any], None]

    def mask(self, wanted: Callable[[Any], bool]) -> int:
        """The choices that are wanted, as bits."""
        return sum(1 << index for index, choice in enumerate(self.choices) if wanted(choice))


class Universe:
    """`sets` works with sets of requests; those that can be made are in all of `possible`. `kept` are the levels that decide
    who may answer.

    `now` is seconds since the epoch: windows of time are looked at from then on.
    """

    def __init__(self, plan: Plan, catalogue: Catalogue, callers: Collection[Caller], now: float, work: int) -> None:
        self._plan = plan
        self._now = now
        self.callers = _callers(plan, callers)
        self.levels = tuple(self._make_levels(catalogue))
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
        return self._example(zip(self.levels, chosen, strict=True))

    def _example(self, picked: Iterable[tuple[Level, int]]) -> Example:
        members: dict[str, Any] = {**msgspec.structs.asdict(_PLAIN), "at": 0.0, "tags": {}}
        for level, choice in picked:
            level.put(members, level.choices[choice])
        at = members.pop("at")
        return Example(Facts(**{**members, "found": tuple(sorted(members["found"], key=lambda one: one.value))}), at)

    def _leaf(self, leaf: Leaf) -> int:
        """By the plan's own projection of concrete requests."""
        dimension = self._plan.space.dimensions[leaf.dimension]
        level = self.levels[self.index[_level_of(dimension.name)]]
        atoms: list[Any] = [None] * len(self._plan.space.dimensions)

        def holds(choice: int) -> bool:
            example = self._example([(level, choice)])
            atoms[leaf.dimension] = dimension.atom(example.facts, example.at)
            return leaf.holds(tuple(atoms))

        self.sets.spend(len(level.choices))
        if dimension.name == "time":
            return self.sets.where(self.index[level.name], level.mask(lambda choice: choice[0][leaf.window]))
        mask = sum(1 << choice for choice in range(len(level.choices)) if holds(choice))
        return self.sets.where(self.index[level.name], mask)

    def _make_levels(self, catalogue: Catalogue) -> Iterable[Level]:
        space, detection = self._plan.space, self._plan.detection
        yield Level("model", (*catalogue.models, *catalogue.deployments), _put("model"))
        yield Level("caller", self.callers, _put_caller)
        yield Level("sensitivity", tuple(Sensitivity), _put("sensitivity"))
        yield Level("stream", (False, True), _put("stream"))
        prompts = _amounts(self._cuts("prompt_tokens"), LEAST_PROMPT_TOKENS)
        yield Level("prompt_tokens", prompts, _put_amount("prompt_tokens"))
        outputs = (*_amounts(self._cuts("output_tokens"), 1), None)
        yield Level("output_tokens", outputs, _put_amount("max_output_tokens"))
        for capability in reversed(Capability):  # an example that needs any, needs the most usual
            yield Level(f"needs.{capability.value}", (False, True), _put_need(capability))
        for dimension in space.dimensions:
            of, _, name = dimension.name.partition(".")
            if of == "tags":
                given = [value for value in dimension.atoms if isinstance(value, str) and _can_be_sent(name, value)]
                yield Level(dimension.name, (None, *given), _put_tag(name))
            elif of == "found":
                looked_for = Kind(name) in detection.kinds
                yield Level(dimension.name, (False, True) if looked_for else (False,), _put_found(Kind(name)))
            elif of == "session":
                yield Level(of, (None, _SESSION), _put("session"))
            elif of == "time":
                yield Level(of, tuple(open_together(space.windows.windows, self._now).items()), _put_time)

    def _cuts(self, name: str) -> tuple[int, ...]:
        at = self._plan.space.index.get(name)
        return () if at is None else self._plan.space.dimensions[at].cuts

    def _possible(self, detection: Detecting) -> Iterator[int]:
        sets = self.sets
        yield sets.other_than(self.needing(*_ONE_FORMAT))
        allowed: dict[tuple[frozenset[str] | None, Sensitivity], set[Caller]] = {}
        for caller in self.callers:
            allowed.setdefault((caller.models, caller.floor), set()).add(caller)
        yield sets.either(*(self._of_callers(*one) for one in allowed.items()))
        for kind in Kind:
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


def _callers(plan: Plan, callers: Collection[Caller]) -> tuple[Caller, ...]:
    """One of each that the policy and its own rights tell apart; without keys the one who needs none."""
    apart: dict[Any, Caller] = {}
    names = {name: plan.space.dimensions[at].atoms for name, at in plan.space.index.items() if name in ("key", "team")}
    tags = {dimension.name for dimension in plan.space.dimensions}
    for one in callers or (Caller.anonymous(),):
        key = one.key if one.key in names.get("key", ()) else None
        team = one.team if one.team in names.get("team", ()) else None
        told = tuple(pair for pair in one.tags if f"tags.{pair[0]}" in tags)
        apart.setdefault((key, team, one.floor, one.models, told), one)
    return tuple(apart.values())


def _level_of(dimension: str) -> str:
    return "caller" if dimension in ("key", "team") else dimension


def _amounts(cuts: tuple[int, ...], least: int) -> tuple[tuple[int, int | None], ...]:
    """Stretches of a number that a policy does not tell apart: first and last; None is no end."""
    begins = [least, *(cut for cut in cuts if cut > least)]
    return tuple(zip(begins, [*(begin - 1 for begin in begins[1:]), None], strict=True))


def _can_be_sent(name: str, value: str) -> bool:
    return TAG.fullmatch(name) is not None and TAG.fullmatch(value) is not None


Members = dict[str, Any]
Put = Callable[[Members, Any], None]


def _put(name: str) -> Put:
    return lambda members, choice: members.update({name: choice})


def _put_caller(members: Members, caller: Caller) -> None:
    members.update(key=caller.key, team=caller.team, scope=caller.models)


def _put_need(capability: Capability) -> Put:
    def put(members: Members, choice: bool) -> None:  # noqa: FBT001 - of a level with yes and no
        if choice:
            members["needs"] |= {capability}
            if capability is Capability.MULTIPLE_CHOICES:
                members["choices"] = 2

    return put


def _put_found(kind: Kind) -> Put:
    def put(members: Members, choice: bool) -> None:  # noqa: FBT001 - of a level with yes and no
        if choice:
            members["found"] = (*members["found"], kind)

    return put


def _put_tag(name: str) -> Put:
    def put(members: Members, choice: str | None) -> None:
        if choice is not None:
            members["tags"] = {**members["tags"], name: choice}

    return put


def _put_amount(name: str) -> Put:
    def put(members: Members, choice: tuple[int, int | None] | None) -> None:
        members[name] = None if choice is None else choice[0]

    return put


def _put_time(members: Members, choice: tuple[tuple[bool, ...], float]) -> None:
    members["at"] = choice[1]
