"""Turns away, early and cheaply, part of what a caller sends while more of it is refused for want of room than is taken
(after adaptive throttling: Beyer et al., Site Reliability Engineering, 2016, chapter 21).

Only what was let in counts, taken or refused: what the throttle itself turns away says nothing of the room that there is.
"""

import math

_HALF_LIFE_S = 10.0
_FORGOTTEN = 0.5  # refusals: less is nothing
_SLACK = 5.0  # refusals more than what is taken: one burst is no habit
_SLOT_S = 1.0  # of a caller that is turned away, one request is let in so often
_MOST_SLOTS = 5  # that may be saved up


class Throttle:
    """One per process. Only callers that were refused lately are counted, so the others cost nothing. `now`: seconds."""

    def __init__(self) -> None:
        self._refused: dict[str | None, _Counts] = {}

    def admits(self, caller: str | None, now: float) -> bool:
        """Whether a request is worth reading."""
        counts = self._refused.get(caller)
        if counts is None:
            return True
        counts.fade(now)
        if counts.refused < _FORGOTTEN:
            del self._refused[caller]
            return True
        if counts.refused > counts.taken + _SLACK and not counts.take_slot(now):
            return False
        counts.taken += 1
        return True

    def refused(self, caller: str | None, now: float) -> None:
        """What was let in could not be taken."""
        counts = self._refused.get(caller)
        if counts is None:
            counts = self._refused[caller] = _Counts(now)
        else:
            counts.fade(now)
        counts.taken = max(counts.taken - 1, 0.0)
        counts.refused += 1

    def wait_s(self, caller: str | None, now: float) -> float:
        """When one that was just turned away is let in: each is promised a turn of its own, or all are let in before."""
        counts = self._refused.get(caller)
        if counts is None:
            return 0.0
        return min(counts.promise_slot(now), counts.free_after_s())


class _Counts:
    """What was let in since the first refusal: each counts half after the half-life. Turns come one in `_SLOT_S`."""

    def __init__(self, now: float) -> None:
        self.taken = self.refused = 0.0
        self._at = self._since = now
        self._used = self._promised = 0  # turns

    def fade(self, now: float) -> None:
        if now <= self._at:  # one that came earlier is heard of later
            return
        kept = 0.5 ** ((now - self._at) / _HALF_LIFE_S)
        self.taken *= kept
        self.refused *= kept
        self._at = now

    def take_slot(self, now: float) -> bool:
        due = self._due(now)
        self._used = max(self._used, due - _MOST_SLOTS)
        if self._used >= due:
            return False
        self._used += 1
        return True

    def promise_slot(self, now: float) -> float:
        self._promised = max(self._promised, self._used, self._due(now)) + 1
        return self._since + self._promised * _SLOT_S - now

    def free_after_s(self) -> float:
        """By then so much has faded that all are let in."""
        return _HALF_LIFE_S * math.log2(max((self.refused - self.taken) / _SLACK, 1.0))

    def _due(self, now: float) -> int:
        return max(int((now - self._since) / _SLOT_S), 0)
