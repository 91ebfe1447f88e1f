"""Work on the disk for a batch, as often as it takes: one that is full today has room tomorrow, and nothing is lost."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from gateway.state.database import StorageFull, StorageUnavailable

P = ParamSpec("P")
T = TypeVar("T")
_AGAIN_S = 5.0
_SAY_EVERY_S = 60.0
_log = logging.getLogger(__name__)


class PatientDisk:
    """`of`: what the log calls it."""

    def __init__(self, of: str) -> None:
        self._of = of
        self._said_at = -_SAY_EVERY_S
        self.waits = True  # false: what fails now fails

    async def run(self, work: Callable[P, T], *args: P.args, **more: P.kwargs) -> T:
        """What `work`, which blocks, gives. Raises StorageFull and StorageUnavailable once nobody waits any more."""
        while True:
            try:
                return await asyncio.to_thread(work, *args, **more)
            except (StorageFull, StorageUnavailable) as trouble:
                if not self.waits:
                    raise
                if time.monotonic() >= self._said_at + _SAY_EVERY_S:
                    self._said_at = time.monotonic()
                    _log.error("%s cannot be read or written (%s): it is tried again", self._of, trouble)
            await asyncio.sleep(_AGAIN_S)
