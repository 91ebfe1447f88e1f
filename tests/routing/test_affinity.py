"""Which address of a deployment gets an attempt: home while that is worth it, else where the wait is shortest."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.routing.affinity import MOST_ABOVE, MOST_OF_MEAN, pick, prefix_worth_s
from gateway.values.request import Facts
from gateway.values.snapshot import Latency, Line, Quantiles
from gateway.values.worker import STALE_AFTER_S, Gauges, WorkerHealth, WorkerReading
from tests.learning.attempts import asked

NOW = 1000.0
SALTS = tuple(range(11, 75, 8))
UP, DOWN = WorkerHealth.UP, WorkerHealth.DOWN


def chosen(workers: list[WorkerReading], facts: Facts | None = None, **more: Any) -> int | None:
    given = {"seed": 1, "now": NOW, **more}
    latency = given.pop("latency", None)
    return pick(workers, SALTS[: len(workers)], facts or asked(), latency, **given)


def busy(waiting: int, *, running: int = 8, per_s: float = 2.0, at: float = NOW, own: int = 0) -> WorkerReading:
    return WorkerReading(UP, own, 0.0, Gauges(at, running, waiting, 0.5, False, own, running, per_s))


def idle(own: int = 0) -> WorkerReading:
    return WorkerReading(UP, own, 0.0, Gauges(NOW, own, 0, 0.1, False, own))


def test_the_shortest_wait_is_taken() -> None:
    assert chosen([busy(4), busy(1), busy(6)]) == 1


def test_without_gauges_the_fewest_in_flight_are() -> None:
    assert chosen([WorkerReading(UP, 4), WorkerReading(UP, 2), WorkerReading(UP, 3)]) == 1


def test_equals_get_equal_shares_by_seed_and_the_same_seed_the_same() -> None:
    found = Counter(chosen([idle(), idle(), idle()], seed=seed * 2654435761 & 0xFFFFFFFF) for seed in range(3000))
    assert min(found.values()) > 800
    assert len({chosen([idle(), idle(), idle()], seed=5) for _ in range(20)}) == 1


def test_sessions_have_homes_that_are_spread_evenly() -> None:
    homes = Counter(chosen([idle()] * 4, asked(session=f"s{number}")) for number in range(2000))
    assert min(homes.values()) > 400
    for number in range(50):
        facts = asked(session=f"s{number}")
        assert len({chosen([idle()] * 4, facts, seed=seed) for seed in range(10)}) == 1


def test_what_begins_alike_goes_together_but_a_session_counts_more() -> None:
    assert len({chosen([idle()] * 8, asked(prefix=77), seed=seed) for seed in range(20)}) == 1
    session = chosen([idle()] * 8, asked(session="s"))
    assert all(chosen([idle()] * 8, asked(session="s", prefix=prefix)) == session for prefix in range(20))


def test_a_worker_that_goes_moves_only_its_own() -> None:
    for number in range(200):
        facts = asked(session=f"s{number}")
        before = chosen([idle()] * 4, facts)
        after = chosen([idle(), idle(), WorkerReading(DOWN), idle()], facts)
        assert after == before or (before == 2 and after != 2)


def test_a_session_moves_only_if_the_wait_costs_more_than_its_prefix_is_worth() -> None:
    session = asked(100_000, session="s")
    home = chosen([idle()] * 3, session)
    assert home is not None
    line = Line(0.1, 0.0001, 0.0, Quantiles(1.0, 1.0, 1.0, 1.0))
    latency = Latency(10, NOW, first_output=line)
    worth = prefix_worth_s(session, latency, idle(), NOW)
    assert worth == 100_000 * 0.0001 * 0.5
    for waits, stays in ((worth - 1, True), (worth + 1, False)):
        free, full = Gauges(NOW, 1, 0, 0.1), Gauges(NOW, 1, 0, 0.99, False, 0, 1, 1 / waits)
        workers = [WorkerReading(UP, gauges=full if at == home else free) for at in range(3)]
        assert (chosen(workers, session, latency=latency) == home) is stays


def test_a_measured_hit_share_says_what_a_prefix_is_worth() -> None:
    warm = WorkerReading(UP, gauges=Gauges(NOW, 0, 0, hit_share=0.9))
    cold = WorkerReading(UP, gauges=Gauges(NOW, 0, 0, hit_share=0.0))
    facts = asked(1000)
    assert prefix_worth_s(facts, None, warm, NOW) == pytest.approx(9 * prefix_worth_s(facts, None, cold, NOW))


def test_the_suspect_come_after_the_others_and_the_down_last() -> None:
    suspect = WorkerReading(UP, suspect_until=NOW + 1)
    was_suspect = WorkerReading(UP, in_flight=50, suspect_until=NOW - 1)
    assert chosen([suspect, was_suspect, WorkerReading(DOWN)]) == 1
    assert chosen([suspect, was_suspect, WorkerReading(DOWN)], tried={1}) == 0
    assert chosen([suspect, was_suspect, WorkerReading(DOWN)], tried={0, 1}) == 2
    assert chosen([suspect, was_suspect, WorkerReading(DOWN)], tried={0, 1, 2}) is None


def test_old_gauges_are_neither_full_nor_idle() -> None:
    long_ago = NOW - STALE_AFTER_S - 1
    for waiting in (0, 500):
        stale = busy(waiting, at=long_ago, own=5)
        assert stale.read(NOW) is None
        assert stale.wait_s(NOW) is None
        assert stale.load(NOW) == 5
        # taken to be as the others are on average, so between the better and the worse one of them
        assert chosen([stale, busy(6), busy(0)]) == 2
        # and where the others wait alike, its own requests decide
        assert chosen([stale, busy(2, own=8)]) == 0
        assert chosen([stale, busy(2, own=2)]) == 1


def test_one_that_answers_and_tells_nothing_is_not_left_without_requests() -> None:
    """Its gauges never came: it is used like the others."""
    workers = [WorkerReading(UP, 0), idle(), idle()]
    found = Counter(chosen(workers, seed=seed * 2654435761 & 0xFFFFFFFF) for seed in range(900))
    assert found[0] > 200


workers_of_any_kind = st.lists(
    st.builds(
        WorkerReading,
        health=st.sampled_from(list(WorkerHealth)),
        in_flight=st.integers(0, 60),
        suspect_until=st.sampled_from([0.0, NOW + 1]),
        gauges=st.none()
        | st.builds(
            Gauges, st.sampled_from([NOW, NOW - 2, NOW - 50]), st.integers(0, 60), st.integers(0, 60),
            st.none() | st.floats(0, 1), st.booleans(), st.integers(0, 60), st.none() | st.integers(1, 60),
            st.none() | st.floats(0.01, 50), st.none() | st.floats(0, 1),
        ),
    ),
    min_size=1, max_size=8,
)  # fmt: skip


@given(
    workers_of_any_kind,
    st.integers(0, 2**32 - 1),
    st.none() | st.integers(0, 2**32 - 1),
    st.integers(0, 10**5),
    st.sets(st.integers(0, 7)),
)
def test_always_an_untried_one_of_the_best_rank(
    workers: list[WorkerReading], seed: int, prefix: int | None, tokens: int, tried: set[int]
) -> None:
    found = chosen(workers, asked(tokens, prefix=prefix), seed=seed, tried=tried)
    left = [at for at in range(len(workers)) if at not in tried]
    if not left:
        assert found is None
        return
    assert found in left
    assert workers[found].rank(NOW) == min(workers[at].rank(NOW) for at in left)


@given(st.lists(st.integers(0, 40), min_size=2, max_size=8), st.integers(0, 2**32 - 1))
def test_affinity_alone_gives_nobody_more_than_its_share(loads: list[int], prefix: int) -> None:
    """Everybody asks with the same beginning: after each, who got it has at most 1.25 times the mean and one more."""
    own = loads.copy()
    for _ in range(60):
        found = chosen([WorkerReading(UP, number) for number in own], asked(10**6, prefix=prefix))
        assert found is not None
        own[found] += 1
        assert own[found] <= MOST_OF_MEAN * sum(own) / len(own) + MOST_ABOVE or own[found] - 1 == min(
            number - (at == found) for at, number in enumerate(own)
        )
