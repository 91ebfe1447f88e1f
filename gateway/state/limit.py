"""How many requests one deployment takes at once: as it says itself, by additive increase and multiplicative decrease.

Nothing bounds it until it says that it is overloaded, but for what the operator declared. Being told by many requests
that were under way together counts once, as in TCP.
"""

LEAST = 4  # below this one refusal would turn into refusing everybody
KEPT = 0.7  # of what was in flight when it said that it was too much
USED = 0.8  # of the limit: what was there when a success raises it
_UNBOUNDED = float("inf")


class ConcurrencyLimit:
    """`most` is the operator's bound; None: none. Attempts are known by their tickets: 1 for the first begun, ..."""

    def __init__(self, most: int | None = None) -> None:
        self._most = _UNBOUNDED if most is None else most
        self._limit = _UNBOUNDED  # as found
        self._lowered_at = 0  # the newest ticket then

    @property
    def limit(self) -> int | None:
        """Attempts that may be in flight at once, at least 1; None if nothing bounds them."""
        limit = min(self._limit, self._most)
        return None if limit == _UNBOUNDED else int(limit)

    def answered(self, in_flight: int) -> None:
        """An attempt was answered that began as one of so many."""
        if in_flight >= USED * self._limit:
            self._limit = min(self._limit + 1.0 / self._limit, max(self._most, LEAST))

    def overloaded(self, ticket: int, newest: int, in_flight: int) -> None:
        """An attempt was told that the deployment has too much to do, while so many, itself included, were in flight."""
        if ticket > self._lowered_at:
            self._lowered_at = newest
            self._limit = max(min(self._limit, in_flight) * KEPT, LEAST)
