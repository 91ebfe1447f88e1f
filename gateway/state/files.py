"""Files that callers keep with the gateway: their bytes in a directory, what is known of them in a SQLite file.

A file on the disk has a name of ours, never a caller's. Who writes one writes beside it and renames it when it is whole, so
that no half of one is ever found; what a crash leaves behind is deleted at the next start. Verbs block.
"""

import os
import secrets
import sqlite3
import threading
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from gateway.state.database import Database, StorageFull, storage_errors
from gateway.values.stored_file import StoredFile

FILE_TABLES = """
create table if not exists files (number integer primary key autoincrement, id text not null unique, owner text not null,
    size integer not null, created_at integer not null, expires_at integer, filename text not null, purpose text not null);
create index if not exists files_of on files (owner, number);
create table if not exists holds (file text not null, holder text not null, primary key (file, holder)) without rowid;
"""
_COLUMNS = "id, owner, size, created_at, expires_at, filename, purpose"
_ALIVE = "(expires_at is null or expires_at > ?)"
_EXPIRED = f"delete from files where not {_ALIVE} and id not in (select file from holds)"  # noqa: S608 - no input in it
_AFTER = {  # by whether the newest come first
    True: " and number < (select number from files where id = ?)",
    False: " and number > (select number from files where id = ?)",
}
_NAME = "file-"
_PART = ".part"  # behind the name of a file that is being written
_STEP = 8 * 1024 * 1024  # bytes that are reserved at a time


class FileHeld(Exception):
    """It cannot be deleted: the text is the id of what works with it."""


class NoSuchFile(LookupError):
    """There is none of this id for this caller."""


class Files:
    """`directory` holds their bytes; `most_bytes` of all of them together, those that are being written included."""

    def __init__(self, database: Database, directory: Path, most_bytes: int) -> None:
        self._database = database
        self._directory = directory
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._writing: dict[str, int] = {}  # bytes that are reserved, by id

    def new_id(self) -> str:
        """Of a file to come: what a caller cannot guess."""
        return f"{_NAME}{secrets.token_hex(16)}"

    def path(self, file_id: str) -> Path:
        """Where its bytes are. `file_id` is one that this class gave, never what a caller sent."""
        return self._directory / file_id

    def open(self, file_id: str) -> BinaryIO:
        """Its bytes, which stay readable if it is deleted meanwhile. Raises NoSuchFile and StorageUnavailable."""
        with storage_errors():
            try:
                return self.path(file_id).open("rb")
            except FileNotFoundError:
                raise NoSuchFile(file_id) from None

    def upload(self) -> "Upload":
        """A new file, to be written. Raises StorageFull and StorageUnavailable."""
        with storage_errors():
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            return Upload(self)

    def find(self, owner: str, file_id: str, now: float) -> StoredFile:
        """Raises NoSuchFile if it is another's, has expired or never was."""
        with self._database.transaction() as db:
            return found_file(db, owner, file_id, now)

    def page(  # noqa: PLR0913 - what a list can be asked for
        self, owner: str, now: float, *, limit: int, after: str | None, purpose: str | None, newest_first: bool
    ) -> tuple[list[StoredFile], bool]:
        """So many of a caller's files, in the order in which they came, and whether there are more. Raises NoSuchFile if
        `after` is none of them.
        """
        wanted, values = f"owner = ? and {_ALIVE}", [owner, now]
        with self._database.transaction() as db:
            if after is not None:
                found_file(db, owner, after, now)
                wanted += _AFTER[newest_first]
                values.append(after)
            if purpose is not None:
                wanted += " and purpose = ?"
                values.append(purpose)
            order = "desc" if newest_first else "asc"
            query = f"select {_COLUMNS} from files where {wanted} order by number {order} limit ?"  # noqa: S608 - values are bound
            found = [_stored(row) for row in db.execute(query, (*values, limit + 1))]
        return found[:limit], len(found) > limit

    def delete(self, owner: str, file_id: str, now: float) -> None:
        """Raises NoSuchFile, and FileHeld if something works with it."""
        with self._database.transaction() as db:
            found_file(db, owner, file_id, now)
            holder = db.execute("select holder from holds where file = ?", (file_id,)).fetchone()
            if holder is not None:
                raise FileHeld(holder[0])
            db.execute("delete from files where id = ?", (file_id,))
        self.path(file_id).unlink(missing_ok=True)

    def sweep(self, now: float) -> int:
        """Delete what has expired and is not held, and what no row knows of but a crash left. How many files."""
        with storage_errors():
            there = [one.name for one in self._directory.iterdir()] if self._directory.is_dir() else []
        with self._database.transaction() as db:
            db.execute(_EXPIRED, (now,))
            with self._lock:
                known = set(self._writing)
            known |= {row[0] for row in db.execute("select id from files union select file from holds")}
        left = [name for name in there if name.startswith(_NAME) and name.removesuffix(_PART) not in known]
        with storage_errors():
            for name in left:
                (self._directory / name).unlink(missing_ok=True)
        return len(left)

    def add(self, stored: StoredFile) -> None:
        """Its bytes are where `path` says."""
        with self._database.transaction() as db:
            insert_file(db, stored)

    # -- for an upload

    def reserve(self, file_id: str, size: int) -> None:
        """It is being written, and may have so many bytes. Raises StorageFull."""
        with self._database.transaction() as db:
            stored = db.execute("select coalesce(sum(size), 0) from files").fetchone()[0]
        with self._lock:
            others = sum(self._writing.values()) - self._writing.get(file_id, 0)
            if stored + others + size > self._most_bytes:
                raise StorageFull(f"files may have {self._most_bytes} bytes together")
            self._writing[file_id] = size

    def release(self, file_id: str) -> None:
        """It is on record, or gone."""
        with self._lock:
            self._writing.pop(file_id, None)


