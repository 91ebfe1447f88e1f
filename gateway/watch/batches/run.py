"""One batch, from its check to its end: its lines are asked, each until it has an answer, and what they gave is kept.

A line that finds too much to do (429, 503) waits as long as it is told and is asked again, for as long as the batch's window
is open; one that fails otherwise on the way is asked a few times more. Each is a request of its own, with a decision, a
deadline and a ceiling like any other.
"""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import BinaryIO

import msgspec
from msgspec.structs import replace

from gateway.state.batches import Batches
from gateway.state.files import Files, NoSuchFile
from gateway.values.batch import Batch, BatchCounts, BatchFault, BatchStatus
from gateway.values.outcome import Outcome
from gateway.values.stored_file import StoredFile
from gateway.watch.batches.disk import PatientDisk
from gateway.watch.batches.held import HeldBytes
from gateway.watch.batches.lines import Checked, CheckStopped, Input, Line, check
from gateway.watch.batches.pace import Pace
from gateway.watch.batches.results import LineAnswer, Results
from gateway.watch.batches.source import Source, give_up_rest

Ask = Callable[[Batch, Line], Awaitable[LineAnswer]]

_BUSY = frozenset({429, 503})  # it is asked again as often as it takes
_BROKEN = frozenset({502, 504})  # a few times
_TRIES = 3
_BUSY_IN_A_ROW = 5  # times that a line found too much to do: then the others come first
_FIRST_WAIT_S, _LONGEST_WAIT_S = 2.0, 60.0
_LAST_S = 30.0  # for lines under way, once a batch is cancelled or its window has closed
_SAVE_EVERY_S = 5.0
_NOT_ANSWERED = {
    BatchStatus.EXPIRED: ("batch_expired", "The batch's window closed before this line was answered."),
    BatchStatus.CANCELLED: ("batch_cancelled", "The batch was cancelled before this line was answered."),
}
_NO_INPUT = (BatchFault(code="file_missing", message="The input file is not there any more."),)


class RunRooms(msgspec.Struct, frozen=True, kw_only=True):
    """What all batches of a process share. `told` hears what becomes of a line: `completed`, `failed` or `asked_again`."""

    files: Files
    batches: Batches
    ask: Ask
    pace: Pace
    held: HeldBytes
    told: Callable[[str], None]
    at_once: int
    most_lines: int
    most_line_bytes: int


