"""Evidence that requests of one arm go wrong more often than those of the other, valid at any time.

Requests come in blocks: a run of staged ones, and of the others about half of those before it and half of those after it,
so that what changes meanwhile falls on both alike. Given how many of a block went wrong, chance alone says which: where
the odds of staged requests are `odds` times those of the others, so many of them are among them with a probability that
depends on nothing else, neither on how often requests go wrong nor on how that changes from block to block (Fisher's
noncentral hypergeometric distribution). So the likelihood ratio of larger odds to the tolerated ones is an E-variable for
each block, their product over blocks a test martingale, and so is the mean of the products for several odds. By Ville's
inequality it ever exceeds 1/alpha with probability alpha at most. It is the anytime-valid logrank test (ter Schure,
Perez-Ortiz, Ly, Grunwald 2024) for requests in blocks instead of patients at risk.
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
        self.value = 1.0  # how many times the odds are against chance, as of the last block that is whole
        self._logs = [0.0] * len(_ODDS)
        self._block, self._wrong_in_block = [0, 0], [0, 0]
        self._before, self._wrong_before = 0, 0  # of the others, for the next block
        self._in_run = self._to_next = False

    def count(self, arm: int, wrong: bool) -> None:  # noqa: FBT001 - in the order of what happens
        """A request of this arm ended."""
        self.requests[arm] += 1
        self.wrong[arm] += wrong
        if arm == STAGED:
            if not self._in_run:
                self._close()
                self._in_run = True
            self._block[STAGED] += 1
            self._wrong_in_block[STAGED] += wrong
            return
        self._in_run = False
        self._to_next = not self._to_next
        if self._to_next:
            self._before += 1
            self._wrong_before += wrong
        else:
            self._block[CURRENT] += 1
            self._wrong_in_block[CURRENT] += wrong

    @property
    def excess(self) -> float:
        """How much larger the staged arm's share of wrong requests is than what is tolerated, as a share of its requests."""
        if not all(self.requests):
            return 0.0
        current, staged = (wrong / of for wrong, of in zip(self.wrong, self.requests, strict=True))
        return staged - TOLERATED * current

    def _close(self) -> None:
        """A new run begins: the block before it is whole."""
        of_others, of_staged = self._block
        wrong = sum(self._wrong_in_block)
        if of_others and of_staged and 0 < wrong < of_others + of_staged:
            among = self._wrong_in_block[STAGED]
            tolerated = log_probability(among, wrong, of_staged, of_others, TOLERATED)
            for at, odds in enumerate(_ODDS):
                self._logs[at] += log_probability(among, wrong, of_staged, of_others, odds) - tolerated
            most = max(self._logs)
            self.value = math.exp(min(most, 700.0)) * sum(math.exp(one - most) for one in self._logs) / len(_ODDS)
        self._block, self._wrong_in_block = [self._before, 0], [self._wrong_before, 0]
        self._before = self._wrong_before = 0


def log_probability(among: int, wrong: int, of_staged: int, of_others: int, odds: float) -> float:
    """That `among` of `wrong` requests are staged ones, in a block of so many of each; the natural logarithm.

    By logarithms throughout: the terms of a block in which some hundred of each arm went wrong pass the range of numbers.
    """
    fewest = max(0, wrong - of_others)
    term = largest = own = 0.0  # of as many as can be fewest; the others follow from it
    total = 1.0  # of the terms so far, in units of the largest
    for count in range(fewest, min(wrong, of_staged)):
        ways = (of_staged - count) * (wrong - count) / ((count + 1) * (of_others - wrong + count + 1))
        term += math.log(odds * ways)
        if term > largest:
            total *= math.exp(largest - term)
            largest = term
        total += math.exp(term - largest)
        if count + 1 == among:
            own = term
    return own - largest - math.log(total)
