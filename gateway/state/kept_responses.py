"""The responses that callers may go on from, in one SQLite file that survives a restart.

All of it is done on one thread. Each key has its share, and each response its time: who goes on from one prolongs the whole
conversation. What the file cannot take is not kept, which harms no request; its texts are those of callers, so that it is for
its owner only, and what is deleted is written over.
"""

import asyncio
import logging
import os
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import msgspec

from gateway.values.kept_response import KeptResponse
from gateway.values.sensitivity import Sensitivity

_log = logging.getLogger(__name__)
_PURGE_EVERY_S = 60.0
_LONGEST_CHAIN = 10_000
_TABLES = """
create table if not exists conversations
    (key text not null, root text not null, expires real not null, primary key (key, root)) without rowid;
create index if not exists by_expiry on conversations (expires);
create table if not exists responses (
    key text not null, id text not null, root text not null, previous text, size integer not null, created real not null,
    sensitivity text not null, items blob not null, body blob not null, primary key (key, id)
);
create index if not exists by_root on responses (key, root);
create table if not exists items (key text not null, item text not null, id text not null, primary key (key, item)) without rowid;
create index if not exists by_response on items (key, id);
"""
_COLUMNS = "id, key, created, sensitivity, items, body, previous"
_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode
T = TypeVar("T")


class KeptUnavailable(Exception):
    """They cannot be read now; its text says why."""


