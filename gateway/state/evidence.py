"""Evidence that requests of one arm go wrong more often than those of the other, valid at any time.

Requests come in blocks: one ends as soon as it holds requests of both arms, so that it has one of the arm that came last
and some of the other. Given how many of a block went wrong, chance alone says which: where the odds of staged requests
are `odds` times those of the others, the single one is among them with a probability that depends on nothing else,
neither on how often requests go wrong nor on how that changes (Fisher's noncentral hypergeometric distribution). So the
likelihood ratio of larger odds to the tolerated ones is an E-variable for each block, their product over blocks a test
martingale, and so is the mean of the products for several odds. By Ville's inequality it ever exceeds 1/alpha with
probability alpha at most. It is the safe logrank test (ter Schure, Perez-Ortiz, Ly, Grunwald 2024) for requests in
blocks instead of patients at risk.
"""

import math

TOLERATED = 1.1  # times the odds of the others: what is not worse by more is not withdrawn for it
_ODDS = (1.5, 2.0, 3.0, 6.0, 20.0, 100.0)  # those that are held against it, equally likely before anything was seen
CURRENT, STAGED = 0, 1


class Evidence:
    """Of one kind of going wrong, in one trial. `requests` and `wrong` count by arm."""

    def __init__(self) -> None:
        self.requests = [0, 0]
        self.wrong = [0, 0]
        self._block = [0, 0]
        self._wrong_in_block = [0, 0]
        self._logs = [0.0] * len(_ODDS)

    def count(self, arm: int, wrong: bool) -> None:  # noqa: FBT001 - in the order of what happens
        """A request of this arm ended."""
        self.requests[arm] += 1
        self._block[arm] += 1
        if wrong:
            self.wrong[arm] += 1
            self._wrong_in_block[arm] += 1
        if self._block[1 - arm]:
            self._close(arm)

    @property
    def value(self) -> float:
        """How many times the odds are against chance: 1 at the beginning."""
        most = max(self._logs)
        return math.exp(min(most, 700.0)) * sum(math.exp(one - most) for one in self._logs) / len(_ODDS)

    @property
    def excess(self) -> float:
        """How much larger the staged arm's share of wrong requests is than what is tolerated, as a share of its requests."""
        if not all(self.requests):
            return 0.0
        current, staged = (wrong / of for wrong, of in zip(self.wrong, self.requests, strict=True))
        return staged - TOLERATED * current

    def _close(self, single: int) -> None:
        """The block holds one request of the arm `single`, and all else is of the other."""
        size, wrong = sum(self._block), sum(self._wrong_in_block)
        if 0 < wrong < size:
            went_wrong = bool(self._wrong_in_block[single])
            tolerated = _probability(single, went_wrong, wrong, size, TOLERATED)
            for at, odds in enumerate(_ODDS):
                self._logs[at] += math.log(_probability(single, went_wrong, wrong, size, odds) / tolerated)
        self._block = [0, 0]
        self._wrong_in_block = [0, 0]


def _probability(single: int, went_wrong: bool, wrong: int, size: int, odds: float) -> float:  # noqa: FBT001
    """That the single one of its arm went wrong, or did not, if so many of the block did."""
    weight = wrong * (odds if single == STAGED else 1 / odds)
    return (weight if went_wrong else size - wrong) / (weight + size - wrong)
