"""How many other attempts were at a deployment while one was: the mean over its life.

That is what its pace depended on. How many were there when it began says less of it, the longer it runs: a line through
such samples is too flat, and a server that has emptied would still look as slow as when it was full.
"""


class Company:
    """Of one deployment, as the integral of its attempts over time. `now` is seconds since the epoch."""

    def __init__(self) -> None:
        self.attempt_s = 0.0  # attempts there, times seconds
        self._at: float | None = None

    def changes(self, in_flight: int, now: float) -> float:
        """So many were there until now; the integral. A clock that jumps back stands still here."""
        if self._at is None:
            self._at = now
        elif now > self._at:
            self.attempt_s += in_flight * (now - self._at)
            self._at = now
        return self.attempt_s


def others(attempt_s: float, seconds: float, at_first: int) -> float:
    """Attempts beside one in the mean, from how much the integral grew in its life; `at_first` if it had none."""
    return max(attempt_s / seconds - 1.0, 0.0) if seconds > 0 else float(at_first)
