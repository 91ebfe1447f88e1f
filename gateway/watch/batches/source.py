"""The lines of a batch that are yet to be done, in their order, as they are wanted: a few at a time are in memory."""

import asyncio
import time
from collections import deque

from gateway.watch.batches.disk import PatientDisk
from gateway.watch.batches.held import HeldBytes
from gateway.watch.batches.lines import Input, Line, LineWrong
from gateway.watch.batches.results import Results

_LINES, _BYTES = 32, 256 * 1024  # read at a time
_PAUSE_EVERY, _PAUSE_S = 64, 0.00002  # lines that are passed over


class Source:
    """One pass over a batch's input. Who takes a line gives its bytes back to `held`. `gave`: how many were taken."""

    def __init__(self, lines: Input, results: Results, held: HeldBytes, disk: PatientDisk) -> None:
        self.gave = 0
        self._input = lines
        self._results = results
        self._held = held
        self._disk = disk
        self._lines: deque[Line] = deque()
        self._lock = asyncio.Lock()

    async def next(self) -> Line | None:
        """The next one, or None at the end of the file."""
        async with self._lock:
            if not self._lines:
                async with self._held.reading:
                    for line in await self._disk.run(self._read):
                        await self._held.take(len(line.body))
                        self._lines.append(line)
            if not self._lines:
                return None
            self.gave += 1
            return self._lines.popleft()

    def close(self) -> None:
        """Nobody takes the rest."""
        self._held.give(sum(len(line.body) for line in self._lines))
        self._lines.clear()

    def _read(self) -> list[Line]:
        """Blocks."""
        found: list[Line] = []
        size = passed = 0
        while len(found) < _LINES and size < _BYTES:
            try:
                line = self._input.next()
            except LineWrong as wrong:  # it was right when it was checked
                self._results.give_up(self._input.number, "", wrong.code, wrong.message)
                continue
            if line is None:
                break
            if not self._results.has(line.number):
                found.append(line)
                size += len(line.body)
            passed += 1
            if not passed % _PAUSE_EVERY:
                time.sleep(_PAUSE_S)
        return found


def give_up_rest(lines: Input, results: Results, code: str, message: str) -> None:
    """All lines that are not done are not answered any more. Blocks."""
    while True:
        try:
            line = lines.next()
        except LineWrong:
            continue
        if line is None:
            return
        results.give_up(line.number, line.custom_id, code, message)
        time.sleep(_PAUSE_S)
