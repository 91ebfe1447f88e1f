"""How many requests are worked on at once, who waits for room, and who is turned away at once because waiting would not
help: a bounded queue by priority, in the order of arrival within each.

A queue that is full gives up its last of the lowest priority for one of a higher one. A request whose deadline comes
before its turn is expected is turned away when it comes, not when the deadline has passed.
"""

import asyncio
import time
from collections import OrderedDict

from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.priority import Priority

_KEEP = 0.9  # of the mean of what is between two that leave, with each new one
_LEAST_RETRY_S = 1.0


class Admission:
    """One per process. Single-threaded. Each `enter_at_once` that is true, and each `wait`, is followed by one `leave`."""

    def __init__(self, most_running: int, most_waiting: int) -> None:
        self.running = 0
        self.waiting = 0
        self._most_running = most_running
        self._most_waiting = most_waiting
        self._queues: dict[Priority, OrderedDict[int, asyncio.Future[None]]] = {
            priority: OrderedDict() for priority in sorted(Priority, reverse=True)
        }
        self._number = 0
        self._between_s: float | None = None  # two that leave, while some waited
        self._left_at = 0.0

    def enter_at_once(self) -> bool:
        """True if there is room: then it is taken."""
        if self.running >= self._most_running or self.waiting:
            return False
        self.running += 1
        return True

    async def wait(self, priority: Priority, deadline: float) -> None:
        """Until there is room; then it is taken. `deadline` is of the monotonic clock.

        Raises AttemptFailed (gateway_busy) where it would come too late, or there is no room to wait.
        """
        ahead = sum(len(queue) for rank, queue in self._queues.items() if rank >= priority)
        if self._expected_s(ahead) > deadline - time.monotonic():
            raise self._busy("its turn would come after its deadline")
        if self.waiting >= self._most_waiting and not self._make_room(priority):
            raise self._busy("too many requests wait already")
        self._number += 1
        number, turn = self._number, asyncio.get_running_loop().create_future()
        self._queues[priority][number] = turn
        self.waiting += 1
        try:
            async with asyncio.timeout_at(deadline):
                await turn
        except TimeoutError:
            self._pass_on(turn)
            raise self._busy("its turn did not come before its deadline") from None
        except asyncio.CancelledError:
            self._pass_on(turn)
            raise
        finally:
            if self._queues[priority].pop(number, None) is not None:
                self.waiting -= 1

    def leave(self) -> None:
        """One is done: the first of those that wait takes its place."""
        now = time.monotonic()
        if self.waiting:
            if self._left_at:
                between = now - self._left_at
                self._between_s = between if self._between_s is None else _mean(self._between_s, between)
            self._left_at = now
        else:
            self._left_at, self._between_s = 0.0, None  # what the next ones wait for may be quicker
        for queue in self._queues.values():
            while queue:
                _, turn = queue.popitem(last=False)
                self.waiting -= 1
                if not turn.done():
                    turn.set_result(None)
                    return
        self.running -= 1

    def _pass_on(self, turn: asyncio.Future[None]) -> None:
        """Nobody uses this turn; it may have come in the very moment in which the wait was given up."""
        if turn.done() and not turn.cancelled() and turn.exception() is None:
            self.leave()

    def _make_room(self, priority: Priority) -> bool:
        """The last of the lowest priority below this one is turned away."""
        for rank in sorted(Priority):
            if rank >= priority:
                return False
            if self._queues[rank]:
                _, turn = self._queues[rank].popitem(last=True)
                self.waiting -= 1
                if not turn.done():
                    turn.set_exception(self._busy("one of a higher priority came"))
                return True
        return False

    def _expected_s(self, ahead: int) -> float:
        return (ahead + 1) * (self._between_s or 0.0)

    def _busy(self, why: str) -> AttemptFailed:
        retry_after_s = max(self._expected_s(self.waiting), _LEAST_RETRY_S)
        return AttemptFailed(Outcome.GATEWAY_BUSY, why, retry_after_s=retry_after_s)


def _mean(before: float, newest: float) -> float:
    return _KEEP * before + (1 - _KEEP) * newest
