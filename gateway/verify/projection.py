"""What a conjunction of conditions leaves of the levels that matter, without ever building the whole of it.

The other levels are eliminated one by one, each from the few conditions that speak of it (bucket elimination: Dechter,
Artificial Intelligence 1999). Tags and windows of time vanish so before they multiply.
"""

from collections.abc import Iterable, Sequence

import msgspec

from gateway.verify.diagram import ALL, NONE, Diagrams


class Projection(msgspec.Struct, frozen=True):
    """`left` is the set over the kept levels; `eliminated` has each other level, with the conditions that spoke of it."""

    left: int
    eliminated: tuple[tuple[int, int], ...] = ()

    def complete(self, sets: Diagrams, chosen: list[int]) -> None:
        """Choices at the eliminated levels, for choices at the kept ones that are in `left`."""
        for level, spoke in reversed(self.eliminated):
            chosen[level] = sets.first_choice(spoke, level, chosen)


def project(sets: Diagrams, conditions: Iterable[int], kept: frozenset[int]) -> Projection:
    """Exact: a member of `left` is one that can be completed so that all conditions hold."""
    parts = set(conditions) - {ALL}
    eliminated: list[tuple[int, int]] = []
    while NONE not in parts:
        speaking: dict[int, list[int]] = {}
        for part in parts:
            for level in sets.levels_of(part) - kept:
                speaking.setdefault(level, []).append(part)
        if not speaking:
            break
        level = min(speaking, key=lambda one: (_width(sets, speaking[one]), one))
        spoke = sets.every(*_smallest_first(sets, speaking[level]))
        eliminated.append((level, spoke))
        parts = (parts - set(speaking[level]) | {sets.for_some(spoke, level)}) - {ALL}
    if NONE in parts:
        return Projection(NONE)
    return Projection(sets.every(*_smallest_first(sets, parts)), tuple(eliminated))


def _width(sets: Diagrams, parts: Sequence[int]) -> int:
    return len(frozenset().union(*map(sets.levels_of, parts)))


def _smallest_first(sets: Diagrams, parts: Iterable[int]) -> list[int]:
    return sorted(parts, key=lambda part: (len(sets.levels_of(part)), part))
