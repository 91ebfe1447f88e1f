"""What the journal's file may meet: each costs lookups at most, is said, and ends by itself; what is lost is counted."""

import logging
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from gateway.observe import journal as room
from gateway.observe.journal import Journal, JournalUnavailable, count, find, newest
from tests.observe.test_journal import Lost, record
from tests.support.disk import fill, read_only, small_disk


def wait_for(what: Callable[[], object], within_s: float = 20) -> None:
    until = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < until
        time.sleep(0.02)


def written(path: Path) -> int:
    try:
        return count(path)
    except sqlite3.Error:
        return -1


def kept(path: Path, records: int, *, keep: int = 100_000) -> Path:
    """A journal of before."""
    journal = Journal(path, keep=keep, queue=records, dropped=print)
    for number in range(records):
        journal.request_finished(record(number))
    journal.close()
    assert count(path) == records
    return path


def unkept(path: Path, lost: Lost, queue: int = 100) -> Journal:
    """One that begins where no journal can be."""
    journal = Journal(path, keep=100, queue=queue, dropped=lost.add)
    assert not journal.is_kept
    return journal


def told_at_an_end(journal: Journal, path: Path, lost: Lost) -> None:
    """A record of the time without a file gets into it, once it can be written."""
    wait_for(lambda: journal.is_kept)
    wait_for(lambda: written(path) == 1)
    assert find(path, "00000001")
    journal.close()
    assert lost.count == 0


def test_a_directory_in_its_place(tmp_path: Path) -> None:
    lost, path = Lost(), tmp_path / "j.db"
    path.mkdir()
    journal = unkept(path, lost)
    journal.request_finished(record(1))
    assert journal.find("00000001")
    assert [one.id for one in journal.newest(10)] == ["00000001"]
    with pytest.raises(JournalUnavailable):
        journal.find("00000002")
    path.rmdir()
    told_at_an_end(journal, path, lost)


def test_a_file_in_the_directorys_place(tmp_path: Path) -> None:
    lost, path = Lost(), tmp_path / "state" / "j.db"
    path.parent.write_text("a file")
    journal = unkept(path, lost)
    with pytest.raises(JournalUnavailable):
        journal.newest(10)
    journal.request_finished(record(1))
    path.parent.unlink()
    told_at_an_end(journal, path, lost)
    assert path.parent.stat().st_mode & 0o077 == 0


def test_a_read_only_directory(tmp_path: Path) -> None:
    lost, path = Lost(), tmp_path / "state" / "j.db"
    path.parent.mkdir()
    with read_only(path.parent):
        journal = unkept(path, lost)
        journal.request_finished(record(1))
    told_at_an_end(journal, path, lost)


def test_a_read_only_directory_that_has_one(tmp_path: Path) -> None:
    """It is remounted so when its disk fails, while the journal is open."""
    lost, path = Lost(), kept(tmp_path / "state" / "j.db", 10)
    with read_only(path.parent):
        journal = unkept(path, lost)
        journal.request_finished(record(11))
        wait_for(lambda: not journal.is_kept)
    wait_for(lambda: written(path) == 11)
    journal.close()
    assert lost.count == 0


def test_a_full_disk_at_the_start(tmp_path: Path) -> None:
    lost = Lost()
    with small_disk(tmp_path / "disk") as disk:
        full = fill(disk)
        journal = unkept(disk / "j.db", lost)
        journal.request_finished(record(1))
        full.unlink()
        told_at_an_end(journal, disk / "j.db", lost)


