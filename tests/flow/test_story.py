"""What a request's clock, record and failures hold, whoever adds to them."""

import inspect
from types import SimpleNamespace

import pytest

from gateway.flow import story
from gateway.flow.story import Clock, Record
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.records import Attempt


class Now:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.at = 100.0

    def monotonic(self) -> float:
        return self.at


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Now:
    moved = Now()
    monkeypatch.setattr(story, "time", moved)
    return moved


def test_a_wait_counts_from_its_beginning_to_its_end(now: Now) -> None:
    clock = Clock(100.0)
    now.at = 101.0
    assert clock.begin_wait() == 101.0
    now.at = 103.0
    assert clock.end_wait() == 103.0
    now.at = 110.0
    assert clock.waited_s == 2.0


@pytest.mark.parametrize(
    ("steps", "waited_s"),
    [
        ([(1, "+"), (2, "+"), (5, "-"), (7, "-")], 6.0),
        ([(1, "+"), (2, "+"), (5, "-"), (5, "+"), (7, "-"), (9, "-")], 8.0),
        ([(1, "+"), (2, "-"), (5, "+"), (7, "-")], 3.0),
        ([(1, "+"), (1, "+"), (1, "-"), (4, "-")], 3.0),
    ],
    ids=["the second ends first", "a third within", "one after the other", "one of no length"],
)
def test_waits_that_overlap_count_once(now: Now, steps: list[tuple[int, str]], waited_s: float) -> None:
    clock = Clock(100.0)
    for after, step in steps:
        now.at = 100.0 + after
        _ = clock.begin_wait() if step == "+" else clock.end_wait()
    assert clock.waited_s == waited_s


async def test_a_pause_that_is_cut_off_counts_as_far_as_it_went(now: Now) -> None:
    clock = Clock(100.0)
    pausing = clock.pause(60.0)
    pausing.send(None)
    now.at = 107.0
    pausing.close()
    assert clock.waited_s == 7.0


def attempt(deployment: str) -> Attempt:
    return Attempt(deployment=deployment, outcome=Outcome.OK, started_s=0.0, duration_s=1.0)


def test_what_a_part_adds_the_whole_has_too_and_the_next_part_has_not() -> None:
    whole = Record()
    first = Record(whole)
    first.add_tried("a", 0)
    first.add_attempt(attempt("a"))
    failure = AttemptFailed(Outcome.SERVER_ERROR, "no")
    first.add_failure(failure)
    second = Record(whole)
    second.add_attempt(attempt("b"))
    assert [one.deployment for one in whole.attempts] == ["a", "b"]
    assert [one.deployment for one in second.attempts] == ["b"]
    assert (list(whole.failures), list(second.failures)) == ([failure], [])
    assert (list(first.tried), list(second.tried)) == ([("a", 0)], [])


def test_a_failure_stays_as_it_is_when_another_is_made_of_it() -> None:
    failure = AttemptFailed(
        Outcome.RATE_LIMITED, "slow down", status=429, message="Slow down.", param="n", code="rate", retry_after_s=7.0
    )
    other = failure.replaced(retry_after_s=1.0)
    assert (failure.retry_after_s, other.retry_after_s) == (7.0, 1.0)
    assert vars(other) == {**vars(failure), "retry_after_s": 1.0}
    assert str(other) == str(failure)


def test_every_part_of_a_failure_can_be_replaced() -> None:
    names = list(inspect.signature(AttemptFailed.__init__).parameters)[1:]
    given = SimpleNamespace(
        outcome=Outcome.BAD_REQUEST, detail="d", status=400, message="m", param="p", code="c", retry_after_s=1.0
    )
    assert set(names) == set(vars(given))
    assert vars(AttemptFailed(Outcome.OK, "").replaced(**vars(given))) == vars(given)
