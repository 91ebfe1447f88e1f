"""How much one detection may look at. The clock is the caller's: a pure room has none.

Work is counted in steps. A step is a few microseconds: a candidate that is looked at, a region whose phone numbers it
is compared with, a block that is scanned. Equal input takes equal steps on every machine.
"""

from collections.abc import Callable

import msgspec

_BETWEEN = 50  # steps between two looks at the time


class ScanBudget(msgspec.Struct, frozen=True, kw_only=True):
    """`expired` is asked between pieces of work of at most some tenths of a millisecond; True makes detection give up.

    `max_checks` bounds the candidates of one kind that are validated; if it is reached before one was found, detection
    has failed, since what was not looked at may hold one. `max_count` is where the count of a kind saturates: from
    there on the kind is looked for no more, and the count says "at least". `max_characters` bounds the text, what is
    decoded from it included. `max_steps` bounds the work, where it is to be done elsewhere if it is more.
    """

    expired: Callable[[], bool] | None = None
    max_checks: int = 20_000
    max_count: int = 100
    max_characters: int = 64 * 1024 * 1024
    max_steps: int | None = None


class GivenUp(Exception):
    """Detection cannot go on. Its text is for operators: it holds nothing of the request."""


class Meter:
    """What is used of a budget during one detection. `steps` is the work done so far."""

    __slots__ = ("_ask_at", "_characters", "_expired", "_most", "steps")

    def __init__(self, budget: ScanBudget) -> None:
        self._expired = budget.expired
        self._characters = budget.max_characters
        self._most = budget.max_steps
        self._ask_at = _BETWEEN
        self.steps = 0

    @property
    def is_out_of_steps(self) -> bool:
        """True if it is more work than the budget's steps."""
        return self._most is not None and self.steps > self._most

    def work(self, steps: int = 1) -> None:
        """Count work in before it is done; now and then ask whether time is up. Raises GivenUp."""
        self.steps += steps
        if self.steps >= self._ask_at:
            self._ask()

    def tick(self) -> None:
        """Count one step in, and ask. Raises GivenUp."""
        self.steps += 1
        self._ask()

    def pause(self) -> None:
        """Ask, in the middle of what is counted elsewhere. Raises GivenUp."""
        self._ask()

    def _ask(self) -> None:
        ask_at, most = self.steps + _BETWEEN, self._most
        if most is not None:
            if self.steps > most:
                raise GivenUp("more work than is done at once")
            ask_at = min(ask_at, most + 1)
        self._ask_at = ask_at
        if self._expired is not None and self._expired():
            raise GivenUp("out of time")

    def take(self, characters: int) -> None:
        """Count text in before it is looked at. Raises GivenUp."""
        self._characters -= characters
        if self._characters < 0:
            raise GivenUp("more text than is looked at")
        self.tick()
