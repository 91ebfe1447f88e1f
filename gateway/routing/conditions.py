"""Conditions: a rule's `when` becomes an expression over the atoms of the policy's space.

To add a condition: its field in `document.When`, its line in `_leaves`, and its dimension in `space_of`.
"""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from gateway.routing import space
from gateway.routing.document import Policy, Time, When
from gateway.routing.space import Atom, Atoms, Dimension, Space, Windows
from gateway.values.deployment import Capability
from gateway.values.finding import SensitiveKind
from gateway.values.request import Facts


class Leaf(msgspec.Struct, frozen=True):
    """The atom of one dimension is one of these. Windows of time: `window` of the dimension's tuple is open."""

    dimension: int
    allowed: frozenset[Atom] = frozenset()
    window: int | None = None

    def holds(self, atoms: Atoms) -> bool:
        """At this place of the space."""
        atom: Any = atoms[self.dimension]
        return atom in self.allowed if self.window is None else atom[self.window]


class Every(msgspec.Struct, frozen=True):
    """Every part holds; without parts always."""

    parts: tuple["Expression", ...]

    def holds(self, atoms: Atoms) -> bool:
        """At this place of the space."""
        return all(part.holds(atoms) for part in self.parts)


class Either(msgspec.Struct, frozen=True):
    """At least one part holds."""

    parts: tuple["Expression", ...]

    def holds(self, atoms: Atoms) -> bool:
        """At this place of the space."""
        return any(part.holds(atoms) for part in self.parts)


class Not(msgspec.Struct, frozen=True):
    """The part does not hold."""

    part: "Expression"

    def holds(self, atoms: Atoms) -> bool:
        """At this place of the space."""
        return not self.part.holds(atoms)


Expression = Leaf | Every | Either | Not


def walk(when: When) -> Iterator[When]:
    """A condition and all within it."""
    yield when
    for inner in (*(when.all or ()), *(when.any or ()), *((when.not_,) if when.not_ is not None else ())):
        yield from walk(inner)


def space_of(policy: Policy) -> Space:
    """The space that the policy's conditions span: only what they speak of has a dimension."""
    every = [one for rule in policy.rules for one in walk(rule.when)]
    times: list[Time] = []
    for one in every:
        if one.time is not None and one.time not in times:
            times.append(one.time)
    windows = Windows(times)
    dimensions = [*_names(every), *_flags(every), *_amounts(every)]
    if times:
        dimensions.append(windows.dimension())
    return Space(dimensions, windows)


def _names(every: list[When]) -> Iterator[Dimension]:
    for name, read in _NAMES.items():
        if known := {value for one in every for value in getattr(one, name) or ()}:
            yield space.names(name, known, read)
    for tag in sorted({tag for one in every for tag in one.tags or ()}):
        yield space.names(f"tags.{tag}", {value for one in every for value in _values(one, tag)}, _tag(tag))


_NAMES: dict[str, Callable[[Facts], str | None]] = {
    "model": lambda facts: facts.model,
    "key": lambda facts: facts.key,
    "team": lambda facts: facts.team,
}


def _tag(name: str) -> Callable[[Facts], str | None]:
    return lambda facts: facts.tags.get(name)


def _flags(every: list[When]) -> Iterator[Dimension]:
    if any(one.sensitivity is not None for one in every):
        yield space.sensitivity()
    yield from (space.needs(one) for one in Capability if any(one in (when.needs or ()) for when in every))
    yield from (space.found(kind) for kind in SensitiveKind if any(kind in (when.found or ()) for when in every))
    if any(one.surface is not None for one in every):
        yield space.surface()
    if any(one.stream is not None for one in every):
        yield space.flag("stream", lambda facts: facts.stream)
    if any(one.session is not None for one in every):
        yield space.flag("session", lambda facts: facts.session is not None)
    if any(one.batch is not None for one in every):
        yield space.flag("batch", lambda facts: facts.batch is not None)


def _amounts(every: list[When]) -> Iterator[Dimension]:
    if cuts := _cuts(every, "prompt_tokens"):
        yield space.amount("prompt_tokens", cuts, lambda facts: facts.prompt_tokens)
    if cuts := _cuts(every, "output_tokens"):
        yield space.amount("output_tokens", cuts, lambda facts: facts.max_output_tokens)


def compile_when(when: When, within: Space) -> Expression:
    """The expression of a condition; `within` is the space of a policy that holds it."""
    parts: list[Expression] = list(_leaves(when, within))
    if when.found is not None:
        parts.append(Either(tuple(Leaf(within.index[f"found.{kind.value}"], frozenset({True})) for kind in when.found)))
    parts += [compile_when(one, within) for one in when.all or ()]
    if when.any is not None:
        parts.append(Either(tuple(compile_when(one, within) for one in when.any)))
    if when.not_ is not None:
        parts.append(Not(compile_when(when.not_, within)))
    return parts[0] if len(parts) == 1 else Every(tuple(parts))


def _leaves(when: When, within: Space) -> Iterator[Leaf]:
    at = within.index
    for name in ("model", "key", "team", "sensitivity", "surface"):
        if (wanted := getattr(when, name)) is not None:
            yield Leaf(at[name], frozenset(wanted))
    for name in ("stream", "session", "batch"):
        if (wanted := getattr(when, name)) is not None:
            yield Leaf(at[name], frozenset({wanted}))
    for tag in when.tags or ():
        yield Leaf(at[f"tags.{tag}"], frozenset(_values(when, tag)))
    for capability in when.needs or ():
        yield Leaf(at[f"needs.{capability.value}"], frozenset({True}))
    for name in ("prompt_tokens", "output_tokens"):
        yield from _between(when, name, within)
    if when.time is not None:
        yield Leaf(at["time"], window=within.windows.windows.index(when.time))


def _between(when: When, name: str, within: Space) -> Iterator[Leaf]:
    least, most = getattr(when, f"min_{name}"), getattr(when, f"max_{name}")
    if least is None and most is None:
        return
    dimension = within.dimensions[within.index[name]]
    cuts = dimension.cuts
    low = 0 if least is None else cuts.index(least) + 1
    high = len(cuts) if most is None else cuts.index(most + 1)
    yield Leaf(within.index[name], frozenset(range(low, high + 1)))


def _cuts(every: list[When], name: str) -> list[int]:
    """Where the atoms of a number begin: at each `min`, and after each `max`."""
    least = {value for one in every if (value := getattr(one, f"min_{name}")) is not None}
    most = {value + 1 for one in every if (value := getattr(one, f"max_{name}")) is not None}
    return sorted(least | most)


def _values(when: When, tag: str) -> list[str]:
    wanted = (when.tags or {}).get(tag, [])
    return [wanted] if isinstance(wanted, str) else wanted
