"""How much one detection may look at. The clock is the caller's: a pure room has none."""

from collections.abc import Callable

import msgspec


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """`expired` is asked between steps of at most some milliseconds; once it says True, detection gives up.

    `max_checks` bounds the candidates of one kind that are validated; if it is reached before one was found, detection
    has failed, since what was not looked at may hold one. `max_count` is where the count of a kind saturates: from
    there on the kind is looked for no more, and the count says "at least". `max_characters` bounds the text, what is
    decoded from payloads included.
    """

    expired: Callable[[], bool] | None = None
    max_checks: int = 20_000
    max_count: int = 100
    max_characters: int = 64 * 1024 * 1024


class GivenUp(Exception):
    """Detection cannot go on. Its text is for operators: it holds nothing of the request."""


class Meter:
    """What is left of a budget during one detection."""

    def __init__(self, budget: Budget) -> None:
        self._expired = budget.expired
        self._characters = budget.max_characters

    def tick(self) -> None:
        """Ask whether time is up. Raises GivenUp."""
        if self._expired is not None and self._expired():
            raise GivenUp("out of time")

    def take(self, characters: int) -> None:
        """Count text in before it is looked at. Raises GivenUp."""
        self._characters -= characters
        if self._characters < 0:
            raise GivenUp("more text than is looked at")
        self.tick()
