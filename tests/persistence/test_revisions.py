"""Revisions of the policy: numbered on and on, bounded, the same after a restart; and what a rollback goes back to."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.state import revisions as room
from gateway.state.revisions import Revisions, stored
from gateway.values.deployment import Catalogue
from gateway.values.revision import Actor, Channel, CompileContext, KeptRevision, Revision, RevisionState, Withdrawal

CONTEXT = CompileContext(catalogue=Catalogue(deployments={}, models={}), deadline_s=60.0)
BY = Actor(Channel.ADMIN, 1.0, "me")


def publish(revisions: Revisions, content: str, again_of: int | None = None) -> int:
    was, number = revisions.of_state(RevisionState.IN_FORCE), revisions.next_number
    if was is not None:
        revisions.end(
            was.revision.number, RevisionState.REPLACED if again_of is None else RevisionState.ROLLED_BACK, BY
        )
    new = Revision(number=number, content=content, by=BY, state=RevisionState.IN_FORCE, again_of=again_of)
    revisions.add(KeptRevision(revision=new, document=f"# {content}\n", context=CONTEXT))
    return number


def rolled_back(revisions: Revisions) -> str | None:
    """The content that a rollback brought back."""
    kept = revisions.before()
    if kept is None:
        return None
    publish(revisions, kept.revision.content, kept.revision.number)
    return kept.revision.content


def test_the_same_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "r.db"
    first = Revisions(path)
    for content in ("a", "b", "c"):
        publish(first, content)
        first.save()
    first.taken = "digest"
    first.save()
    second = Revisions(path)
    assert second.newest_first(10) == first.newest_first(10)
    assert second.find(2) == first.find(2)
    assert (second.taken, second.next_number, second.is_failing) == ("digest", 4, False)
    assert [one.number for one in second.newest_first(2)] == [3, 2]
    assert [one.number for one in second.newest_first(2, before=2)] == [1]
    assert path.stat().st_mode & 0o077 == 0


def test_bounded_and_what_counts_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "KEEP", 5)
    revisions = Revisions(tmp_path / "r.db")
    staged = Revision(number=1, content="s", by=BY, state=RevisionState.STAGED, share=0.1)
    revisions.add(KeptRevision(revision=staged, document="s", context=CONTEXT))
    for at in range(20):
        publish(revisions, str(at))
        revisions.save()
    numbers = [1, 18, 19, 20, 21]
    assert [one.number for one in reversed(revisions.newest_first(50))] == numbers
    assert [one.revision.number for one in stored(tmp_path / "r.db")] == numbers
    assert revisions.next_number == 22


def test_rollbacks_go_further_back_each_time(tmp_path: Path) -> None:
    revisions = Revisions(tmp_path / "r.db")
    for content in ("a", "b", "c"):
        publish(revisions, content)
    assert rolled_back(revisions) == "b"
    assert rolled_back(revisions) == "a"
    assert rolled_back(revisions) is None
    publish(revisions, "d")
    assert rolled_back(revisions) == "a"


def test_one_that_never_was_in_force_is_nothing_to_go_back_to(tmp_path: Path) -> None:
    revisions = Revisions(tmp_path / "r.db")
    publish(revisions, "a")
    staged = Revision(number=2, content="s", by=BY, state=RevisionState.STAGED, share=0.1)
    revisions.add(KeptRevision(revision=staged, document="s", context=CONTEXT))
    ended = revisions.end(2, RevisionState.WITHDRAWN, BY, Withdrawal.ERRORS, "why")
    assert (ended.withdrawal, ended.reason, ended.was_in_force) == (Withdrawal.ERRORS, "why", False)
    publish(revisions, "b")
    assert rolled_back(revisions) == "a"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(["publish", "back", "restart"]), max_size=25))
def test_a_rollback_never_brings_back_what_is_in_force_or_was_rolled_back(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    path = tmp_path_factory.mktemp("r") / "r.db"
    revisions, past, made = Revisions(path), [], 0  # past: what a rollback goes back through, oldest first
    for step in steps:
        if step == "publish":
            made += 1
            past.append(str(made))
            publish(revisions, past[-1])
        elif step == "back":
            found = rolled_back(revisions)
            if len(past) > 1:
                past.pop()
                assert found == past[-1]
            else:
                assert found is None
        else:
            revisions.save()
            revisions = Revisions(path)


def spoil_all(path: Path) -> None:
    path.write_bytes(b"no database" * 1000)


def spoil_one(path: Path) -> None:
    """As a version would write it that knows more ways than this one."""
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("update revisions set record = replace(record, 'admin', 'other') where number = 1")


@pytest.mark.parametrize("spoil", [spoil_all, spoil_one])
def test_a_file_that_cannot_be_read_is_set_aside_and_what_follows_is_kept(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    path = tmp_path / "r.db"
    before = Revisions(path)
    for content in ("a", "b"):
        publish(before, content)
    before.taken = "digest"
    before.save()
    spoil(path)
    spoiled = path.read_bytes()
    revisions = Revisions(path)
    assert (revisions.newest_first(9), revisions.taken, revisions.is_failing) == ([], None, False)
    assert (tmp_path / "r.db.unreadable-1").read_bytes() == spoiled
    publish(revisions, "c")
    revisions.save()
    assert [one.content for one in Revisions(path).newest_first(9)] == ["c"]


def test_a_file_that_cannot_be_opened_is_told_and_written_once_it_can_be(tmp_path: Path) -> None:
    path = tmp_path / "r.db"
    path.mkdir()
    (path / "x").touch()
    revisions = Revisions(path)
    assert revisions.is_failing
    publish(revisions, "a")
    revisions.save()
    assert revisions.is_failing
    (path / "x").unlink()
    path.rmdir()
    revisions.save()
    assert not revisions.is_failing
    assert [one.document for one in stored(path)] == ["# a\n"]
