"""What was found so far, within the budget."""

from collections.abc import Iterable

from gateway.privacy.budget import Budget, GivenUp, Meter
from gateway.privacy.sighting import Sighting
from gateway.values.finding import NOTHING_FOUND, Detection, Finding, Kind


class Tally:
    """Counts by kind. A kind's count stops at `max_count`."""

    def __init__(self, kinds: frozenset[Kind], budget: Budget) -> None:
        self._kinds = kinds
        self._found: dict[Kind, int] = {}
        self._elsewhere: dict[Kind, int] = {}  # in other spellings of the same text
        self._checked: dict[Kind, int] = {}
        self._max_checks = budget.max_checks
        self._max_count = budget.max_count

    def another_spelling(self) -> None:
        """What follows is the same text, spelled otherwise: a kind counts as often as where it was found most."""
        self._elsewhere, self._found = self._most(), {}

    def other_text(self) -> None:
        """What follows is no other spelling of what was counted."""
        self._elsewhere, self._found = {}, self._most()

    def wanted(self, kinds: frozenset[Kind]) -> frozenset[Kind]:
        """Those of these kinds that are looked for, and whose count can still grow."""
        if not self._found and kinds <= self._kinds:
            return kinds
        return frozenset(kind for kind in kinds & self._kinds if self._found.get(kind, 0) < self._max_count)

    def look(self, sightings: Iterable[Sighting], meter: Meter) -> None:
        """Count the valid ones. Raises GivenUp where time or checks are used up."""
        for sighting in sightings:
            kind = sighting.kind
            checked = self._checked[kind] = self._checked.get(kind, 0) + 1
            if sighting.valid and kind in self._kinds:
                self._found[kind] = min(self._found.get(kind, 0) + 1, self._max_count)
            elif checked >= self._max_checks and kind in self._kinds and kind not in self._most():
                raise GivenUp(f"too many candidates for {kind.value}")
            meter.tick()

    def detection(self, failed: str | None) -> Detection:
        """The answer, in the order of the kinds."""
        most = self._most()
        if failed is None and not most:
            return NOTHING_FOUND
        return Detection(tuple(Finding(kind, most[kind]) for kind in Kind if kind in most), failed)

    def _most(self) -> dict[Kind, int]:
        if not self._elsewhere:
            return self._found
        kinds = self._found.keys() | self._elsewhere.keys()
        return {kind: max(self._found.get(kind, 0), self._elsewhere.get(kind, 0)) for kind in kinds}
