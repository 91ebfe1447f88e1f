"""How many requests one deployment takes at once, as it says itself: raised by answers, lowered by being told off.

Nothing bounds it until it says that it is overloaded, but for what the operator declared. Being told by many requests
that were under way together counts once, as in TCP. What it said once is not for ever: step by step it is forgotten.
"""

from gateway.values.headroom import LONGEST_HOLD_S

LEAST = 4  # below this one refusal would turn into refusing everybody
KEPT = 0.7  # of what was in flight when it said that it was too much
USED = 0.8  # of the limit: what was there when a success raises it
MORE, GROWTH = (
    1.0,
    0.1,
)  # in each round of answers it rises by one and a tenth: where answers take long, one is too little
_UNBOUNDED = float("inf")
_FORGOTTEN = 100_000.0  # attempts at once: as good as unbounded


class ConcurrencyLimit:
    """`most` is the operator's bound; None: none. Attempts are known by their tickets: 1 for the first begun, ..."""

    def __init__(self, most: int | None = None) -> None:
        self._most = _UNBOUNDED if most is None else most
        self._limit = _UNBOUNDED  # as found
        self._lowered_at = 0  # the newest ticket then
        self._said_at = 0.0  # or relaxed; seconds since the epoch

    @property
    def limit(self) -> int | None:
        """Attempts that may be in flight at once, at least 1; None if nothing bounds them."""
        limit = min(self._limit, self._most)
        return None if limit == _UNBOUNDED else int(limit)

    def answered(self, in_flight: int) -> None:
        """An attempt was answered that began as one of so many."""
        if in_flight >= USED * self._limit:
            self._limit = min(self._limit + MORE / self._limit + GROWTH, max(self._most, LEAST))

    def relax(self, now: float) -> None:
        """What has not been said again for so long counts half, and in the end not at all. A clock set back begins anew."""
        since = now - self._said_at
        if self._limit == _UNBOUNDED or 0.0 <= since < LONGEST_HOLD_S:
            return
        self._said_at = now
        if since > 0.0:
            self._limit *= 2.0 ** min(since // LONGEST_HOLD_S, 64.0)
        if self._limit > _FORGOTTEN:
            self._limit = _UNBOUNDED

    def overloaded(self, ticket: int, newest: int, in_flight: int, now: float) -> None:
        """An attempt was told that the deployment has too much to do, while so many, itself included, were in flight."""
        self._said_at = now
        if ticket > self._lowered_at:
            self._lowered_at = newest
            self._limit = max(min(self._limit, in_flight) * KEPT, LEAST)
