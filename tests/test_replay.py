"""`gateway replay`: what was decided live is decided again from its record alone, and what differs is told."""

import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.live_decisions import decided, made_again

COUNT = 2_100


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("replay")
    statuses = decided(directory, COUNT)
    assert statuses.total() == COUNT
    assert statuses[200] > COUNT / 2
    return directory


def test_live_decisions_under_three_revisions_come_out_the_same(folder: Path) -> None:
    """While readings change: health, limits, headroom, latencies, workers, costs, SLO burn."""
    done = made_again(folder, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert (found["same"], found["differing"], found["left_out"]) == (COUNT, 0, {})
    assert len(found["revisions"]) == 3
    assert min(found["revisions"].values()) > 50
    said = (folder / "state" / "journal.db").read_bytes()
    for read in (
        b'"headroom"',
        b'"latency"',
        b'"workers"',
        b'"gauges"',
        b'"own_cost"',
        b'"hedge_after_s"',
        b'"burn"',
        b'"seen":{"at"',
    ):
        assert read in said, f"{read.decode()} was on no record, so nothing was shown of it"


def copied(folder: Path, to: Path, change: Callable[[sqlite3.Connection], None]) -> Path:
    """The same, but for what was changed in the journal, or in the revisions attached to it."""
    (to / "state").mkdir()
    for name in ("journal.db", "policy-revisions.db"):
        (to / "state" / name).write_bytes((folder / "state" / name).read_bytes())
    db = sqlite3.connect(to / "state" / "journal.db")
    db.execute("attach ? as kept", (str(to / "state" / "policy-revisions.db"),))
    change(db)
    db.commit()
    db.close()
    return to


def rewritten(db: sqlite3.Connection, change: Callable[[dict[str, Any]], None]) -> str:
    """The newest record that has been ranked by a score, changed; its id."""
    for key, text in db.execute("select id, record from journal order by id desc").fetchall():
        record = json.loads(text)
        candidates = record["decision"]["candidates"]
        if candidates and "latency" in candidates[0].get("reading", {}) and "score" in candidates[0]:
            change(record)
            db.execute("update journal set record = ? where id = ?", (json.dumps(record).encode(), key))
            return str(key)
    raise AssertionError("there is no such record")


def test_one_that_differs_is_told_with_the_first_thing_that_does(folder: Path, tmp_path: Path) -> None:
    changed: list[str] = []

    def slower(record: dict[str, Any]) -> None:
        record["decision"]["candidates"][0]["expected_usd"] = 0.5

    copied(folder, tmp_path, lambda db: changed.append(rewritten(db, slower)))
    done = made_again(tmp_path)
    assert done.returncode == 1
    assert f"{COUNT:,} decisions" in done.stdout
    assert "1 differ" in done.stdout
    assert f"{changed[0]} (revision " in done.stdout
    assert "candidates[0].expected_usd: 0.5 on record, " in done.stdout
    assert made_again(tmp_path, "--last", "1").returncode in (0, 1)


@pytest.mark.parametrize("is_first", [True, False])
def test_an_attempt_that_would_go_to_another_address_is_told(folder: Path, tmp_path: Path, is_first: bool) -> None:
    """The first goes where the decision says, a later one where what is on its record says."""
    changed: list[str] = []

    def moved(db: sqlite3.Connection) -> None:
        for key, text in db.execute("select id, record from journal order by id desc").fetchall():
            record = json.loads(text)
            for number, attempt in enumerate(record["attempts"]):
                home = attempt["deployment"] == "home"
                if home and (attempt["seen"] is None) is is_first and "address" in record["decision"]:
                    attempt["address"] = 1 - attempt["address"]
                    db.execute("update journal set record = ? where id = ?", (json.dumps(record).encode(), key))
                    changed.append(f"{key} (revision {record['decision']['revision']}): attempts[{number}].address: ")
                    return

    copied(folder, tmp_path, moved)
    done = made_again(tmp_path)
    assert done.returncode == 1
    assert "1 differ" in done.stdout
    assert changed[0] in done.stdout


def test_what_cannot_be_made_again_says_why(folder: Path, tmp_path: Path) -> None:
    def forget(db: sqlite3.Connection) -> None:
        db.execute("delete from kept.revisions where number = 1")
        db.execute(
            "update kept.revisions set document = replace(document, 'latency: 2', 'latency: 3') where number = 3"
        )
        db.execute("update kept.revisions set document = 'rules: []' where number = 2")

    done = made_again(copied(folder, tmp_path, forget))
    assert done.returncode == 3
    for why in (
        "1-[0-9a-f]{8} is not kept",
        "2-.* is not valid in this version",
        "3-.* is another plan in this version",
    ):
        assert re.search(why, done.stdout), why


def test_a_record_whose_fields_had_other_names_is_told_as_another_versions(folder: Path, tmp_path: Path) -> None:
    """It would differ in all that is named otherwise, and say nothing of what is decided otherwise."""

    changed: list[str] = []

    def older(record: dict[str, Any]) -> None:
        for candidate in record["decision"]["candidates"]:
            candidate["standing"] = candidate.pop("tier", None)

    done = made_again(copied(folder, tmp_path, lambda db: changed.append(rewritten(db, older))))
    assert done.returncode == 0, done.stdout
    assert "none differs" in done.stdout
    assert "1 could not be: the record is of another version of the gateway." in done.stdout


def test_without_a_journal_it_says_so(tmp_path: Path) -> None:
    done = made_again(tmp_path)
    assert done.returncode == 1
    assert "there is no journal" in done.stderr
