"""The space of requests, as far as a policy can tell them apart: a few dimensions, each of a few atoms.

A policy names models, teams, tags, bounds of tokens, windows of time. Two requests with the same atoms match the same
rule. So matching is a lookup once a combination was seen, whatever the number of rules, and `verify` can look at the
whole space instead of at samples.
"""

import datetime as dt
import zoneinfo
from bisect import bisect_right
from collections.abc import Callable, Hashable

from gateway.routing.document import Time
from gateway.values.deployment import Capability
from gateway.values.finding import SensitiveKind
from gateway.values.request import Facts
from gateway.values.sensitivity import Sensitivity
from gateway.values.surface import Surface

Atom = Hashable
Atoms = tuple[Atom, ...]
OTHER = None  # the atom of all names that the policy does not speak of
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Dimension:
    """One thing that rules tell requests apart by. `atom` projects facts and time; `atoms` are all that can come out."""

    def __init__(
        self, name: str, atoms: tuple[Atom, ...], atom: Callable[[Facts, float], Atom], cuts: tuple[int, ...] = ()
    ) -> None:
        self.name = name
        self.atoms = atoms
        self.atom = atom
        self.cuts = cuts  # of an amount

    def __repr__(self) -> str:
        return f"Dimension({self.name!r}, {len(self.atoms)} atoms)"


def names(name: str, known: set[str], value: Callable[[Facts], str | None]) -> Dimension:
    """A name out of an open set: those that the policy speaks of, and all others as one."""
    table = {one: one for one in known}
    get = table.get
    return Dimension(name, (*sorted(known), OTHER), lambda facts, _now: get(value(facts)))  # type: ignore[arg-type]


def flag(name: str, value: Callable[[Facts], bool]) -> Dimension:
    """Yes or no."""
    return Dimension(name, (False, True), lambda facts, _now: value(facts))


def sensitivity() -> Dimension:
    """The four classes."""
    return Dimension("sensitivity", tuple(Sensitivity), lambda facts, _now: facts.sensitivity)


def surface() -> Dimension:
    """What the application calls."""
    return Dimension("surface", tuple(Surface), lambda facts, _now: facts.surface)


def amount(name: str, cuts: list[int], value: Callable[[Facts], int | None]) -> Dimension:
    """A number between sorted cuts: atom `i` is from `cuts[i - 1]` up to below `cuts[i]`; -1 is none at all."""

    def atom(facts: Facts, _now: float) -> Atom:
        number = value(facts)
        return -1 if number is None else bisect_right(cuts, number)

    return Dimension(name, (-1, *range(len(cuts) + 1)), atom, tuple(cuts))


def needs(capability: Capability) -> Dimension:
    """Whether the request needs it."""
    return flag(f"needs.{capability.value}", lambda facts: capability in facts.needs)


def found(kind: SensitiveKind) -> Dimension:
    """Whether detection found it."""
    return flag(f"found.{kind.value}", lambda facts: kind in facts.found)


class Windows:
    """All windows of time that a policy names. They change at whole minutes only, so a minute is looked at once."""

    def __init__(self, windows: list[Time]) -> None:
        self.windows = windows
        self._zones = [zoneinfo.ZoneInfo(window.timezone) for window in windows]
        self._minute = -1
        self._open: tuple[bool, ...] = ()

    def open_at(self, now: float) -> tuple[bool, ...]:
        """For each window whether it is open; `now` is seconds since the epoch."""
        minute = int(now // 60)
        if minute != self._minute:
            pairs = zip(self.windows, self._zones, strict=True)
            self._open = tuple(is_open(window, dt.datetime.fromtimestamp(now, zone)) for window, zone in pairs)
            self._minute = minute
        return self._open

    def dimension(self) -> Dimension:
        """All windows are one dimension: which of them can be open together is not free."""
        return Dimension("time", (), lambda _facts, now: self.open_at(now))


def is_open(window: Time, local: dt.datetime) -> bool:
    """Is the window open at this local time?"""
    start, end = _minutes(window.start), _minutes(window.end)
    at = local.hour * 60 + local.minute
    today = window.days is None or _DAYS[local.weekday()] in window.days
    if start < end:
        return today and start <= at < end
    yesterday = window.days is None or _DAYS[local.weekday() - 1] in window.days
    return (today and at >= start) or (yesterday and at < end)


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


class Space:
    """The dimensions of one policy. The atoms of a request come in their order."""

    def __init__(self, dimensions: list[Dimension], windows: Windows) -> None:
        self.dimensions = dimensions
        self.windows = windows
        self.index = {dimension.name: index for index, dimension in enumerate(dimensions)}
        self._project = [dimension.atom for dimension in dimensions]

    def atoms(self, facts: Facts, now: float) -> Atoms:
        """Where the request stands in the space."""
        return tuple([atom(facts, now) for atom in self._project])
