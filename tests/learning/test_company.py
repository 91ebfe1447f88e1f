"""How many others were there in the mean of an attempt's life, against a count at every moment; and what it teaches."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.learning.company import Company, others
from gateway.learning.readings import Readings
from tests.learning.attempts import asked, attempt, decision, used

SPANS = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 50)), min_size=1, max_size=12)  # begins at, lasts


@given(SPANS)
def test_the_mean_is_that_of_every_moment(spans: list[tuple[int, int]]) -> None:
    changes = sorted([(at, 1, number) for number, (at, _) in enumerate(spans)] + [
        (at + lasts, 0, number) for number, (at, lasts) in enumerate(spans)
    ])  # fmt: skip
    company, began, found, there = Company(), dict[int, float](), dict[int, float](), 0
    for at, begins, number in changes:
        attempt_s = company.changes(there, float(at))
        if begins:
            began[number] = attempt_s
            there += 1
        else:
            found[number] = others(attempt_s - began[number], spans[number][1], 0)
            there -= 1
    for number, (at, lasts) in enumerate(spans):
        moments = range(at, at + lasts)
        beside = [sum(one <= now < one + long for one, long in spans) - 1 for now in moments]
        assert abs(found[number] - sum(beside) / lasts) < 1e-9


def test_a_clock_that_jumps_back_stands_still() -> None:
    company = Company()
    assert company.changes(0, 100.0) == 0
    assert company.changes(2, 110.0) == 20
    assert company.changes(2, 50.0) == 20
    assert company.changes(1, 111.0) == 21
    assert others(0.0, 0.0, 3) == 3


def test_a_server_that_has_emptied_is_known_to_be_fast_again() -> None:
    """Its pace grows with who is there: those that begin one after the other meet more than were there at their beginning."""
    readings, now, wave = Readings(), 0.0, 20
    for _ in range(12):
        holds = []
        for _ in range(wave):
            holds.append(readings.began("a", now, 10, streamed=10))
            readings.gave_output("a", holds[-1], now)
            now += 0.05
        seconds = 99 * 0.02
        for one in holds:
            now += 0.05
            made = attempt(first_output_s=0.001, duration_s=seconds, in_flight=one.in_flight, usage=used(10, 100))
            readings.ended(made, one, decision(asked(10)), now)
        now += 1.0
        alone = readings.began("a", now, 10, streamed=10)
        readings.gave_output("a", alone, now)
        now += 99 * 0.01
        made = attempt(first_output_s=0.001, duration_s=99 * 0.01, usage=used(10, 100))
        readings.ended(made, alone, decision(asked(10)), now)
    latency = readings.snapshot(now + 2).of("a").latency
    assert latency is not None
    empty, full = latency.pace_s(0, 50), latency.pace_s(12, 50)
    assert empty is not None
    assert full is not None
    assert empty < 0.013 < 0.017 < full
