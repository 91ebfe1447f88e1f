"""What was found so far, within the budget."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from gateway.privacy.budget import Budget, GivenUp, Meter
from gateway.privacy.sighting import Sighting
from gateway.values.finding import NOTHING_FOUND, Detection, Finding, Kind


class Tally:
    """Counts by kind. A kind's count stops at `max_count`.

    A text may be looked at in several spellings: a kind counts as often as in the one where it was found most.
    """

    def __init__(self, kinds: frozenset[Kind], budget: Budget) -> None:
        self._kinds = kinds
        self._found: dict[Kind, int] = {}
        self._here: dict[Kind, int] = {}  # in this spelling of this text
        self._elsewhere: dict[Kind, int] = {}  # in its other spellings
        self._checked: dict[Kind, int] = {}
        self._max_checks = budget.max_checks
        self._max_count = budget.max_count

    def another_spelling(self) -> None:
        """What follows is the same text, spelled otherwise."""
        if self._here:
            self._elsewhere, self._here = self._most_here(), {}

    def other_text(self) -> None:
        """What follows is no other spelling of what was counted."""
        if self._here or self._elsewhere:
            self._found = self._all()
            self._here, self._elsewhere = {}, {}

    def so_far(self) -> dict[Kind, int]:
        """What was found in all other texts; for `reading`."""
        return self._found

    @contextmanager
    def reading(self, before: dict[Kind, int]) -> Iterator[None]:
        """Around one of several readings of a text: a kind counts as often as in the one where it was found most."""
        others, self._found = self._found, before
        try:
            yield
        finally:
            here = self._all()
            self._here, self._elsewhere = {}, {}
            self._found = others | {kind: max(count, others.get(kind, 0)) for kind, count in here.items()}

    def wanted(self, kinds: frozenset[Kind]) -> frozenset[Kind]:
        """Those of these kinds that are looked for, and whose count can still grow."""
        if not self._found and not self._here and kinds <= self._kinds:
            return kinds
        found = self._all()
        return frozenset(kind for kind in kinds & self._kinds if found.get(kind, 0) < self._max_count)

    def missing(self) -> frozenset[Kind]:
        """Those that are looked for and were not found yet."""
        return self._kinds - self._all().keys()

    def look(self, sightings: Iterable[Sighting], meter: Meter) -> None:
        """Count the valid ones. Raises GivenUp where time or checks are used up."""
        for sighting in sightings:
            kind = sighting.kind
            checked = self._checked[kind] = self._checked.get(kind, 0) + 1
            if sighting.valid and kind in self._kinds:
                self._here[kind] = min(self._here.get(kind, 0) + 1, self._max_count)
            elif checked >= self._max_checks and kind in self._kinds and kind not in self._all():
                raise GivenUp(f"too many candidates for {kind.value}")
            meter.work()

    def detection(self, failed: str | None) -> Detection:
        """The answer, in the order of the kinds."""
        found = self._all()
        if failed is None and not found:
            return NOTHING_FOUND
        return Detection(tuple(Finding(kind, found[kind]) for kind in Kind if kind in found), failed)

    def _most_here(self) -> dict[Kind, int]:
        kinds = self._here.keys() | self._elsewhere.keys()
        return {kind: max(self._here.get(kind, 0), self._elsewhere.get(kind, 0)) for kind in kinds}

    def _all(self) -> dict[Kind, int]:
        if not self._here and not self._elsewhere:
            return self._found
        here = self._most_here()
        kinds = here.keys() | self._found.keys()
        return {kind: min(self._found.get(kind, 0) + here.get(kind, 0), self._max_count) for kind in kinds}
