"""All batches of a process: begun when they are made, or when the process starts and they had not ended; and what has
expired is deleted.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import msgspec

from gateway.state.batches import Batches
from gateway.state.database import StorageFull, StorageUnavailable
from gateway.state.files import Files
from gateway.values.batch import Batch
from gateway.watch.batches.held import HeldBytes
from gateway.watch.batches.pace import Pace
from gateway.watch.batches.run import Ask, BatchRun, RunRooms

_HELD_BYTES = 64 * 1024 * 1024
_SWEEP_S = 600.0
_CUT_S = 5.0  # for what was cut off to be on record
_AGAIN_S = 60.0  # after a run that failed in the gateway, or a start at which nothing could be read
_log = logging.getLogger(__name__)


class BatchBounds(msgspec.Struct, frozen=True, kw_only=True):
    """`at_once`: lines of all batches; `max_open`: batches of one key; `keep_s` of one that has ended."""

    at_once: int
    max_lines: int
    max_line_bytes: int
    max_open: int
    keep_s: int
    drain_s: float


class BatchRunner:
    """One per process, on its event loop. `told` hears what becomes of lines."""

    def __init__(self, files: Files, batches: Batches, bounds: BatchBounds, told: Callable[[str], None]) -> None:
        self._files = files
        self._batches = batches
        self.bounds = bounds
        self._told = told
        self._rooms: RunRooms | None = None
        self._runs: dict[str, BatchRun] = {}  # of what has not ended
        self._working: set[asyncio.Task[None]] = set()
        self._beside: set[asyncio.Task[None]] = set()
        self._stop_by: float | None = None  # of the monotonic clock

    def start(self, ask: Ask) -> None:
        """Go on with what had not ended. `ask` answers a line."""
        bounds = self.bounds
        self._rooms = RunRooms(
            files=self._files,
            batches=self._batches,
            ask=ask,
            pace=Pace(bounds.at_once),
            held=HeldBytes(_HELD_BYTES),
            told=self._told,
            at_once=bounds.at_once,
            most_lines=bounds.max_lines,
            most_line_bytes=bounds.max_line_bytes,
        )
        if self._batches.are_there():
            _spawn(self._go_on(), self._beside)
        _spawn(self._sweep(), self._beside)

    def begin(self, batch: Batch) -> None:
        """Work on it from now on; one that comes while the gateway stops goes on after its next start."""
        if self._rooms is None or self._stop_by is not None:
            return
        run = self._runs[batch.id] = BatchRun(batch, self._rooms)
        _spawn(self._run(run), self._working)

    async def cancel(self, batch: Batch) -> Batch:
        """What it is now; one that has ended stays as it is. Raises StorageFull and StorageUnavailable."""
        run = self._runs.get(batch.id)
        return batch if run is None else await run.cancel()

    def live(self, batch: Batch) -> Batch:
        """As it stands now: what is on record is older."""
        run = self._runs.get(batch.id)
        return batch if run is None else run.batch

    def open_now(self) -> Counter[str]:
        """How many batches there are of each status that is not an end."""
        return Counter(run.batch.status.value for run in self._runs.values() if run.batch.is_open)

    def begin_stop(self) -> None:
        """No line is begun any more; those under way have as long as requests have."""
        if self._stop_by is None:
            self._stop_by = time.monotonic() + self.bounds.drain_s
            for run in self._runs.values():
                run.halt()

    def end(self) -> None:
        """Those under way end now: they are asked again after the next start."""
        self._stop_by = time.monotonic()
        for run in self._runs.values():
            run.halt()
            run.cut()

    async def stop(self) -> None:
        """All that was answered is on the disk."""
        for task in self._beside:
            task.cancel()
        self.begin_stop()
        left_s = (self._stop_by or 0.0) - time.monotonic()
        if self._working:
            await asyncio.wait(self._working, timeout=max(left_s, 0.0))
        self.end()
        if self._working:
            await asyncio.wait(self._working, timeout=_CUT_S)

    async def _run(self, run: BatchRun) -> None:
        try:
            await run.run()
        except Exception:  # noqa: BLE001 - whatever it is, no line is lost
            if self._stop_by is not None:
                return
            _log.exception("batch %s failed in the gateway: it goes on in %g s", run.batch.id, _AGAIN_S)
            await asyncio.sleep(_AGAIN_S)
            self.begin(run.batch)
        else:
            if not run.batch.is_open:
                self._runs.pop(run.batch.id, None)

    async def _go_on(self) -> None:
        while True:
            try:
                found = await asyncio.to_thread(self._batches.open_ones)
            except (StorageFull, StorageUnavailable, msgspec.MsgspecError) as trouble:
                _log.error("batches cannot be read (%s): it is tried again", trouble)
                await asyncio.sleep(_AGAIN_S)
            else:
                break
        for batch in found:
            self.begin(batch)
        if found:
            _log.info("%d batches go on", len(found))

    async def _sweep(self) -> None:
        while True:
            if self._batches.are_there():
                with suppress(StorageFull, StorageUnavailable):  # who stores is told
                    await asyncio.to_thread(self._files.sweep, time.time())
                    await asyncio.to_thread(self._batches.forget, time.time() - self.bounds.keep_s)
            await asyncio.sleep(_SWEEP_S)


def _spawn(work: Coroutine[Any, Any, None], among: set[asyncio.Task[None]]) -> None:
    task = asyncio.get_running_loop().create_task(work)
    among.add(task)
    task.add_done_callback(among.discard)
