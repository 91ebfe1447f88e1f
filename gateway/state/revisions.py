"""The revisions of the policy, in memory and in one SQLite file, so that they survive a restart.

Memory is what counts: a file that cannot be written is logged and tried again with the next change, and harms no
request (law 12). The verbs change memory at once; `save` writes what changed, and blocks.
"""

import hashlib
import itertools
import logging
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
from msgspec.structs import replace

from gateway.values.revision import Actor, Channel, CompileContext, KeptRevision, Revision, RevisionState, Withdrawal

KEEP = 200  # revisions; the oldest go first
_log = logging.getLogger(__name__)
_TABLES = """
create table if not exists revisions
    (number integer primary key, record blob not null, document text not null, ground text not null);
create table if not exists grounds (digest text primary key, ground blob not null) without rowid;
create table if not exists taken (file text primary key, digest text not null) without rowid;
"""
_OVER = (RevisionState.REPLACED, RevisionState.ROLLED_BACK, RevisionState.WITHDRAWN)


class Revisions:
    """One per process. Its verbs belong to the event loop; `save` may run on a thread, one at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_failing = False  # what changed last is not in the file
        self.taken: str | None = None  # what the policy's file said when it was last taken, as a digest
        self._kept: dict[int, KeptRevision] = {}  # by number, oldest first
        self._unsaved: set[int] = set()
        self._gone: set[int] = set()
        self._lock = threading.Lock()
        try:
            self._kept = {one.revision.number: one for one in stored(path)}
            self.taken = _taken(path)
        except (sqlite3.OperationalError, OSError):
            self._fail("could not be read: the numbers of revisions begin anew")
        except (sqlite3.DatabaseError, msgspec.MsgspecError, KeyError):
            self._set_aside()

    @property
    def next_number(self) -> int:
        """Of the next revision."""
        return max(self._kept, default=0) + 1

    def newest_first(self, limit: int, before: int | None = None) -> list[Revision]:
        """A page; `before` is the last number of the page before."""
        found = [one.revision for number, one in self._kept.items() if before is None or number < before]
        return found[: -limit - 1 : -1]

    def find(self, number: int) -> KeptRevision | None:
        """By its number."""
        return self._kept.get(number)

    def of_state(self, state: RevisionState) -> KeptRevision | None:
        """The one in force, or staged. None if there is none."""
        return next((one for one in reversed(self._kept.values()) if one.revision.state is state), None)

    def brought(self, revision: Revision) -> Actor:
        """Who brought its document; a start that took it again did not, as far back as revisions are kept."""
        while revision.by.via is Channel.START and revision.again_of is not None:
            if (of := self._kept.get(revision.again_of)) is None:
                break
            revision = of.revision
        return revision.by

    def before(self) -> KeptRevision | None:
        """Where a rollback goes: to what was in force before the present document, further back each time."""
        now = self.of_state(RevisionState.IN_FORCE)
        if now is None:
            return None
        first = now.revision
        while first.again_of is not None and (of := self._kept.get(first.again_of)) is not None:
            first = of.revision
        for one in reversed(self._kept.values()):
            found = one.revision
            if found.number < first.number and found.state is RevisionState.REPLACED and found.was_in_force:
                return one
        return None

    def add(self, kept: KeptRevision) -> None:
        """A new one, in force or staged. The one of that state before it has been ended."""
        self._put(kept)
        for number in [number for number, one in self._kept.items() if one.revision.state in _OVER]:
            if len(self._kept) <= KEEP:
                break
            del self._kept[number]
            self._unsaved.discard(number)
            self._gone.add(number)

    def end(
        self,
        number: int,
        state: RevisionState,
        by: Actor,
        withdrawal: Withdrawal | None = None,
        reason: str | None = None,
    ) -> Revision:
        """It is over. What it is now."""
        return self._change(number, state=state, ended=by, withdrawal=withdrawal, reason=reason)

    def promote(self, number: int, by: Actor) -> None:
        """The staged one is in force."""
        self._change(number, state=RevisionState.IN_FORCE, promoted=by)

    def save(self) -> None:
        """Write what changed since. Never raises; `is_failing` tells."""
        with self._lock:
            rows = [(number, self._kept[number]) for number in tuple(self._unsaved) if number in self._kept]
            gone = tuple(self._gone)
            try:
                _write(self.path, rows, gone, self.taken)
            except (sqlite3.Error, OSError):
                self._fail("could not be written")
                return
            self._unsaved.difference_update([number for number, one in rows if self._kept.get(number) is one])
            self._gone.difference_update(gone)
            self.is_failing = False

    def _change(self, number: int, **changes: object) -> Revision:
        was = self._kept[number]
        revision = replace(was.revision, **changes)
        self._put(replace(was, revision=revision))
        return revision

    def _put(self, kept: KeptRevision) -> None:
        self._kept[kept.revision.number] = kept
        self._unsaved.add(kept.revision.number)

    def _set_aside(self) -> None:
        """What cannot be read now never can: without it what is published from now on survives a restart."""
        self._kept, names = {}, (f"{self.path.name}.unreadable-{number}" for number in itertools.count(1))
        aside = next(path for path in map(self.path.with_name, names) if not path.exists())
        try:
            self.path.rename(aside)
        except OSError:
            self._fail("could not be read, nor set aside: the numbers of revisions begin anew")
        else:
            _log.exception(
                "the policy's revisions in %s could not be read: they begin anew, %s has them", self.path, aside
            )

    def _fail(self, what: str) -> None:
        if not self.is_failing:
            _log.error("the policy's revisions in %s %s (%s); serving goes on", self.path, what, sys.exc_info()[1])
        self.is_failing = True


def stored(path: Path) -> Iterator[KeptRevision]:
    """Those in the file, oldest first. Raises sqlite3.Error, OSError or msgspec's error if it is no such file."""
    if _is_empty(path):
        return
    with closing(sqlite3.connect(path, timeout=2.0)) as db:
        grounds: dict[str, CompileContext] = {
            digest: msgspec.json.decode(ground, type=CompileContext)
            for digest, ground in db.execute("select digest, ground from grounds")
        }
        for record, document, ground in db.execute("select record, document, ground from revisions order by number"):
            revision = msgspec.json.decode(record, type=Revision)
            yield KeptRevision(revision=revision, document=document, context=grounds[ground])


def _taken(path: Path) -> str | None:
    if _is_empty(path):
        return None
    with closing(sqlite3.connect(path, timeout=2.0)) as db:
        row = db.execute("select digest from taken").fetchone()
    return row[0] if row else None


def _is_empty(path: Path) -> bool:
    return not path.exists() or path.stat().st_size == 0


def _write(path: Path, rows: list[tuple[int, KeptRevision]], gone: tuple[int, ...], taken: str | None) -> None:
    """One transaction."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        path.touch(mode=0o600)
    with closing(sqlite3.connect(path, timeout=2.0)) as db, db:
        db.executescript(_TABLES)
        for number, one in rows:
            ground = msgspec.json.encode(one.context)
            digest = hashlib.sha256(ground).hexdigest()
            db.execute("insert or ignore into grounds values (?, ?)", (digest, ground))
            record = msgspec.json.encode(one.revision)
            db.execute("insert or replace into revisions values (?, ?, ?, ?)", (number, record, one.document, digest))
        db.executemany("delete from revisions where number = ?", [(number,) for number in gone])
        if gone:
            db.execute("delete from grounds where digest not in (select ground from revisions)")
        if taken is not None:
            db.execute("insert or replace into taken values ('policy', ?)", (taken,))
