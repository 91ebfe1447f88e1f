"""A SQLite file of the state directory with one connection, opened when it is needed. Its verbs block, and may be called
on any thread.
"""

import errno
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_WAIT_S = 5.0  # for a lock of another process
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class StorageFull(Exception):
    """The disk, or what the operator allows of it, is full."""


class StorageUnavailable(Exception):
    """The state directory cannot be read or written; the text says why, for operators."""


@contextmanager
def storage_errors() -> Iterator[None]:
    """Within it what goes wrong with a disk is StorageFull or StorageUnavailable."""
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
            raise StorageFull(str(error)) from None
        raise StorageUnavailable(str(error)) from error
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull(str(error.strerror)) from None
        raise StorageUnavailable(str(error)) from error


class Database:
    """`tables`: statements that make what is not there. A transaction that returned is on the disk."""

    def __init__(self, path: Path, tables: str) -> None:
        self.path = path
        self._tables = tables
        self._db: sqlite3.Connection | None = None
        self._lock = threading.RLock()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One transaction, and no other beside it. Raises StorageFull and StorageUnavailable; then nothing was changed."""
        with self._lock, storage_errors():
            db = self._db = self._db or self._opened()
            db.execute("begin immediate")
            try:
                yield db
                db.execute("commit")
            except BaseException:
                if db.in_transaction:
                    db.execute("rollback")
                raise

    def close(self) -> None:
        """It is opened again when it is needed."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    def _opened(self) -> sqlite3.Connection:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        db = sqlite3.connect(self.path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False)
        try:
            db.execute("pragma journal_mode=wal")
            db.execute("pragma synchronous=full")
            db.executescript(self._tables)
        except BaseException:
            db.close()
            raise
        return db