class KeptResponses:
    """One per process. `keep_s`: how long one is kept after its conversation was last gone on with; 0: none is. `most_bytes`: of
    all, and `most_bytes_per_key` of those of one key; the conversations that are not gone on with go first.
    """

    def __init__(self, path: Path, *, keep_s: float, most_bytes: int, most_bytes_per_key: int) -> None:
        self.path = path
        self._keep_s = keep_s
        self._most, self._most_per_key = most_bytes, most_bytes_per_key
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="kept-responses")
        self._file: sqlite3.Connection | None = None
        self._sizes: dict[str, int] = {}  # bytes by key
        self._purged_at = 0.0
        self._is_failing = False

    @property
    def keeps_any(self) -> bool:
        """Whether any is kept at all."""
        return self._keep_s > 0

    async def put(self, kept: KeptResponse) -> bool:
        """Keep it; whether it is."""
        if not self.keeps_any:
            return False
        try:
            return await self._run(lambda file: self._put(file, kept))
        except KeptUnavailable:
            return False

    async def chain(self, key: str, response_id: str) -> list[KeptResponse] | None:
        """The conversation up to this response, oldest first; None if a part of it is not kept. Raises KeptUnavailable."""
        return await self._run(lambda file: _chain(file, key, response_id))

    async def find(self, key: str, response_id: str) -> KeptResponse | None:
        """One. Raises KeptUnavailable."""
        return await self._run(lambda file: _find(file, key, response_id))

    async def of_item(self, key: str, item_id: str) -> KeptResponse | None:
        """The response that an item belongs to. Raises KeptUnavailable."""

        def find(file: sqlite3.Connection) -> KeptResponse | None:
            row = file.execute("select id from items where key = ? and item = ?", (key, item_id)).fetchone()
            return None if row is None else _find(file, key, row[0])

        return await self._run(find)

    async def delete(self, key: str, response_id: str) -> bool:
        """Forget one; whether it was there. Raises KeptUnavailable."""

        def delete(file: sqlite3.Connection) -> bool:
            with file:
                return self._delete(file, key, response_id)

        return await self._run(delete)

    def close(self) -> None:
        """When nothing is in progress."""
        self._thread.shutdown()
        if self._file is not None:
            self._file.close()
            self._file = None

    # -- on the thread

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._with_file, work)

    def _with_file(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            if self._file is None:
                self._file = self._opened()
            self._purge(self._file)
            found = work(self._file)
        except (sqlite3.Error, OSError) as error:
            self._failed(error)
            raise KeptUnavailable(str(error)) from None
        self._is_failing = False
        return found

    def _failed(self, error: Exception) -> None:
        """Said once while it lasts. A file that is broken is set aside, and a new one begun."""
        if not self._is_failing:
            _log.warning("responses cannot be kept in %s (%s): serving goes on without", self.path, error)
        self._is_failing = True
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
            file, self._file = self._file, None
            if file is not None:
                file.close()
            if self.path.exists():
                self.path.replace(self.path.with_name(f"{self.path.name}.broken-{int(time.time())}"))

    def _opened(self) -> sqlite3.Connection:
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        file = sqlite3.connect(self.path, check_same_thread=False, timeout=1.0)
        try:
            file.execute("pragma journal_mode = wal")
            file.execute("pragma synchronous = normal")
            file.execute("pragma secure_delete = on")
            file.executescript(_TABLES)
            self._sizes = dict(file.execute("select key, sum(size) from responses group by key"))
        except BaseException:
            file.close()
            raise
        return file

    def _purge(self, file: sqlite3.Connection) -> None:
        now = time.time()
        if now - self._purged_at < _PURGE_EVERY_S:
            return
        self._purged_at = now
        with file:
            self._end(file, file.execute("select key, root from conversations where expires < ?", (now,)).fetchall())

    def _put(self, file: sqlite3.Connection, kept: KeptResponse) -> bool:
        items = _encode(kept.items)
        size = len(items) + len(kept.body)
        with file:
            self._delete(file, kept.key, kept.id)
            root = _root(file, kept) or kept.id
            if not self._make_room(file, kept.key, root, size):
                return False
            file.execute(
                "insert or replace into conversations values (?, ?, ?)", (kept.key, root, time.time() + self._keep_s)
            )
            file.execute(
                "insert into responses values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    kept.key, kept.id, root, kept.previous, size, kept.created, kept.sensitivity.value, items, kept.body,
                ),
            )  # fmt: skip
            rows = [(kept.key, item, kept.id) for item in kept.item_ids()]
            file.executemany("insert or replace into items values (?, ?, ?)", rows)
            self._sizes[kept.key] = self._sizes.get(kept.key, 0) + size
        return True

    def _make_room(self, file: sqlite3.Connection, key: str, root: str, size: int) -> bool:
        """For so many bytes: the conversations that were not gone on with for longest go, of this key or of all, but not this
        one. Whether there is room then.
        """
        while True:
            of_key = self._sizes.get(key, 0) + size > self._most_per_key
            if not of_key and sum(self._sizes.values()) + size <= self._most:
                return True
            where = "key = :key and" if of_key else ""
            oldest = file.execute(
                f"select key, root from conversations where {where} not (key = :key and root = :root) order by expires limit 1",  # noqa: S608 - no caller's words
                {"key": key, "root": root},
            ).fetchall()
            if not oldest:
                return False
            self._end(file, oldest)

    def _end(self, file: sqlite3.Connection, conversations: list[tuple[str, str]]) -> None:
        """Forget whole conversations."""
        for key, root in conversations:
            for (response_id,) in file.execute(
                "select id from responses where key = ? and root = ?", (key, root)
            ).fetchall():
                self._delete(file, key, response_id)
            file.execute("delete from conversations where key = ? and root = ?", (key, root))

    def _delete(self, file: sqlite3.Connection, key: str, response_id: str) -> bool:
        row = file.execute("select size from responses where key = ? and id = ?", (key, response_id)).fetchone()
        if row is None:
            return False
        self._sizes[key] -= row[0]
        file.execute("delete from responses where key = ? and id = ?", (key, response_id))
        file.execute("delete from items where key = ? and id = ?", (key, response_id))
        return True


def _root(file: sqlite3.Connection, kept: KeptResponse) -> str | None:
    """Where its conversation began, as far as that is kept."""
    row = file.execute("select root from responses where key = ? and id = ?", (kept.key, kept.previous)).fetchone()
    return None if row is None else str(row[0])


def _find(file: sqlite3.Connection, key: str, response_id: str) -> KeptResponse | None:
    row = file.execute(
        f"select {_COLUMNS} from responses natural join conversations where key = ? and id = ? and expires >= ?",  # noqa: S608 - no caller's words
        (key, response_id, time.time()),
    ).fetchone()
    if row is None:
        return None
    found_id, found_key, created, sensitivity, items, body, previous = row
    return KeptResponse(
        id=found_id,
        key=found_key,
        created=created,
        sensitivity=Sensitivity(sensitivity),
        items=tuple(_items(items)),
        body=body,
        previous=previous,
    )


def _chain(file: sqlite3.Connection, key: str, response_id: str) -> list[KeptResponse] | None:
    found: list[KeptResponse] = []
    at: str | None = response_id
    while at is not None:
        one = _find(file, key, at)
        if one is None or len(found) == _LONGEST_CHAIN:
            return None
        found.append(one)
        at = one.previous
    return found[::-1]
