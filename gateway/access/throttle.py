"""Turns away, early and cheaply, a share of what a caller sends while most of it would be refused for want of room anyway
(adaptive throttling: Beyer et al., Site Reliability Engineering, 2016, chapter 21).
"""

_TIMES = 2.0  # a caller may send this many times what is taken
_HALF_LIFE_S = 10.0
_FORGOTTEN = 0.5  # requests: less is nothing


class Throttle:
    """One per process. Only callers that were refused lately are counted, so the others cost nothing. `now`: seconds."""

    def __init__(self) -> None:
        self._refused: dict[str | None, _Counts] = {}

    def admits(self, caller: str | None, now: float, dice: float) -> bool:
        """Whether a request is worth reading; `dice` is a draw from [0, 1)."""
        counts = self._refused.get(caller)
        if counts is None:
            return True
        counts.fade(now)
        if counts.refused < _FORGOTTEN:
            del self._refused[caller]
            return True
        share = (counts.asked - _TIMES * (counts.asked - counts.refused)) / (counts.asked + 1.0)
        counts.asked += 1
        if dice < share:
            counts.refused += 1
            return False
        return True

    def refused(self, caller: str | None, now: float) -> None:
        """What it sent could not be taken."""
        counts = self._refused.get(caller)
        if counts is None:
            counts = self._refused[caller] = _Counts(now)
            counts.asked = 1.0
        counts.refused += 1


class _Counts:
    def __init__(self, now: float) -> None:
        self.asked = self.refused = 0.0
        self._at = now

    def fade(self, now: float) -> None:
        kept = 0.5 ** ((now - self._at) / _HALF_LIFE_S)
        self.asked *= kept
        self.refused *= kept
        self._at = now