def test_a_disk_that_fills_up_is_said_once_and_costs_what_the_queue_cannot_hold(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lost = Lost()
    with small_disk(tmp_path / "disk") as disk:
        journal = Journal(disk / "j.db", keep=10_000, queue=50, dropped=lost.add)
        full, sent = fill(disk), 0
        until = time.monotonic() + 20
        while lost.count < 100:
            assert time.monotonic() < until
            journal.request_finished(record(sent))
            sent += 1
            time.sleep(0.001)
        wait_for(lambda: not journal.is_kept)
        time.sleep(2.5)  # it is tried again, and again
        said = [one for one in caplog.records if one.levelno >= logging.WARNING]
        assert len(said) == 1
        assert said[0].exc_info is None
        assert "full" in said[0].getMessage()
        full.unlink()
        wait_for(lambda: written(disk / "j.db") == sent - lost.count)
        wait_for(lambda: journal.is_kept)
        assert f"{lost.count} records were lost" in caplog.records[-1].getMessage()
        journal.close()


def test_what_is_left_at_the_end_is_counted(tmp_path: Path) -> None:
    lost, path = Lost(), tmp_path / "j.db"
    path.mkdir()
    journal = unkept(path, lost)
    for number in range(7):
        journal.request_finished(record(number))
    journal.close()
    assert lost.count == 7


def test_a_damaged_head_is_set_aside_and_nothing_new_is_lost(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lost, path = Lost(), kept(tmp_path / "j.db", 10)
    path.write_bytes(b"not a database at all" * 500)
    journal = Journal(path, keep=100, queue=100, dropped=lost.add)
    wait_for(lambda: written(path) == 0)
    journal.request_finished(record(11))
    wait_for(lambda: written(path) == 1)
    assert journal.is_kept
    journal.close()
    assert path.with_name("j.db.unreadable-1").read_bytes() == b"not a database at all" * 500
    assert str(path.with_name("j.db.unreadable-1")) in caplog.text
    assert lost.count == 0


def test_one_that_is_damaged_while_it_is_open(tmp_path: Path) -> None:
    lost, path = Lost(), tmp_path / "j.db"
    journal = Journal(path, keep=100, queue=100, dropped=lost.add)
    for file in tmp_path.iterdir():
        file.write_bytes(b"not a database at all" * 500)
    journal.request_finished(record(1))
    journal.close()
    assert (find(path, "00000001") is not None, lost.count) == (True, 0)
    assert path.with_name("j.db.unreadable-1").exists()


@pytest.mark.parametrize("by", ["reading", "trimming"])
def test_damaged_pages_in_the_middle(tmp_path: Path, by: str) -> None:
    lost, path = Lost(), kept(tmp_path / "j.db", 2_000)
    with path.open("r+b") as file:
        file.seek(3 * 4096)
        file.write(b"\xff" * (path.stat().st_size - 5 * 4096))
    journal = Journal(path, keep=50, queue=5_000, dropped=lost.add)
    if by == "reading":
        with pytest.raises(JournalUnavailable):
            journal.newest(2_000)
    else:
        for number in range(5_000, 5_060):
            journal.request_finished(record(number))
    wait_for(path.with_name("j.db.unreadable-1").exists)
    journal.request_finished(record(9_000))
    wait_for(lambda: written(path) > 0)
    wait_for(lambda: find(path, "00009000"))
    assert journal.find("00001000") is None
    journal.close()
    assert lost.count == 0


def test_a_disk_that_breaks_each_file_is_not_filled_with_them(tmp_path: Path) -> None:
    lost, path = Lost(), tmp_path / "j.db"
    path.write_bytes(b"broken" * 1000)
    journal = Journal(path, keep=100, queue=100, dropped=lost.add)
    wait_for(lambda: written(path) == 0)
    for ending in ("", "-wal", "-shm"):
        path.with_name(f"j.db{ending}").write_bytes(b"broken" * 1000)
    journal.request_finished(record(1))
    wait_for(lambda: not journal.is_kept)
    time.sleep(1.5)
    assert not path.with_name("j.db.unreadable-2").exists()
    path.unlink()
    wait_for(lambda: written(path) == 1)
    journal.close()
    assert lost.count == 0


@pytest.mark.parametrize("gone", ["file", "all", "directory", "wal", "replaced"])
def test_deleted_while_it_is_open(tmp_path: Path, gone: str) -> None:
    """By somebody who meant to free room, or who restored a copy and did not stop the gateway first."""
    lost, path = Lost(), tmp_path / "state" / "j.db"
    other = kept(tmp_path / "other.db", 3)
    journal = Journal(path, keep=1000, queue=1000, dropped=lost.add)
    journal.request_finished(record(500))
    wait_for(lambda: written(path) == 1)
    if gone == "directory":
        shutil.rmtree(path.parent)
    elif gone == "replaced":
        for ending in ("-wal", "-shm"):
            path.with_name(f"j.db{ending}").unlink()
        other.replace(path)
    else:
        for file in path.parent.iterdir():
            if gone == "all" or file.name == {"file": "j.db", "wal": "j.db-wal"}[gone]:
                file.unlink()
    for number in range(600, 700):
        journal.request_finished(record(number))
    wait_for(lambda: written(path) >= (103 if gone == "replaced" else 100))
    assert [one.id for one in newest(path, 100)] == [f"{number:08d}" for number in reversed(range(600, 700))]
    assert journal.find("00000650")
    journal.close()
    assert lost.count == 0


def test_deleted_while_nothing_is_written(tmp_path: Path) -> None:
    path = kept(tmp_path / "j.db", 3)
    journal = Journal(path, keep=1000, queue=1000, dropped=print)
    path.unlink()
    wait_for(lambda: written(path) == 0)
    assert (journal.find("00000001"), journal.newest(5)) == (None, [])
    journal.close()


def test_a_lock_of_another_process_is_waited_out(tmp_path: Path) -> None:
    lost, path = Lost(), tmp_path / "j.db"
    journal = Journal(path, keep=1000, queue=100, dropped=lost.add)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin exclusive")
        for number in range(100):
            journal.request_finished(record(number))
        assert journal.find("00000050")
        wait_for(lambda: not journal.is_kept)
        other.execute("rollback")
    wait_for(lambda: written(path) == 100)
    journal.close()
    assert lost.count == 0


def test_a_locked_one_does_not_hold_up_the_start(tmp_path: Path) -> None:
    lost, path = Lost(), kept(tmp_path / "j.db", 1)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("pragma locking_mode=exclusive")
        other.execute("begin exclusive")
        began = time.monotonic()
        journal = Journal(path, keep=1000, queue=100, dropped=lost.add)
        assert time.monotonic() - began < room._OPEN_WITHIN_S + 1
        journal.request_finished(record(2))
        other.execute("rollback")
    wait_for(lambda: written(path) == 2)
    journal.close()
    assert lost.count == 0


def test_a_record_that_json_cannot_say_is_lost_alone(tmp_path: Path) -> None:
    lost, path = Lost(), tmp_path / "j.db"
    journal = Journal(path, keep=1000, queue=100, dropped=lost.add)
    bad = msgspec.structs.replace(record(2), surface="\ud83d")
    for one in (record(1), bad, record(3)):
        journal.request_finished(one)
    wait_for(lambda: written(path) == 2)
    journal.close()
    assert lost.count == 1
