"""Waiting for a condition, in real time."""

import time
from collections.abc import Callable
from typing import Any


def wait_for(what: Callable[[], Any], *, within_s: float) -> float:
    """Seconds until it held; looks every 20 ms, and fails if it takes too long."""
    since = time.monotonic()
    while not what():
        assert time.monotonic() - since < within_s, f"it did not come within {within_s} s"
        time.sleep(0.02)
    return time.monotonic() - since
