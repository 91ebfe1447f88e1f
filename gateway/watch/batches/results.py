"""What became of a batch's lines: two files, of answers and of errors, to which lines are added as they come.

The files are the record: after a crash what is in them is done, a last line that is no whole one is cut off, and all that
is in neither is asked (again). So no line stands in them twice, and none is lost. Verbs block, and may be called on any
thread.
"""

import errno
import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from gateway.state.database import storage_errors

_SYNC_EVERY_S = 1.0  # a crash of the process loses nothing that was written; one of the machine what is newer


class LineAnswer(msgspec.Struct, frozen=True):
    """What the surface answered: an HTTP status, JSON, the request's id, and how long it is to be left alone."""

    status: int
    request_id: str
    body: bytes
    retry_after_s: float | None = None


class _Response(msgspec.Struct):
    status_code: int
    request_id: str
    body: msgspec.Raw


class _Error(msgspec.Struct):
    code: str
    message: str


class _Written(msgspec.Struct):
    id: str
    custom_id: str
    response: _Response | None
    error: _Error | None


class _Mark(msgspec.Struct):
    """Of a line, as much as recovering takes."""

    id: str
    response: msgspec.Raw


_encode = msgspec.json.Encoder().encode
_mark = msgspec.json.Decoder(_Mark).decode


class Results:
    """Of one batch, which is `batch_NAME`. Opening them reads what is there. Verbs raise StorageFull and StorageUnavailable;
    what could not be written is not there, and can be added again.
    """

    def __init__(self, name: str, answers: Path, errors: Path) -> None:
        self._of = f"batch_req_{name}_"
        self._lock = threading.Lock()
        self._synced_at = time.monotonic()
        with storage_errors():
            self.not_answered = 0  # of those that failed
            self._answers, self._errors = _Log(answers), _Log(errors)
            self._answered = self._recovered(self._answers)
            self._failed = self._recovered(self._errors)

    @property
    def completed(self) -> int:
        """Lines that were answered with 200."""
        return len(self._answered)

    @property
    def failed(self) -> int:
        """Lines that were answered otherwise, or not."""
        return len(self._failed)

    def has(self, number: int) -> bool:
        """Whether this line is done."""
        return number in self._answered or number in self._failed

    def add(self, number: int, custom_id: str, answer: LineAnswer) -> None:
        """A line was answered."""
        response = _Response(answer.status, answer.request_id, msgspec.Raw(_one_line(answer.body)))
        self._write(number, _Written(f"{self._of}{number}", custom_id, response, None), is_good=answer.status == 200)

    def give_up(self, number: int, custom_id: str, code: str, message: str) -> None:
        """A line is not answered any more."""
        self._write(number, _Written(f"{self._of}{number}", custom_id, None, _Error(code, message)), is_good=False)

    def close(self) -> tuple[int, int]:
        """All is on the disk. How many bytes of answers and of errors there are."""
        with self._lock, storage_errors():
            return self._answers.close(), self._errors.close()

    def _write(self, number: int, line: _Written, *, is_good: bool) -> None:
        with self._lock, storage_errors():
            if self.has(number):
                return
            (self._answers if is_good else self._errors).append(_encode(line) + b"\n")
            (self._answered if is_good else self._failed).add(number)
            self.not_answered += line.response is None
            if time.monotonic() >= self._synced_at + _SYNC_EVERY_S:
                self._synced_at = time.monotonic()
                self._answers.sync()
                self._errors.sync()

    def _recovered(self, log: "_Log") -> set[int]:
        numbers: set[int] = set()
        for raw in log.lines():
            mark = _mark_in(raw)
            if mark is None or not mark.id.startswith(self._of) or not mark.id[len(self._of) :].isdecimal():
                break
            numbers.add(int(mark.id[len(self._of) :]))
            self.not_answered += bytes(mark.response) == b"null"
            log.size += len(raw)
        log.cut()
        return numbers


class _Log:
    """A file that only grows. `size` is where its last whole line ends. Unbuffered: what could not be written is not kept."""

    def __init__(self, path: Path) -> None:
        self.size = 0
        self._path = path
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._is_open = True

    def lines(self) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            yield from file

    def append(self, data: bytes) -> None:
        if not self._is_open:
            raise OSError(errno.EBADF, "it is closed")
        at, left = self.size, memoryview(data)
        try:
            while left:
                written = os.pwrite(self._file, left, at)
                at, left = at + written, left[written:]
        except OSError:
            with suppress(OSError):
                self.cut()
            raise
        self.size = at

    def cut(self) -> None:
        os.ftruncate(self._file, self.size)

    def sync(self) -> None:
        os.fsync(self._file)

    def close(self) -> int:
        if self._is_open:
            self.sync()
            os.close(self._file)
            self._is_open = False
        return self.size


def _mark_in(raw: bytes) -> _Mark | None:
    """Of a line of ours; None where it is no whole one."""
    if not raw.endswith(b"\n"):
        return None
    try:
        return _mark(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _one_line(body: bytes) -> bytes:
    """JSON without line breaks: within JSON they stand between tokens only."""
    return body.replace(b"\r", b" ").replace(b"\n", b" ")
