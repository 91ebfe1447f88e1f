"""Objectives: what counts as kept, how fast a budget burns, who is passed over and how it comes back."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.learning.slo import SLICES, SloBook, kept
from gateway.values.outcome import CONSEQUENCES, Fault, Outcome
from gateway.values.slo import Slo, SloReading, Target

FIRST = Slo(first_output=Target(1.0, 95))
ALL = Slo(first_output=Target(1.0), output_token=Target(0.1), total=Target(5.0))
NOW = 1.7e9


def judged(
    slo: Slo, outcome: Outcome = Outcome.OK, first: float | None = 0.5, duration: float = 2.0, **more: Any
) -> bool | None:
    fields = {"stream": True, "output_tokens": 20, "held_by_caller": False} | more
    return kept(slo, outcome, first_output_s=first, duration_s=duration, **fields)


PROVIDERS = [outcome for outcome, row in CONSEQUENCES.items() if row.fault is Fault.PROVIDER]
OTHERS = [one for one in Outcome if one is not Outcome.OK and one not in PROVIDERS]


@pytest.mark.parametrize("outcome", PROVIDERS)
def test_a_providers_fault_misses(outcome: Outcome) -> None:
    assert judged(FIRST, outcome, None, 0.01) is False


@pytest.mark.parametrize("outcome", OTHERS)
def test_what_others_ended_in_time_does_not_count(outcome: Outcome) -> None:
    assert judged(FIRST, outcome, None, 0.9) is None
    assert judged(ALL, outcome, 0.5, 1.0) is None
    assert judged(ALL, outcome, None, 0.9, stream=False) is None


@pytest.mark.parametrize("outcome", OTHERS)
def test_what_others_ended_too_late_misses(outcome: Outcome) -> None:
    assert judged(FIRST, outcome, None, 1.1) is False
    assert judged(ALL, outcome, 0.5, 5.1) is False
    assert judged(ALL, outcome, None, 5.1, stream=False) is False


@pytest.mark.parametrize(
    ("more", "verdict"),
    [
        ({}, True),
        ({"first": 1.1}, False),
        ({"duration": 5.1, "output_tokens": 200}, False),
        ({"duration": 2.5, "output_tokens": 20}, False),  # 2.0 s / 19 tokens
        ({"output_tokens": None}, True),
        ({"output_tokens": 1}, True),
        ({"stream": False, "first": None}, True),
        ({"stream": False, "first": None, "duration": 5.1}, False),
        ({"held_by_caller": True, "duration": 60.0}, True),  # its first output came in time; the rest is the caller's
        ({"held_by_caller": True, "duration": 60.0, "first": 1.1}, False),
    ],
)
def test_an_answer_keeps_every_target(more: dict[str, Any], verdict: bool) -> None:
    assert judged(ALL, **more) is verdict


def test_a_caller_who_left_after_all_that_was_promised() -> None:
    assert judged(FIRST, Outcome.CALLER_LEFT, 0.5, 0.6) is True


def test_a_slow_reader_says_nothing_of_a_total() -> None:
    assert judged(Slo(total=Target(5.0)), duration=60.0, held_by_caller=True) is None


def test_a_whole_answer_keeps_what_is_promised_of_streams() -> None:
    assert judged(FIRST, first=None, duration=60.0, stream=False) is True


class Simulated:
    """One deployment under one rule; requests come at a steady rate and miss with a given chance."""

    def __init__(self, slo: Slo = FIRST, every_s: float = 0.1, seed: int = 1) -> None:
        self.book, self.slo, self.every_s, self.now = SloBook(), slo, every_s, NOW
        self.chance = random.Random(seed)

    def requests(self, count: int, missing: float) -> None:
        for _ in range(count):
            self.now += self.every_s
            self.book.record("r", "a", self.slo, self.chance.random() >= missing, self.now)

    @property
    def reading(self) -> SloReading | None:
        return self.book.readings(self.now).get("r", {}).get("a")

    @property
    def ejected(self) -> bool:
        return self.reading is not None and self.reading.ejected

    def until(self, ejected: bool, missing: float, most: int) -> float:
        """Seconds until it is (no more) passed over."""
        began = self.now
        for _ in range(most):
            self.requests(1, missing)
            if self.ejected is ejected:
                return self.now - began
        raise AssertionError("never")


def test_attainment_and_burn() -> None:
    watched = Simulated()
    for met in [True] * 17 + [False]:
        watched.book.record("r", "a", FIRST, met, NOW)
    assert watched.reading == SloReading(18, 0.9444, 1.1111, False)


def test_the_window_slides() -> None:
    watched = Simulated(Slo(first_output=Target(1.0), min_requests=1000), every_s=1.0)
    watched.requests(30, 1.0)
    watched.requests(260, 0.0)
    assert watched.reading == SloReading(290, 0.8966, 2.069, False)
    watched.requests(50, 0.0)
    assert watched.reading is not None
    assert watched.reading.attainment == 1.0
    assert watched.reading.requests <= 300


def test_nothing_is_said_when_the_window_has_emptied() -> None:
    watched = Simulated()
    watched.requests(100, 1.0)
    assert watched.ejected
    watched.now += FIRST.window_s * (1 + 1 / SLICES)
    assert watched.book.readings(watched.now) == {}
    watched.requests(1, 0.0)
    assert watched.reading == SloReading(1, 1.0, 0.0)


def test_too_few_requests_are_no_judgement() -> None:
    watched = Simulated()
    watched.requests(FIRST.min_requests - 1, 1.0)
    assert not watched.ejected
    watched.requests(1, 1.0)
    assert watched.ejected


def test_exactly_the_burn_that_is_named_passes_over() -> None:
    watched = Simulated()
    for met in [True] * 16 + [False] * 4:
        watched.book.record("r", "a", FIRST, met, NOW)
    assert watched.reading == SloReading(20, 0.8, 4.0, True)


@pytest.mark.parametrize("every_s", [0.01, 0.1])
def test_a_deployment_with_a_long_good_record_is_passed_over_soon(every_s: float) -> None:
    """The short window: the long one would need a minute of misses."""
    watched = Simulated(every_s=every_s)
    watched.requests(int(300 / every_s), 0.01)
    assert not watched.ejected
    assert watched.until(True, 1.0, 2000) <= 10
    assert watched.reading is not None
    assert watched.reading.attainment > 0.9


@pytest.mark.parametrize("seed", range(5))
def test_one_that_spends_its_budget_exactly_is_never_passed_over(seed: int) -> None:
    watched = Simulated(every_s=0.1, seed=seed)
    watched.requests(100, 0.0)
    for _ in range(5000):
        watched.requests(1, 0.05)
        assert not watched.ejected


def test_it_returns_after_a_few_good_probes() -> None:
    watched = Simulated()
    watched.until(True, 1.0, 100)
    watched.every_s = 2.0
    watched.requests(30, 1.0)
    assert watched.ejected
    watched.requests(FIRST.probes_to_return - 1, 0.0)
    assert watched.ejected
    watched.requests(1, 0.0)
    assert watched.reading == SloReading(FIRST.probes_to_return, 1.0, 0.0)


@pytest.mark.parametrize("seed", range(10))
def test_one_that_still_misses_half_does_not_return(seed: int) -> None:
    watched = Simulated(seed=seed)
    watched.until(True, 1.0, 100)
    for _ in range(100):
        watched.requests(1, 0.5)
        assert watched.ejected


def test_hysteresis() -> None:
    """Between the two burns it stays what it is."""
    for before in (True, False):
        watched = Simulated(Slo(first_output=Target(1.0, 50), pass_over_burn=1.6, return_burn=0.4))
        watched.requests(400, 0.0)
        if before:
            watched.until(True, 1.0, 1000)
        for number in range(500):
            watched.now += 0.1
            watched.book.record("r", "a", watched.slo, number % 2 == 0, watched.now)
            assert watched.ejected is before


def test_a_median_that_is_always_missed_is_passed_over_too() -> None:
    """Its budget cannot burn four times as fast: that would be more than all."""
    watched = Simulated(Slo(total=Target(1.0, 50)))
    watched.requests(20, 1.0)
    assert watched.ejected


def test_another_objective_begins_anew_and_gone_rules_are_forgotten() -> None:
    watched = Simulated()
    watched.requests(100, 1.0)
    other = Slo(first_output=Target(9.0, 95))
    watched.book.record("r", "a", other, True, watched.now)
    assert watched.reading == SloReading(1, 1.0, 0.0)
    watched.book.record("kept", "a", FIRST, True, watched.now)
    watched.book.forget_rules({"r"})
    assert set(watched.book.readings(watched.now)) == {"kept"}
    watched.now += 400
    assert watched.book.readings(watched.now) == {}


def test_what_was_read_stays_what_it_was() -> None:
    watched = Simulated()
    watched.requests(3, 0.0)
    before = watched.book.readings(watched.now)
    watched.requests(100, 1.0)
    assert before == {"r": {"a": SloReading(3, 1.0, 0.0)}}


steps = st.lists(
    st.tuples(st.sampled_from(["r", "s"]), st.sampled_from(["a", "b"]), st.booleans(), st.floats(-20, 400)), max_size=80
)


@given(steps)
def test_counts_are_those_of_the_window(seen: list[tuple[str, str, bool, float]]) -> None:
    """Against a list of all that happened, to within two slices."""
    book, now, newest = SloBook(), NOW, NOW
    happened: dict[tuple[str, str], list[tuple[float, bool]]] = {}
    slo = Slo(first_output=Target(1.0), min_requests=10_000)
    for rule, deployment, met, wait in seen:
        now += wait
        newest = max(newest, now)
        book.record(rule, deployment, slo, met, now)
        events = happened.setdefault((rule, deployment), [])
        events.append((max(now, events[-1][0]) if events else now, met))
    readings = book.readings(newest)
    for (rule, deployment), events in happened.items():
        reading = readings.get(rule, {}).get(deployment)
        count = reading.requests if reading else 0
        sure = sum(at > newest - slo.window_s * (1 - 1 / SLICES) for at, _ in events)
        possible = sum(at >= newest - slo.window_s * (1 + 2 / SLICES) for at, _ in events)
        assert sure <= count <= possible
        if reading:
            assert reading.burn == pytest.approx((1 - reading.attainment) / slo.budget, abs=0.01)
            assert not reading.ejected
