"""The journal: decisions and outcomes as they happened, in one SQLite file that survives a restart.

Off the hot path: a record is put on a bounded queue and a thread writes what has gathered in one transaction. While the
file cannot be written, records wait in the queue and it is tried again; what the queue cannot hold is lost and counted.
It never slows or fails a request, nor the start.
"""

import heapq
import itertools
import logging
import math
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec

from gateway.journal.file import JournalFile, Row, is_damage, reader
from gateway.values.decision import Decision
from gateway.values.records import DecisionMade, RequestFinished

_log = logging.getLogger(__name__)
_GATHER_S = 0.05  # each batch has costs of its own; a large one would hold the interpreter while requests wait
_MOST_AT_ONCE = 500  # records in a transaction, after it could not be written for a while
_LOOK_EVERY_S = 1.0  # at the file: whether it can be written again, whether it is still there
_SAY_EVERY_S = 60.0
_ASIDE_EVERY_S = 60.0  # a disk that breaks each file would fill itself with them
_OPEN_WITHIN_S = 2.0
_AFTER_ALL = "~"  # sorts behind every id
_encode = msgspec.json.Encoder().encode


class JournalUnavailable(Exception):
    """The file cannot be read now; its text says why."""


class JournalRecord(msgspec.Struct, frozen=True):
    """A record as it was written: JSON of a RequestFinished."""

    id: str
    at: float
    record: msgspec.Raw


class Journal:
    """`keep` records stay, the oldest go first; `queue` bounds what waits to be written; `dropped` is told the losses."""

    def __init__(self, path: Path, *, keep: int, queue: int, dropped: Callable[[int], None]) -> None:
        self.path = path
        self.is_kept = True  # false while the file cannot be written
        self._file = JournalFile(path, keep)
        self._bound, self._dropped = queue, dropped
        self._waiting: deque[RequestFinished] = deque()
        self._open_decisions: dict[str, Decision] = {}
        self._stop, self._tried = threading.Event(), threading.Event()
        self._lost = 0  # since it could be written last
        self._look_at = self._said_at = self._aside_at = -math.inf  # seconds of the monotonic clock
        self._is_told = False  # the log speaks of trouble that has not ended
        self._doubt: sqlite3.Error | None = None  # damage that a reader met
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()
        self._tried.wait(_OPEN_WITHIN_S)

    def decision_made(self, record: DecisionMade) -> None:
        """Listener: a request in progress can be looked up too."""
        self._open_decisions[record.decision.id] = record.decision

    def request_finished(self, record: RequestFinished) -> None:
        """Listener: takes a microsecond."""
        self._open_decisions.pop(record.decision.id, None)
        if len(self._waiting) >= self._bound:
            self._lose(1)
        else:
            self._waiting.append(record)

    def in_progress(self, decision_id: str) -> Decision | None:
        """The decision of a request that has not ended; from memory."""
        return self._open_decisions.get(decision_id)

    def find(self, decision_id: str) -> JournalRecord | None:
        """One record by its decision's id, written or still waiting. Blocking: not for the event loop.

        Raises JournalUnavailable.
        """
        for record in tuple(self._waiting):
            if record.decision.id == decision_id:
                return next(map(_record, _rows([record])), None)
        try:
            return find(self.path, decision_id)
        except sqlite3.Error as error:
            raise self._unavailable(error) from None

    def newest(self, limit: int, before: str | None = None) -> list[JournalRecord]:
        """The newest records, newest first; `before` a decision's id to page. Blocking.

        While the file cannot be read, those that wait; raises JournalUnavailable if there are none.
        """
        bound = before or _AFTER_ALL
        waiting = (record for record in tuple(self._waiting) if record.decision.id < bound)
        found = {row[0]: _record(row) for row in _rows(heapq.nlargest(limit, waiting, lambda one: one.decision.id))}
        try:
            found.update((record.id, record) for record in newest(self.path, limit, before))
        except sqlite3.Error as error:
            if not found:
                raise self._unavailable(error) from None
        return [found[key] for key in sorted(found, reverse=True)[:limit]]

    def close(self) -> None:
        """Write what is left, and stop. Blocking, a few seconds at most."""
        self._stop.set()
        self._thread.join(timeout=5.0)

    def _run(self) -> None:
        self._turn()
        self._tried.set()
        while not self._stop.wait(_GATHER_S):
            if self._is_due():
                self._turn()
        while self._waiting and self._turn():
            pass
        self._file.close()
        if left := len(self._waiting):
            self._dropped(left)
            _log.error("the journal %s could not be written at the end: %d records are lost", self.path, left)

    def _is_due(self) -> bool:
        """With records while it can be written; else now and then."""
        return bool(self._waiting and self.is_kept) or time.monotonic() >= self._look_at

    def _turn(self) -> bool:
        """Write a batch, if there is one. Whether to go on at once. Records leave the queue once they are in the file, so
        a reader misses none.
        """
        batch = tuple(itertools.islice(self._waiting, _MOST_AT_ONCE))
        try:
            self._look_into_doubt()
            rows = list(_rows(batch))
            self._file.write(rows) if rows else self._file.ready()
        except Exception as error:  # noqa: BLE001 - whatever it is, records wait and it is tried again
            self._file.close()
            return (is_damage(error) and self._set_aside(error)) or self._trouble(error)
        for _ in batch:
            self._waiting.popleft()
        if lost := len(batch) - len(rows):
            self._lose(lost)
        self._works()
        return True

    def _look_into_doubt(self) -> None:
        """Raises what a reader met, unless that was the file before this one."""
        doubt, self._doubt = self._doubt, None
        if doubt is not None and time.monotonic() >= self._aside_at + _ASIDE_EVERY_S:
            raise doubt

    def _works(self) -> None:
        self._look_at = time.monotonic() + _LOOK_EVERY_S
        if self._is_told:
            _log.warning("the journal %s is written again; %d records were lost", self.path, self._lost)
            self._lost = 0
        self.is_kept, self._is_told = True, False

    def _trouble(self, error: Exception) -> bool:
        now = time.monotonic()
        self._look_at, self.is_kept = now + _LOOK_EVERY_S, False
        if now >= self._said_at + _SAY_EVERY_S:
            self._said_at, self._is_told = now, True
            _log.error(
                "the journal %s cannot be written (%s): %d records wait for it, %d are lost; serving goes on, and it is "
                "tried again every second",
                self.path,
                error,
                len(self._waiting),
                self._lost,
            )
        return False

    def _set_aside(self, damage: Exception) -> bool:
        now = time.monotonic()
        if now < self._aside_at + _ASIDE_EVERY_S:
            return False
        try:
            aside = self._file.set_aside()
        except OSError:
            return False
        self._aside_at = self._look_at = now
        _log.error("the journal %s is damaged (%s): a new one begins, %s has the old one", self.path, damage, aside)
        return True

    def _unavailable(self, error: sqlite3.Error) -> JournalUnavailable:
        if is_damage(error):
            self._doubt = error
        return JournalUnavailable(str(error))

    def _lose(self, count: int) -> None:
        self._lost += count
        self._dropped(count)


