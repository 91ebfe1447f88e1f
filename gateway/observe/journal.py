"""The journal: decisions and outcomes as they happened, in one SQLite file that survives a restart.

Off the hot path: a record is put on a bounded queue and a thread writes what has gathered in one transaction. A full
queue or a failing disk drops records and counts them; it never slows or fails a request.
"""

import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec

from gateway.values.decision import Decision
from gateway.values.records import DecisionMade, RequestFinished

_log = logging.getLogger(__name__)
_TABLE = """create table if not exists journal
    (id text primary key, at real not null, record blob not null) without rowid"""
_GATHER_S = 0.02  # small batches: a large one would hold the interpreter while requests wait
_TRIM_EVERY = 5_000  # records written between two trims
_AFTER_ALL = "~"  # sorts behind every id
_encode = msgspec.json.Encoder().encode


class JournalRecord(msgspec.Struct, frozen=True):
    """A record as it was written: JSON of a RequestFinished."""

    id: str
    at: float
    record: msgspec.Raw


class Journal:
    """`keep` records stay, the oldest go first; `queue` bounds what waits to be written; `dropped` is told the losses."""

    def __init__(self, path: Path, *, keep: int, queue: int, dropped: Callable[[int], None]) -> None:
        self.path = path
        self._keep, self._bound, self._dropped = keep, queue, dropped
        self._waiting: deque[RequestFinished] = deque()
        self._open_decisions: dict[str, Decision] = {}
        self._stop = threading.Event()
        self._since_trim = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(_open(self.path)) as db:
            db.execute(_TABLE)
        path.chmod(0o600)
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def decision_made(self, record: DecisionMade) -> None:
        """Listener: a request in progress can be looked up too."""
        self._open_decisions[record.decision.id] = record.decision

    def request_finished(self, record: RequestFinished) -> None:
        """Listener: takes a microsecond."""
        self._open_decisions.pop(record.decision.id, None)
        if len(self._waiting) >= self._bound:
            self._dropped(1)
        else:
            self._waiting.append(record)

    def in_progress(self, decision_id: str) -> Decision | None:
        """The decision of a request that has not ended; from memory."""
        return self._open_decisions.get(decision_id)

    def find(self, decision_id: str) -> JournalRecord | None:
        """One record by its decision's id, written or still waiting. Blocking: not for the event loop."""
        for record in tuple(self._waiting):
            if record.decision.id == decision_id:
                return _record(_row(record))
        return find(self.path, decision_id)

    def newest(self, limit: int, before: str | None = None) -> list[JournalRecord]:
        """The newest records, newest first; `before` a decision's id to page. Blocking."""
        waiting = [_record(_row(record)) for record in tuple(self._waiting)]
        written = newest(self.path, limit, before)
        found = {record.id: record for record in (*waiting, *written) if record.id < (before or _AFTER_ALL)}
        return [found[key] for key in sorted(found, reverse=True)[:limit]]

    def close(self) -> None:
        """Write what is left, and stop. Blocking, a few seconds at most."""
        self._stop.set()
        self._thread.join(timeout=5.0)

    def _run(self) -> None:
        with closing(_open(self.path)) as db:
            while not self._stop.wait(_GATHER_S):
                self._write(db)
            self._write(db)

    def _write(self, db: sqlite3.Connection) -> None:
        """One transaction. Records leave the queue once they are in the file, so a reader misses none."""
        batch = tuple(self._waiting)
        if not batch:
            return
        try:
            db.execute("begin")
            db.executemany("insert or replace into journal values (?, ?, ?)", map(_row, batch))
            self._trim(db, len(batch))
            db.execute("commit")
        except sqlite3.Error:
            _log.exception("the journal could not be written; %d records are lost", len(batch))
            if db.in_transaction:
                db.execute("rollback")
            self._dropped(len(batch))
        for _ in batch:
            self._waiting.popleft()

    def _trim(self, db: sqlite3.Connection, written: int) -> None:
        self._since_trim += written
        if self._since_trim >= min(_TRIM_EVERY, self._keep):
            self._since_trim = 0
            oldest = "select id from journal order by id desc limit 1 offset ?"
            db.execute(f"delete from journal where id <= ({oldest})", (self._keep,))  # noqa: S608 - no input in it


def find(path: Path, decision_id: str) -> JournalRecord | None:
    """A written record by its decision's id; the file may be in use. Raises sqlite3.Error if it is no journal."""
    with closing(_open(path)) as db:
        row = db.execute("select id, at, record from journal where id = ?", (decision_id,)).fetchone()
    return _record(row) if row else None


def newest(path: Path, limit: int, before: str | None = None) -> list[JournalRecord]:
    """The newest written records, newest first. Raises sqlite3.Error if the file is no journal."""
    query = "select id, at, record from journal where id < ? order by id desc limit ?"
    with closing(_open(path)) as db:
        return [_record(row) for row in db.execute(query, (before or _AFTER_ALL, limit)).fetchall()]


def count(path: Path) -> int:
    """How many records are written. Raises sqlite3.Error if the file is no journal."""
    with closing(_open(path)) as db:
        found: int = db.execute("select count(*) from journal").fetchone()[0]
    return found


def every(path: Path) -> Iterator[JournalRecord]:
    """All written records, oldest first, as they are now. Raises sqlite3.Error if the file is no journal."""
    with closing(_open(path)) as db:
        for row in db.execute("select id, at, record from journal order by id"):
            yield _record(row)


def _open(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=2.0, isolation_level=None)
    db.execute("pragma journal_mode=wal")
    db.execute("pragma synchronous=normal")
    return db


def _row(record: RequestFinished) -> tuple[str, float, bytes]:
    return record.decision.id, record.decision.at, _encode(record)


def _record(row: tuple[str, float, bytes]) -> JournalRecord:
    return JournalRecord(row[0], row[1], msgspec.Raw(row[2]))
