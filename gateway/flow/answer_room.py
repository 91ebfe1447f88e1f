"""How many bytes of answers that were put together from parts are in memory at once, of all requests together."""

import asyncio
from typing import Any

from gateway.values.outcome import AttemptFailed, Outcome

ALL_BYTES = 1024 * 1024 * 1024
ONE_BYTES = ALL_BYTES // 2  # of one answer
_RETRY_S = 5.0


class AnswerRoom:
    """One per process. What a request's answer takes is given back when the request's task ends."""

    def __init__(self, total: int = ALL_BYTES) -> None:
        self.held = 0
        self._total = total
        self._of_task: dict[asyncio.Task[Any], int] = {}

    def hold(self, size: int) -> None:
        """The present request's answer has `size` bytes by now. Raises AttemptFailed (gateway_busy) where there is no room."""
        task = asyncio.current_task()
        if task is None:
            return
        before = self._of_task.get(task)
        if self.held + size - (before or 0) > self._total:
            raise AttemptFailed(
                Outcome.GATEWAY_BUSY, "too many large answers are in memory already", retry_after_s=_RETRY_S
            )
        if before is None:
            task.add_done_callback(self._give_back)
        self.held += size - (before or 0)
        self._of_task[task] = size

    def _give_back(self, task: asyncio.Task[Any]) -> None:
        self.held -= self._of_task.pop(task)
