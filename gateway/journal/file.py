"""The journal's file, as its one writer sees it: opened, written, found to be another one, set aside. Each verb blocks.

A disk is full, a directory stands in its place, its pages are damaged, it is locked, deleted or replaced meanwhile: each
is an error for the caller, who keeps the rows and tries again.
"""

import itertools
import os
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

# with row ids: in a tree by a record's own id, records of two kilobytes would each take a page beside it
_TABLE = """create table if not exists journal
    (id text primary key, at real not null, record blob not null)"""
_TRIM_EVERY = 5_000  # records written between two trims
_WAIT_S = 2.0  # for a lock of another process
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_BESIDE = ("", "-wal", "-shm")  # what SQLite keeps under a database's name

Row = tuple[str, float, bytes]  # a decision's id and time in seconds since the epoch, and the record in JSON
_Marks = tuple[tuple[int, int] | None, ...]


class JournalFile:
    """`keep` records stay, the oldest go first. Belongs to one thread. Verbs raise sqlite3.Error or OSError."""

    def __init__(self, path: Path, keep: int) -> None:
        self.path = path
        self._keep = keep
        self._db: sqlite3.Connection | None = None
        self._marks: _Marks = ()
        self._since_trim = 0

    def ready(self) -> sqlite3.Connection:
        """Open, and the file that is at its path now."""
        if self._db is None or self._marks != self._found():
            self.close()
            self._db = self._opened()
            self._marks = self._found()
        return self._db

    def write(self, rows: Sequence[Row]) -> None:
        """One transaction; once it returns, the rows are in the file at the path."""
        db = self.ready()
        db.execute("begin")
        db.executemany("insert or replace into journal values (?, ?, ?)", rows)
        self._trim(db, len(rows))
        db.execute("commit")
        if self._marks != self._found():
            raise FileNotFoundError(f"{self.path.name} was deleted or replaced")

    def close(self) -> None:
        """Never raises: what was not committed is not in the file."""
        if self._db is not None:
            with suppress(sqlite3.Error):
                self._db.close()
            self._db = None

    def set_aside(self) -> Path:
        """Name the file `NAME.unreadable-1`, 2 and so on, so that a new one can begin. Where it is now."""
        self.close()
        names = (self.path.with_name(f"{self.path.name}.unreadable-{number}") for number in itertools.count(1))
        aside = next(path for path in names if not path.exists())
        self.path.rename(aside)
        for ending in _BESIDE[1:]:
            with suppress(FileNotFoundError):
                self.path.with_name(self.path.name + ending).rename(aside.with_name(aside.name + ending))
        return aside

    def _opened(self) -> sqlite3.Connection:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        with suppress(OSError):
            self.path.chmod(0o600)
        db = sqlite3.connect(self.path, timeout=_WAIT_S, isolation_level=None)
        try:
            db.execute("pragma journal_mode=wal")
            db.execute("pragma synchronous=normal")
            db.execute(_TABLE)
        except BaseException:
            db.close()
            raise
        return db

    def _found(self) -> _Marks:
        """What tells the files at the path from any others."""
        return tuple(_mark(f"{self.path}{ending}") for ending in _BESIDE[:2])

    def _trim(self, db: sqlite3.Connection, written: int) -> None:
        self._since_trim += written
        if self._since_trim >= min(_TRIM_EVERY, self._keep):
            self._since_trim = 0
            oldest = "select id from journal order by id desc limit 1 offset ?"
            db.execute(f"delete from journal where id <= ({oldest})", (self._keep,))  # noqa: S608 - no input in it


def is_damage(error: Exception) -> bool:
    """Whether the file itself is broken: trying again does not help."""
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE


def reader(path: Path) -> sqlite3.Connection:
    """A connection for reading beside the writer; never makes the file. Raises sqlite3.Error if there is none."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=_WAIT_S, isolation_level=None)


def _mark(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - twenty times a second
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
