"""Which requests judge which deployment: those of the plan in force, and apart from them those of a staged plan under the
rules whose objective is another there. Under all other rules both have the same promise, and learn from each other.
"""

from collections.abc import Mapping

from gateway.learning.slo import SloBook
from gateway.values.slo import Slo, SloReading

Objectives = Mapping[str, Slo | None]  # by rule


class SloBooks:
    """One per process. Single-threaded. `now` is seconds since the epoch."""

    def __init__(self) -> None:
        self._book = SloBook()
        self._objectives: Objectives | None = None  # None: nobody said, so whoever is asked for is judged
        self._staged: _Staged | None = None

    def declare(self, objectives: Objectives, staged: tuple[str, Objectives] | None = None) -> None:
        """These are the rules of the plan in force, and the name and the rules of a staged one."""
        was, trial = self._objectives or {}, self._staged
        self._book.forget_rules({rule for rule in was if rule not in objectives or was[rule] != objectives[rule]})
        self._objectives = objectives
        if trial is not None and (staged is None or staged[0] != trial.revision):
            if trial.objectives == objectives:  # it was promoted: what was learned stays
                self._book.adopt(trial.book)
            self._staged = None
        if staged is not None and self._staged is None:
            apart = {rule for rule, slo in staged[1].items() if slo is not None and objectives.get(rule) != slo}
            self._staged = _Staged(*staged, apart)

    def record(self, revision: str, rule: str, deployment: str, slo: Slo, met: bool, now: float) -> None:  # noqa: FBT001, PLR0913, PLR0917
        """An attempt that counts ended. One under a promise that nobody makes any more says nothing."""
        staged = self._staged
        if staged is not None and revision == staged.revision and rule in staged.apart:
            staged.book.record(rule, deployment, slo, met, now)
        elif self._objectives is None or (own := self._objectives.get(rule)) is slo or own == slo:
            self._book.record(rule, deployment, slo, met, now)

    def readings(self, now: float, revision: str | None = None) -> dict[str, dict[str, SloReading]]:
        """By rule and deployment, as a decision of this revision sees them; None is that in force."""
        found = self._book.readings(now)
        staged = self._staged
        if staged is None or revision != staged.revision or not staged.apart:
            return found
        own = staged.book.readings(now)
        return {rule: one for rule, one in found.items() if rule not in staged.apart} | own


class _Staged:
    """Of a staged plan: its name, its rules, and those of them that are judged in a book of their own."""

    def __init__(self, revision: str, objectives: Objectives, apart: set[str]) -> None:
        self.revision, self.objectives, self.apart = revision, objectives, apart
        self.book = SloBook()
