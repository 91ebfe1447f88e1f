"""Time as the simulator has it: it stands still until something happens."""

import heapq
from collections.abc import Callable
from typing import Any, Protocol

Action = Callable[[Any], None]


class Clock(Protocol):
    """What servers need of time. The simulator's jumps from event to event; one over a real event loop would do as well."""

    @property
    def now(self) -> float:
        """Seconds since the epoch."""

    def at(self, when: float, action: Action, argument: Any = None) -> None:
        """Call `action(argument)` then. Nothing is ever taken back: an action looks whether it still means anything."""


class VirtualClock:
    """Events in the order of their time; of several at one time the one that was said first."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now
        self._said = 0
        self._events: list[tuple[float, int, Action, Any]] = []

    def at(self, when: float, action: Action, argument: Any = None) -> None:
        """Call `action(argument)` then; what should have been before now is now."""
        self._said += 1
        heapq.heappush(self._events, (max(self.now, when), self._said, action, argument))

    def run_until(self, when: float) -> None:
        """All that happens before `when`; then it is that time."""
        events = self._events
        while events and events[0][0] <= when:
            self.now, _, action, argument = heapq.heappop(events)
            action(argument)
        self.now = max(self.now, when)

    def run_while(self, goes_on: Callable[[], bool]) -> None:
        """All that happens, until `goes_on` is false or nothing is left."""
        while self._events and goes_on():
            self.now, _, action, argument = heapq.heappop(self._events)
            action(argument)
