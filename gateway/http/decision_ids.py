"""The ids of decisions, by which requests are found again."""

import itertools
import os
import time


class DecisionIds:
    """Ids that sort by time: milliseconds, a counter, and what tells this process from others; 28 hex digits."""

    def __init__(self) -> None:
        self._process = os.urandom(5).hex()
        self._counter = itertools.count()

    def new(self) -> str:
        """The next id."""
        number = time.time_ns() // 1_000_000 << 28 | next(self._counter) & 0xFFFFFFF
        return f"{number:018x}{self._process}"