class Upload:
    """A file that is being written. `keep` or `discard` ends it."""

    def __init__(self, files: Files) -> None:
        """Raises OSError."""
        self.id = files.new_id()
        self.size = 0
        self._files = files
        self._at = files.path(self.id + _PART)
        self._reserved = 0
        self._reserve(0)
        self._file: BinaryIO = os.fdopen(
            os.open(self._at, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb"
        )

    def write(self, data: bytes) -> None:
        """Raises StorageFull and StorageUnavailable; `discard` is then all that is left to do."""
        with storage_errors():
            if self.size + len(data) > self._reserved:
                self._reserve(self.size + len(data))
            self._file.write(data)
        self.size += len(data)

    def keep(self, *, owner: str, filename: str, purpose: str, created_at: int, expires_at: int | None) -> StoredFile:
        """It is whole, on the disk and on record. Raises StorageFull and StorageUnavailable."""
        stored = StoredFile(
            id=self.id,
            owner=owner,
            size=self.size,
            created_at=created_at,
            expires_at=expires_at,
            filename=filename,
            purpose=purpose,
        )
        with storage_errors():
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            path = self._at.rename(self._files.path(self.id))
        try:
            self._files.add(stored)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        self._files.release(self.id)
        return stored

    def discard(self) -> None:
        """Nothing of it stays. Never raises; what was kept already is kept."""
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._at.unlink(missing_ok=True)
        self._files.release(self.id)

    def _reserve(self, size: int) -> None:
        """What all files have is counted each time, so it goes in steps."""
        wanted = -(-size // _STEP) * _STEP
        try:
            self._files.reserve(self.id, wanted)
        except StorageFull:
            wanted = size
            self._files.reserve(self.id, wanted)
        self._reserved = wanted


def insert_file(db: sqlite3.Connection, stored: StoredFile) -> None:
    """Its row, in a transaction that does more."""
    db.execute(
        f"insert into files ({_COLUMNS}) values (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - values are bound
        (stored.id, stored.owner, stored.size, stored.created_at, stored.expires_at, stored.filename, stored.purpose),
    )


def found_file(db: sqlite3.Connection, owner: str, file_id: str, now: float) -> StoredFile:
    """A caller's file, in a transaction that does more. Raises NoSuchFile."""
    query = f"select {_COLUMNS} from files where id = ? and owner = ? and {_ALIVE}"  # noqa: S608 - values are bound
    row = db.execute(query, (file_id, owner, now)).fetchone()
    if row is None:
        raise NoSuchFile(file_id)
    return _stored(row)


def _stored(row: tuple[str, str, int, int, int | None, str, str]) -> StoredFile:
    file_id, owner, size, created_at, expires_at, filename, purpose = row
    return StoredFile(
        id=file_id,
        owner=owner,
        size=size,
        created_at=created_at,
        expires_at=expires_at,
        filename=filename,
        purpose=purpose,
    )
