"""How late this machine is just now: what a test measures with its own clock is held to that."""

import functools
import threading
import time

_NAP_S = 0.005


class Lateness:
    """Takes naps in a thread of its own; how much longer than asked for they were."""

    def __init__(self) -> None:
        self._worst_s = 0.0
        threading.Thread(target=self._run, daemon=True, name="lateness").start()

    def forget(self) -> None:
        self._worst_s = 0.0

    @property
    def worst_s(self) -> float:
        """Of the naps since it forgot."""
        return self._worst_s

    def _run(self) -> None:
        while True:
            since = time.perf_counter()
            time.sleep(_NAP_S)
            self._worst_s = max(self._worst_s, time.perf_counter() - since - _NAP_S)


@functools.cache
def lateness() -> Lateness:
    """The one of this process."""
    return Lateness()
