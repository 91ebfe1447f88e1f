"""What readings learn: only a provider's faults shut a deployment, a pause grows and ends, nothing is counted twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.state.readings import FAILURES_TO_SHUT, LONGEST_PAUSE_S, Readings
from gateway.values.outcome import CONSEQUENCES, Fault, Outcome
from gateway.values.snapshot import Health

PROVIDERS = [outcome for outcome, row in CONSEQUENCES.items() if row.fault is Fault.PROVIDER]
OTHERS = [outcome for outcome, row in CONSEQUENCES.items() if row.fault is not Fault.PROVIDER]


def fail(readings: Readings, outcome: Outcome, times: int, now: float = 0.0) -> None:
    for _ in range(times):
        readings.began("a")
        readings.ended("a", outcome, None, now)


@pytest.mark.parametrize("outcome", PROVIDERS)
def test_a_providers_faults_in_a_row_shut_it(outcome: Outcome) -> None:
    readings = Readings()
    fail(readings, outcome, FAILURES_TO_SHUT - 1)
    assert readings.of("a").health is not Health.SHUT
    fail(readings, outcome, 1)
    assert readings.of("a").health is Health.SHUT
    assert not readings.can_answer("a", 0.5)
    assert readings.can_answer("a", 1.5)


@pytest.mark.parametrize("outcome", OTHERS)
def test_nobody_elses_faults_do(outcome: Outcome) -> None:
    readings = Readings()
    fail(readings, outcome, 50)
    assert readings.of("a").health is not Health.SHUT


def test_a_success_begins_anew_and_pauses_are_bounded() -> None:
    readings = Readings()
    fail(readings, Outcome.SERVER_ERROR, 40, now=100.0)
    assert readings.of("a").shut_until == 100.0 + LONGEST_PAUSE_S
    fail(readings, Outcome.OK, 1, now=140.0)
    assert (readings.of("a").health, readings.of("a").failures_in_a_row) == (Health.ADMITTING, 0)


@given(st.lists(st.sampled_from(list(Outcome))))
def test_in_flight_comes_back_to_zero(outcomes: list[Outcome]) -> None:
    readings = Readings()
    for outcome in outcomes:
        readings.began("a")
        assert readings.of("a").in_flight == 1
        readings.ended("a", outcome, 0.1, 0.0)
    assert readings.of("a").in_flight == 0


def test_down_is_down_until_a_probe_or_a_success_says_otherwise() -> None:
    readings = Readings()
    readings.down("a")
    assert not readings.can_answer("a", 1e9)
    readings.up("a")
    assert readings.can_answer("a", 0.0)


def test_a_snapshot_stays_what_it_was() -> None:
    readings = Readings()
    before = readings.snapshot(1.0)
    fail(readings, Outcome.SERVER_ERROR, FAILURES_TO_SHUT)
    assert before.of("a").health is Health.UNKNOWN


def test_a_callers_short_deadlines_shut_nothing() -> None:
    """Else one caller could take a deployment from all (law 9)."""
    readings = Readings()
    fail(readings, Outcome.DEADLINE_EXCEEDED, 50)
    assert readings.can_answer("a", 0.0)
