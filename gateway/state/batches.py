"""Batches on record, beside the files that they work with: what has not ended goes on after a restart. Verbs block."""

import secrets
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from gateway.state.database import Database
from gateway.state.files import found_file, insert_file
from gateway.values.batch import BATCH, Batch
from gateway.values.stored_file import StoredFile

BATCH_TABLES = """
create table if not exists batches (number integer primary key autoincrement, id text not null unique, owner text not null,
    is_open integer not null, ended_at integer, record blob not null);
create index if not exists batches_of on batches (owner, number);
"""
_BESIDE = {  # by whether newer ones are wanted
    False: " and number < (select number from batches where id = ?)",
    True: " and number > (select number from batches where id = ?)",
}
PURPOSE = "batch"  # of a file that can be a batch's input


class NoSuchBatch(LookupError):
    """There is none of this id for this caller."""


class TooManyOpen(Exception):
    """The caller has as many batches that have not ended as it may have."""


class WrongPurpose(ValueError):
    """The file is not for batches: the text is what it is for."""


class Batches:
    """One per process, on the database that `Files` is on."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def are_there(self) -> bool:
        """Whether anything was ever stored: a gateway that keeps nothing for its callers makes no file."""
        return self._database.path.exists()

    def new_id(self, kind: str = BATCH) -> str:
        """Of a batch to come: what a caller cannot guess."""
        return f"{kind}_{secrets.token_hex(16)}"

    def add(self, batch: Batch, most_open: int) -> None:
        """A new one, which holds its input file. Raises NoSuchFile, WrongPurpose and TooManyOpen."""
        with self._database.transaction() as db:
            file = found_file(db, batch.owner, batch.input_file_id, batch.created_at)
            if file.purpose != PURPOSE:
                raise WrongPurpose(file.purpose)
            query = "select count(*) from batches where owner = ? and is_open"
            if db.execute(query, (batch.owner,)).fetchone()[0] >= most_open:
                raise TooManyOpen
            db.execute(
                "insert into batches (id, owner, is_open, record) values (?, ?, 1, ?)",
                (batch.id, batch.owner, msgspec.json.encode(batch)),
            )
            held = (batch.input_file_id, batch.results, batch.failures)
            db.executemany("insert into holds values (?, ?)", [(one, batch.id) for one in held])

    def save(self, batch: Batch, at: float, files: Sequence[StoredFile] = ()) -> None:
        """As it is now; what has ended holds nothing any more. `files` that it has made go on record with it."""
        with self._database.transaction() as db:
            ended_at = None if batch.is_open else int(at)
            db.execute(
                "update batches set record = ?, is_open = ?, ended_at = ? where id = ?",
                (msgspec.json.encode(batch), batch.is_open, ended_at, batch.id),
            )
            for one in files:
                insert_file(db, one)
            if not batch.is_open:
                db.execute("delete from holds where holder = ?", (batch.id,))

    def find(self, owner: str, batch_id: str, kind: str = BATCH) -> Batch:
        """Raises NoSuchBatch if it is another's or of another kind, or never was."""
        with self._database.transaction() as db:
            return _found(db, owner, batch_id, kind)

    def page(
        self, owner: str, *, limit: int, after: str | None, kind: str = BATCH, newer: bool = False
    ) -> tuple[list[Batch], bool]:
        """So many of a caller's batches, the newest first, and whether there are more. They are older than `after`, or if
        `newer` the next that came after it. Raises NoSuchBatch if that is none of them.
        """
        beside, values = "", [owner, f"{kind}_*"]
        with self._database.transaction() as db:
            if after is not None:
                _found(db, owner, after, kind)
                beside = _BESIDE[newer]
                values.append(after)
            order = "asc" if newer else "desc"
            query = f"select record from batches where owner = ? and id glob ?{beside} order by number {order} limit ?"  # noqa: S608 - values are bound
            found = [_decoded(row[0]) for row in db.execute(query, (*values, limit + 1))]
        shown = found[:limit]
        return shown[::-1] if newer else shown, len(found) > limit

    def delete(self, batch_id: str) -> None:
        """It has ended, and is on record no more."""
        with self._database.transaction() as db:
            db.execute("delete from batches where id = ? and not is_open", (batch_id,))

    def open_ones(self) -> list[Batch]:
        """Of all callers, the oldest first."""
        with self._database.transaction() as db:
            rows = db.execute("select record from batches where is_open order by number").fetchall()
        return [_decoded(row[0]) for row in rows]

    def forget(self, before: float) -> None:
        """Those that ended before this time are on record no more. Their files are kept for their own time."""
        with self._database.transaction() as db:
            db.execute("delete from batches where not is_open and ended_at < ?", (before,))


def newest(path: Path, limit: int) -> list[Batch]:
    """Of all callers, the newest first; a gateway may be at work there. Raises sqlite3.Error if it is no such file."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=2.0)) as db:
        rows = db.execute("select record from batches order by number desc limit ?", (limit,)).fetchall()
    return [_decoded(row[0]) for row in rows]


_decoded = msgspec.json.Decoder(Batch).decode


def _found(db: sqlite3.Connection, owner: str, batch_id: str, kind: str) -> Batch:
    if not batch_id.startswith(f"{kind}_"):
        raise NoSuchBatch(batch_id)
    row = db.execute("select record from batches where id = ? and owner = ?", (batch_id, owner)).fetchone()
    if row is None:
        raise NoSuchBatch(batch_id)
    return _decoded(row[0])
