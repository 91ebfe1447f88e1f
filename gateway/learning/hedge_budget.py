"""How many requests may be hedged: a share of each rule's traffic, so that a slow hour does not double the load."""

from collections.abc import Collection

_SAVED = 100.0  # hedges at most that may come at once


class HedgeBudget:
    """One per process: a bucket by rule. Each request puts its share in, each hedge takes one out."""

    def __init__(self) -> None:
        self._saved: dict[str, float] = {}

    def earn(self, rule: str, share: float) -> None:
        """A request came under the rule; `share` in (0, 1]. The first may be hedged at once."""
        self._saved[rule] = min(self._saved.get(rule, 1.0) + share, _SAVED)

    def spend(self, rule: str) -> bool:
        """Whether one more may be hedged now; if so, it counts."""
        saved = self._saved.get(rule, 0.0)
        if saved < 1.0:
            return False
        self._saved[rule] = saved - 1.0
        return True

    def keep_rules(self, rules: Collection[str]) -> None:
        """All others are in no plan any more."""
        self._saved = {rule: saved for rule, saved in self._saved.items() if rule in rules}
