"""How many bytes of large bodies are in memory at once, of all callers together; no key has more than half.

Who finds no room is told when there will be: when bodies that are here have stayed as long as bodies do lately, after
those that were promised room before.
"""

import asyncio
import math
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from gateway.http.errors import no_room
from gateway.http.memory import give_back

_LEAST_BYTES = 256 * 1024 * 1024
_FREE_BYTES = 64 * 1024  # a smaller body is not counted
_QUIET_S = 1.0  # without large bodies, before the memory that they took is given back
_STAY_S = 1.0  # of a body, while nothing is known
_CLAIMED_WITHIN_S = 5.0  # of its time, or a promise is over
_MOST_PROMISES = 256
_MEAN_STEP, _SPREAD_STEP, _SPREADS = 1 / 8, 1 / 4, 2  # of a running mean and its deviation (after RFC 6298)


@dataclass(slots=True, eq=False)
class _Body:
    """`since`: when it began to be here, or for one that was promised room, when it may come."""

    key: str | None
    size: int
    since: float
    is_taken: bool = True


class BodyBudget:
    """One per process. What a request's body takes is given back when its task ends. `largest`: bytes of one body."""

    def __init__(self, largest: int, total: int = _LEAST_BYTES, clock: Callable[[], float] = time.monotonic) -> None:
        self._total = max(total, 2 * largest)
        self._clock = clock
        self._of_key: Counter[str | None] = Counter()
        self._of_task: dict[asyncio.Task[Any], _Body] = {}  # the oldest first
        self._promised: deque[_Body] = deque(maxlen=_MOST_PROMISES)
        self._mean_s = self._spread_s = 0.0  # of how long a body stayed
        self._timer: asyncio.TimerHandle | None = None

    @property
    def held(self) -> int:
        """Bytes."""
        return self._of_key.total()

    def hold(self, key: str | None, size: int, announced: int = 0) -> None:
        """The present task's body has `size` bytes by now. Raises ApiError 503 where there is no room for them."""
        task = asyncio.current_task()
        if size <= _FREE_BYTES or task is None:
            return
        body = self._of_task.get(task)
        if body is None:
            body = _Body(key, 0, self._clock())
            self._keep_promise(body)
        more = size - body.size
        if self._of_key[key] + more > self._total // 2 or self.held + more > self._total:
            body.is_taken = False
            raise no_room(self._promise(body, max(size, announced)))
        if not body.size:
            self._of_task[task] = body
            task.add_done_callback(partial(self._give_back, body))
        body.size = size
        self._of_key[key] += more

    def _give_back(self, body: _Body, task: asyncio.Task[Any]) -> None:
        del self._of_task[task]
        self._of_key[body.key] -= body.size
        if not self._of_key[body.key]:
            del self._of_key[body.key]
        if body.is_taken:
            self._learn(self._clock() - body.since)
        if not self._of_task:
            if self._timer is not None:
                self._timer.cancel()
            loop = task.get_loop()
            self._timer = loop.call_later(_QUIET_S, loop.run_in_executor, None, self._when_quiet)

    def _learn(self, stayed_s: float) -> None:
        if not self._mean_s:
            self._mean_s, self._spread_s = stayed_s, stayed_s / 2
            return
        self._spread_s += _SPREAD_STEP * (abs(stayed_s - self._mean_s) - self._spread_s)
        self._mean_s += _MEAN_STEP * (stayed_s - self._mean_s)

    def _promise(self, body: _Body, size: int) -> float:
        """Seconds until there is room for it, which then is kept in mind."""
        now = self._clock()
        open_ones = [one for one in self._promised if one.since + _CLAIMED_WITHIN_S > now]
        self._promised = deque(open_ones, _MOST_PROMISES)
        after_s = max(math.ceil(self._room_after(body, size, now)), 1)  # as it is told
        self._promised.append(_Body(body.key, size, now + after_s))
        return after_s

    def _keep_promise(self, body: _Body) -> None:
        """One that may come now is taken to be one that was told so."""
        for one in self._promised:
            if one.key == body.key and one.since <= body.since:
                self._promised.remove(one)
                return

    def _room_after(self, body: _Body, size: int, now: float) -> float:
        """Bodies leave in the order in which they came; one that stays longer than most is not counted on soon."""
        stay_s = self._mean_s + _SPREADS * self._spread_s or _STAY_S
        together = self.held - body.size + sum(one.size for one in self._promised) + size - self._total
        own = self._of_key[body.key] - body.size + size - self._total // 2
        own += sum(one.size for one in self._promised if one.key == body.key)
        others = [one for one in self._of_task.values() if one is not body]
        due = [(one.since + stay_s, one) for one in (*others, *self._promised) if one.since + stay_s > now]
        late = [(2 * now - one.since, one) for one in reversed(others) if one.since + stay_s <= now]
        until = now
        for ends, one in (*due, *late):
            if together <= 0 and own <= 0:
                break
            if own > 0 and together <= 0 and one.key != body.key:
                continue
            together -= one.size
            own -= one.size if one.key == body.key else 0
            until = max(until, ends)
        return until - now

    def _when_quiet(self) -> None:
        """On a thread."""
        if not self._of_task:
            give_back()
