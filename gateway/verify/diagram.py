"""Sets of requests as decision diagrams: exact, whatever their size (Bryant 1986; several branches to a node: Srinivasan,
Kam, Malik and Brayton 1990).

A request is one choice at each level. A node asks at its level and leads each choice on; choices are bits of a mask, so
that those which lead to the same place are one branch. Equal sets are the same node.
"""

from collections.abc import Iterable, Sequence

NONE, ALL = 0, 1  # the set of no requests, and of all
_DEEPEST = 400  # levels; each is a frame of the recursion
Branches = tuple[tuple[int, int], ...]  # mask of choices, where they lead


class TooLarge(Exception):
    """The work that is allowed was not enough."""


class Diagrams:
    """All sets over the same levels. `sizes`: how many choices each level has. Sets are numbers."""

    def __init__(self, sizes: Sequence[int], work: int) -> None:
        if len(sizes) > _DEEPEST:
            raise TooLarge
        self._full = [(1 << size) - 1 for size in sizes]
        self._nodes: list[tuple[int, Branches]] = [(len(sizes), ()), (len(sizes), ())]
        self._numbers: dict[tuple[int, Branches], int] = {}
        self._both: dict[tuple[int, int], int] = {}
        self._others: dict[int, int] = {NONE: ALL, ALL: NONE}
        self._some: dict[tuple[int, int], int] = {}
        self._levels: dict[int, frozenset[int]] = {NONE: frozenset(), ALL: frozenset()}
        self._apart: set[tuple[int, int]] = set()
        self.work = work  # branches that may still be looked at

    def allow(self, work: int) -> None:
        """So much work from now on."""
        self.work = work

    def spend(self, work: int) -> None:
        """Raises TooLarge."""
        self.work -= work
        if self.work < 0:
            raise TooLarge

    def where(self, level: int, mask: int) -> int:
        """Those with one of these choices at this level."""
        return self.branch(level, ((mask, ALL),))

    def branch(self, level: int, branches: Iterable[tuple[int, int]]) -> int:
        """Those that each choice leads to, all of later levels; a choice without a branch leads nowhere."""
        by_child: dict[int, int] = {}
        given = 0
        for mask, child in branches:
            by_child[child] = by_child.get(child, 0) | mask
            given |= mask
        if rest := self._full[level] & ~given:
            by_child[NONE] = by_child.get(NONE, 0) | rest
        by_child = {child: mask for child, mask in by_child.items() if mask}
        if len(by_child) == 1:
            return next(iter(by_child))
        self.spend(len(by_child))
        key = (level, tuple(sorted((mask, child) for child, mask in by_child.items())))
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._nodes)
            self._nodes.append(key)
        return number

    def both(self, first: int, second: int) -> int:
        """What is in both."""
        if second in (first, ALL):
            return first
        if first == ALL:
            return second
        if NONE in (first, second):
            return NONE
        key = (first, second) if first < second else (second, first)
        found = self._both.get(key)
        if found is None:
            level, pairs = self._pairs(first, second)
            found = self.branch(level, [(mask, self.both(one, other)) for mask, one, other in pairs])
            self._both[key] = found
        return found

    def other_than(self, one: int) -> int:
        """All but these."""
        found = self._others.get(one)
        if found is None:
            level, branches = self._nodes[one]
            self.spend(len(branches))
            found = self.branch(level, [(mask, self.other_than(child)) for mask, child in branches])
            self._others[one], self._others[found] = found, one
        return found

    def without(self, first: int, second: int) -> int:
        """What is in the first and not in the second."""
        return self.both(first, self.other_than(second))

    def either(self, *sets: int) -> int:
        """What is in any."""
        rest = ALL
        for one in sets:
            rest = self.both(rest, self.other_than(one))
        return self.other_than(rest)

    def every(self, *sets: int) -> int:
        """What is in all."""
        found = ALL
        for one in sets:
            found = self.both(found, one)
        return found

    def meet(self, first: int, second: int) -> bool:
        """Whether anything is in both; no set is made for it."""
        if NONE in (first, second):
            return False
        if first == second or ALL in (first, second):
            return True
        key = (first, second) if first < second else (second, first)
        if key in self._apart:
            return False
        _, pairs = self._pairs(first, second)
        if any(self.meet(one, other) for _, one, other in pairs):
            return True
        self._apart.add(key)
        return False

    def holds(self, whole: int, part: int) -> bool:
        """Whether all of the part is in the whole."""
        return not self.meet(part, self.other_than(whole))

    def at_first_level(self, one: int, choice: int) -> int:
        """What is left to choose after this choice at level 0."""
        level, branches = self._nodes[one]
        if level:
            return one
        return next(child for mask, child in branches if mask >> choice & 1)

    def for_some(self, one: int, level: int) -> int:
        """Those that are in the set with some choice at this level."""
        if one in (NONE, ALL) or level not in self.levels_of(one):
            return one
        key = (one, level)
        found = self._some.get(key)
        if found is None:
            own, branches = self._nodes[one]
            self.spend(len(branches))
            if own == level:
                found = self.either(*(child for _, child in branches))
            else:
                found = self.branch(own, [(mask, self.for_some(child, level)) for mask, child in branches])
            self._some[key] = found
        return found

    def levels_of(self, one: int) -> frozenset[int]:
        """The levels at which it asks."""
        found = self._levels.get(one)
        if found is None:
            level, branches = self._nodes[one]
            found = frozenset({level}).union(*(self.levels_of(child) for _, child in branches))
            self._levels[one] = found
        return found

    def first_choice(self, one: int, level: int, chosen: list[int]) -> int:
        """The first choice at this level that makes a member of the other choices."""
        for choice in range(self._full[level].bit_length()):
            at = one
            while at not in (NONE, ALL):
                own, branches = self._nodes[at]
                taken = choice if own == level else chosen[own]
                at = next(child for mask, child in branches if mask >> taken & 1)
            if at == ALL:
                return choice
        raise ValueError("no choice makes a member")

    def pick(self, one: int) -> list[int]:
        """A member: at each level the first choice that leads to one. Not of the empty set."""
        chosen = [0] * len(self._full)
        while one != ALL:
            level, branches = self._nodes[one]
            mask, one = min(
                ((mask, child) for mask, child in branches if child != NONE), key=lambda pair: _first(pair[0])
            )
            chosen[level] = _first(mask)
        return chosen

    def _pairs(self, first: int, second: int) -> tuple[int, list[tuple[int, int, int]]]:
        """The choices at the upper of their levels, by where they lead in both."""
        level, branches = self._nodes[first]
        other_level, others = self._nodes[second]
        if level < other_level:
            self.spend(len(branches))
            return level, [(mask, child, second) for mask, child in branches]
        if other_level < level:
            self.spend(len(others))
            return other_level, [(mask, first, child) for mask, child in others]
        self.spend(len(branches) * len(others))
        return level, [
            (mask & other, child, other_child)
            for mask, child in branches
            for other, other_child in others
            if mask & other
        ]


def _first(mask: int) -> int:
    return (mask & -mask).bit_length() - 1