def find(path: Path, decision_id: str) -> JournalRecord | None:
    """A written record by its decision's id; the file may be in use. Raises sqlite3.Error if it is no journal."""
    with closing(reader(path)) as db:
        row = db.execute("select id, at, record from journal where id = ?", (decision_id,)).fetchone()
    return _record(row) if row else None


def newest(path: Path, limit: int, before: str | None = None) -> list[JournalRecord]:
    """The newest written records, newest first. Raises sqlite3.Error if the file is no journal."""
    query = "select id, at, record from journal where id < ? order by id desc limit ?"
    with closing(reader(path)) as db:
        return [_record(row) for row in db.execute(query, (before or _AFTER_ALL, limit)).fetchall()]


def count(path: Path) -> int:
    """How many records are written. Raises sqlite3.Error if the file is no journal."""
    with closing(reader(path)) as db:
        found: int = db.execute("select count(*) from journal").fetchone()[0]
    return found


def every(path: Path) -> Iterator[JournalRecord]:
    """All written records, oldest first, as they are now. Raises sqlite3.Error if the file is no journal."""
    with closing(reader(path)) as db:
        for row in db.execute("select id, at, record from journal order by id"):
            yield _record(row)


def _rows(records: Iterable[RequestFinished]) -> Iterator[Row]:
    """Without those that JSON cannot say, as text that is no Unicode."""
    for record in records:
        try:
            yield record.decision.id, record.decision.at, _encode(record)
        except (TypeError, ValueError, RecursionError):
            _log.error("decision %s cannot be written: its record is lost", record.decision.id)


def _record(row: Row) -> JournalRecord:
    return JournalRecord(row[0], row[1], msgspec.Raw(row[2]))