class BatchRun:
    """`batch` is as it stands now, with its counts. One task calls `run`; the other verbs may come from others of its loop."""

    def __init__(self, batch: Batch, rooms: RunRooms) -> None:
        self.batch = batch
        self._rooms = rooms
        self._disk = PatientDisk(f"batch {batch.id}")
        self._saving = asyncio.Lock()
        self._saved_at = time.monotonic()
        self._stop_check = threading.Event()
        self._ending = False  # no line is begun any more
        self._halted = False  # the gateway stops: what is left goes on after its next start
        self._workers: set[asyncio.Task[None]] = set()
        self._asking: set[asyncio.Task[None] | None] = set()

    async def run(self) -> None:
        """To its end, or to that of the gateway."""
        if self.batch.status is BatchStatus.VALIDATING:
            await self._validate()
        if not self.batch.is_open or self._halted:
            return
        name, path = self.batch.id.partition("_")[2], self._rooms.files.path
        results = await self._disk.run(Results, name, path(self.batch.results), path(self.batch.failures))
        self._count(results)
        try:
            try:
                if self.batch.status is not BatchStatus.CANCELLING:
                    await self._work(results)
                if not self._halted:
                    await self._finish(results)
            except NoSuchFile:
                cancelled = self.batch.status is BatchStatus.CANCELLING
                await self._end(results, BatchStatus.CANCELLED if cancelled else BatchStatus.FAILED, _NO_INPUT)
        finally:
            await asyncio.shield(asyncio.to_thread(results.close))

    async def cancel(self) -> Batch:
        """Begin no line any more; those under way have a while. What it is now. Raises StorageFull and StorageUnavailable."""
        async with self._saving:
            if self.batch.status in {BatchStatus.VALIDATING, BatchStatus.IN_PROGRESS}:
                cancelling = self.batch.now(BatchStatus.CANCELLING, time.time())
                await asyncio.to_thread(self._rooms.batches.save, cancelling, time.time())
                self.batch = replace(cancelling, counts=self.batch.counts)
                self._wind_down()
        return self.batch

    def halt(self) -> None:
        """The gateway stops: begin no line any more; those under way may end."""
        self._halted, self._disk.waits = True, False
        self._wind_down()

    def cut(self) -> None:
        """The gateway stops now."""
        for worker in self._workers:
            worker.cancel(Outcome.GATEWAY_STOPPED.value)

    # -- check

    async def _validate(self) -> None:
        try:
            checked = await self._disk.run(self._check)
        except CheckStopped:
            return
        except NoSuchFile:
            checked = Checked(0, _NO_INPUT)
        status = BatchStatus.FAILED if checked.faults else BatchStatus.IN_PROGRESS
        await self._change(status, faults=checked.faults, counts=BatchCounts(checked.total))

    def _check(self) -> Checked:
        with self._opened() as file:
            return check(self._input(file), self._rooms.most_lines, self._stop_check)

    # -- ask

    async def _work(self, results: Results) -> None:
        """Passes over the lines, until each is done, the window closes, or it is told to end."""
        left_s = self.batch.expires_at - time.time()
        self._ending = self._ending or left_s <= 0
        timer = asyncio.get_running_loop().call_later(max(left_s, 0.0), self._wind_down)
        try:
            while not self._ending and self._left(results) and await self._pass(results):
                pass
        finally:
            timer.cancel()
            for worker in self._workers:
                worker.cancel()

    async def _pass(self, results: Results) -> bool:
        """Whether there was a line to be asked."""
        loop, at_once = asyncio.get_running_loop(), max(min(self._rooms.at_once, self._left(results)), 1)
        file = await self._disk.run(self._opened)
        try:
            source = Source(self._input(file), results, self._rooms.held, self._disk)
            self._workers = {loop.create_task(self._worker(source, results)) for _ in range(at_once)}
            await asyncio.wait(self._workers)
            source.close()
        finally:
            file.close()
        bugs = (worker.exception() for worker in self._workers if not worker.cancelled())
        if (bug := next(filter(None, bugs), None)) is not None:
            raise bug
        return bool(source.gave)

    async def _worker(self, source: Source, results: Results) -> None:
        while not self._ending and (line := await source.next()) is not None:
            try:
                await self._answered(line, results)
            finally:
                self._asking.discard(asyncio.current_task())
                self._rooms.held.give(len(line.body))

    async def _answered(self, line: Line, results: Results) -> None:
        """Ask a line until it has an answer that stays; one that finds too much to do too often comes back in the next pass."""
        pace, busy, broken = self._rooms.pace, 0, 0
        while busy < _BUSY_IN_A_ROW:
            async with pace.turn(line.model):
                if self._ending:
                    return
                self._asking.add(asyncio.current_task())
                answer = await self._rooms.ask(self.batch, line)
                if answer.status in _BUSY:
                    busy += 1
                    pace.leave_alone(line.model, _wait_s(answer, busy))
                else:
                    pace.answered(line.model)
            if answer.status not in _BUSY and (answer.status not in _BROKEN or broken + 1 >= _TRIES):
                await self._kept(line, answer, results)
                return
            self._asking.discard(asyncio.current_task())
            self._rooms.told("asked_again")
            if answer.status in _BROKEN:
                broken += 1
                await asyncio.sleep(_wait_s(answer, 2 * broken))

    async def _kept(self, line: Line, answer: LineAnswer, results: Results) -> None:
        await self._disk.run(results.add, line.number, line.custom_id, answer)
        self._rooms.told("completed" if answer.status == 200 else "failed")
        self._count(results)
        if time.monotonic() >= self._saved_at + _SAVE_EVERY_S:  # for who looks at the file
            self._saved_at = time.monotonic()
            async with self._saving:
                await self._disk.run(self._rooms.batches.save, self.batch, time.time())

    def _wind_down(self) -> None:
        """Who is not asking stops at once; who is, has a while."""
        if self._ending:
            return
        self._ending = True
        self._stop_check.set()
        for worker in self._workers - self._asking:
            worker.cancel()
        if not self._halted:
            asyncio.get_running_loop().call_later(_LAST_S, self._cut_off, self._workers)

    def _cut_off(self, workers: set[asyncio.Task[None]]) -> None:
        for worker in workers:
            worker.cancel()

    # -- finish

    async def _finish(self, results: Results) -> None:
        if self.batch.status is BatchStatus.CANCELLING:
            await self._end(results, BatchStatus.CANCELLED)
        elif self._left(results):
            await self._end(results, BatchStatus.EXPIRED)
        else:
            await self._change(BatchStatus.FINALIZING)
            await self._end(results, BatchStatus.COMPLETED)

    async def _end(self, results: Results, status: BatchStatus, faults: tuple[BatchFault, ...] = ()) -> None:
        if self._left(results) and not faults:
            await self._disk.run(self._give_up, results, *_NOT_ANSWERED[status])
        self._count(results)
        made = self._made(await self._disk.run(results.close))
        output, errors = (made.get(one) for one in (self.batch.results, self.batch.failures))
        await self._change(
            status,
            files=tuple(made.values()),
            faults=faults,
            output_file_id=output and output.id,
            error_file_id=errors and errors.id,
        )
        for file_id in {self.batch.results, self.batch.failures} - set(made):
            self._rooms.files.path(file_id).unlink(missing_ok=True)  # nothing is in it

    def _give_up(self, results: Results, code: str, message: str) -> None:
        with self._opened() as file:
            give_up_rest(self._input(file), results, code, message)

    def _made(self, sizes: tuple[int, int]) -> dict[str, StoredFile]:
        """The files that hold something, by id."""
        now, named = int(time.time()), ((self.batch.results, "output"), (self.batch.failures, "error"))
        return {
            file_id: StoredFile(
                id=file_id,
                owner=self.batch.owner,
                size=size,
                created_at=now,
                expires_at=now + self.batch.keep_s,
                filename=f"{self.batch.id}_{word}.jsonl",
                purpose="batch_output",
            )
            for (file_id, word), size in zip(named, sizes, strict=True)
            if size
        }

    # -- what the steps share

    def _opened(self) -> BinaryIO:
        return self._rooms.files.open(self.batch.input_file_id)

    def _input(self, file: BinaryIO) -> Input:
        return Input(file, self.batch.endpoint, self._rooms.most_line_bytes)

    def _left(self, results: Results) -> int:
        return self.batch.counts.total - results.completed - results.failed

    def _count(self, results: Results) -> None:
        counts = BatchCounts(self.batch.counts.total, results.completed, results.failed, results.not_answered)
        self.batch = replace(self.batch, counts=counts)

    async def _change(self, status: BatchStatus, files: Sequence[StoredFile] = (), **more: object) -> None:
        """On record first, then for all to see; a batch that is being cancelled goes on to its end only."""
        async with self._saving:
            if self.batch.status is BatchStatus.CANCELLING and status is not BatchStatus.CANCELLED:
                return
            changed = self.batch.now(status, time.time(), **more)
            await self._disk.run(self._rooms.batches.save, changed, time.time(), files)
            self.batch = changed


def _wait_s(answer: LineAnswer, times: int) -> float:
    """As it was told, or longer each time."""
    return answer.retry_after_s or min(_FIRST_WAIT_S * 2 ** (times - 1), _LONGEST_WAIT_S)
