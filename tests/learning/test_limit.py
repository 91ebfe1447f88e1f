"""The limit of what is in flight: within its bounds, lowered once by those who were told together, raised by use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.learning.limit import KEPT, LEAST, ConcurrencyLimit


def test_nothing_bounds_it_until_it_says_so() -> None:
    limit = ConcurrencyLimit()
    for _ in range(100):
        limit.answered(1000)
    assert limit.limit is None


def test_those_that_are_told_together_lower_it_once() -> None:
    limit = ConcurrencyLimit()
    for ticket in range(1, 51):
        limit.overloaded(ticket, 100, 100, 0.0)
    assert limit.limit == int(100 * KEPT)
    limit.overloaded(101, 101, 70, 0.0)
    assert limit.limit == int(70 * KEPT)


def test_it_rises_by_one_and_a_tenth_in_each_round_that_uses_it_and_not_without() -> None:
    limit = ConcurrencyLimit()
    limit.overloaded(1, 1, 100, 0.0)
    for _ in range(69):
        limit.answered(70)
    assert 76 <= (limit.limit or 0) <= 78
    risen = limit.limit
    for _ in range(1000):
        limit.answered(20)
    assert limit.limit == risen


@pytest.mark.parametrize("capacity", [5, 12, 80])
def test_it_finds_what_a_server_takes(capacity: int) -> None:
    """A server that refuses what is beyond its capacity: after a while few are refused, and most of it is used."""
    limit, ticket, refused, used = ConcurrencyLimit(), 0, 0, 0
    for round_number in range(400):
        at_once = min(limit.limit or 1000, 1000)
        tickets = range(ticket + 1, ticket + at_once + 1)
        ticket += at_once
        for number, one in enumerate(tickets):
            if number >= capacity:
                limit.overloaded(one, ticket, at_once, 0.0)
                refused += round_number >= 50
            else:
                limit.answered(number + 1)
                used += round_number >= 50
    assert used >= 0.7 * capacity * 350
    assert refused <= 0.1 * used


def test_what_it_said_once_is_forgotten_step_by_step() -> None:
    """Told at night, with a few requests an hour since: the morning does not begin with four at once."""
    limit = ConcurrencyLimit()
    for ticket in range(1, 20):
        limit.overloaded(ticket, ticket, 5, 1000.0)
    assert limit.limit == LEAST
    for seconds, expected in [(0.0, LEAST), (299.0, LEAST), (300.0, 2 * LEAST), (301.0, 2 * LEAST), (900.0, 8 * LEAST)]:
        limit.relax(1000.0 + seconds)
        assert limit.limit == expected
    limit.overloaded(20, 20, 10, 1950.0)
    limit.relax(2249.0)
    assert limit.limit == 7
    limit.relax(30_000.0)
    assert limit.limit is None


def test_a_clock_that_is_set_back_neither_opens_nor_holds_it() -> None:
    limit = ConcurrencyLimit(50)
    limit.overloaded(1, 1, 40, 1e6)
    limit.relax(10.0)
    assert limit.limit == 28
    limit.relax(310.0)
    assert limit.limit == 50


steps = st.lists(st.tuples(st.booleans(), st.integers(0, 50), st.integers(1, 500)))


@given(steps, st.none() | st.integers(1, 50))
def test_it_stays_within_its_bounds_and_comes_back(script: list[tuple[bool, int, int]], most: int | None) -> None:
    limit, newest = ConcurrencyLimit(most), 0
    for told, started, in_flight in script:
        newest += started
        if told:
            limit.overloaded(newest, newest, in_flight, 0.0)
        else:
            limit.answered(in_flight)
        found = limit.limit
        assert found is None or found >= min(LEAST, most or LEAST)
        assert most is None or (found is not None and found <= most)
    for _ in range(3000):
        limit.answered(limit.limit or 1)
    assert limit.limit is None or limit.limit >= min(50, most or 50)
