"""How many bytes of large bodies are in memory at once, of all callers together; no key has more than half."""

import asyncio
from collections import Counter
from typing import Any

from gateway.api.errors import no_room

_LEAST_BYTES = 256 * 1024 * 1024
_FREE_BYTES = 64 * 1024  # a smaller body is not counted
_RETRY_S = 5.0


class BodyBudget:
    """One per process. What a request's body takes is given back when its task ends. `largest`: bytes of one body."""

    def __init__(self, largest: int, total: int = _LEAST_BYTES) -> None:
        self._total = max(total, 2 * largest)
        self._of_key: Counter[str | None] = Counter()
        self._of_task: dict[asyncio.Task[Any], tuple[str | None, int]] = {}

    @property
    def held(self) -> int:
        """Bytes."""
        return self._of_key.total()

    def hold(self, key: str | None, size: int) -> None:
        """The present task's body has `size` bytes by now. Raises ApiError 503 where there is no room for them."""
        task = asyncio.current_task()
        if size <= _FREE_BYTES or task is None:
            return
        before = self._of_task.get(task)
        more = size - (before[1] if before else 0)
        if self._of_key[key] + more > self._total // 2 or self.held + more > self._total:
            raise no_room(_RETRY_S)
        if before is None:
            task.add_done_callback(self._give_back)
        self._of_task[task] = (key, size)
        self._of_key[key] += more

    def _give_back(self, task: asyncio.Task[Any]) -> None:
        key, size = self._of_task.pop(task)
        self._of_key[key] -= size
        if not self._of_key[key]:
            del self._of_key[key]
