"""What readings learn: only a provider's faults shut a deployment, a pause grows and ends, nothing is counted twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.state.readings import FAILURES_TO_SHUT, LONGEST_PAUSE_S, Readings
from gateway.values.deployment import Hardware
from gateway.values.outcome import CONSEQUENCES, Fault, Outcome
from gateway.values.slo import Slo, SloReading, Target
from gateway.values.snapshot import UNREAD, Health
from tests.state.attempts import asked, attempt, decision, used

PROVIDERS = [outcome for outcome, row in CONSEQUENCES.items() if row.fault is Fault.PROVIDER]
OTHERS = [outcome for outcome, row in CONSEQUENCES.items() if row.fault is not Fault.PROVIDER]


def fail(readings: Readings, outcome: Outcome, times: int, now: float = 0.0) -> None:
    for _ in range(times):
        readings.began("a", now)
        readings.ended(attempt(outcome), decision(), now)


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
    for number, outcome in enumerate(outcomes):
        assert readings.began("a", number) == 0
        assert readings.began("a", number) == 1
        assert readings.of("a").in_flight == 2
        readings.ended(attempt(outcome), decision(), number)
        readings.ended(attempt(outcome), decision(), number)
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


def test_what_was_learned_is_in_the_reading() -> None:
    readings = Readings()
    for number in range(20):
        before = readings.began("a", 100.0 + number)
        made = attempt(first_output_s=0.2, duration_s=1.2, usage=used(150, 51), in_flight=before)
        readings.ended(made, decision(asked(100)), 100.0 + number)
    reading = readings.snapshot(119.0).of("a")
    assert (reading.output_tokens, reading.prompt_token_ratio) == (51, 1.5)
    assert reading.latency is not None
    assert reading.latency.measured_at == 119.0
    assert reading.latency.first_output_at(150, 0, 95) == pytest.approx(0.2, rel=0.05)
    assert reading.latency.total_at(150, 0, 51, 95, True) == pytest.approx(1.2, rel=0.05)


def test_what_was_learned_last_is_in_a_snapshot_soon() -> None:
    """Also if no attempt ends after it."""
    readings = Readings()
    for number in range(50):
        now = 100.0 + number / 1000
        readings.began("a", now)
        readings.ended(attempt(first_output_s=0.2), decision(), now)
        readings.snapshot(now)
    latency = readings.snapshot(102.0).of("a").latency
    assert latency is not None
    assert (latency.samples, latency.measured_at) == (50, pytest.approx(100.049))


def test_health_moves_without_losing_what_was_learned() -> None:
    readings = Readings()
    readings.began("a", 1.0)
    readings.ended(attempt(first_output_s=0.2, usage=used(9, 30)), decision(), 1.0)
    learned = readings.of("a").latency
    readings.down("a")
    readings.up("a")
    readings.began("a", 2.0)
    assert learned is not None
    assert (readings.of("a").latency, readings.of("a").output_tokens) == (learned, 30)


def test_objectives_are_kept_by_rule_and_deployment() -> None:
    readings, slo = Readings(), Slo(first_output=Target(1.0))
    for met in (True, True, False, None):
        readings.began("a", 1.0)
        readings.ended(attempt(first_output_s=0.2, slo_met=met), decision(slo=slo, rule="chat"), 1.0)
    readings.began("a", 1.0)
    readings.ended(attempt(first_output_s=0.2), decision(rule="batch"), 1.0)
    snapshot = readings.snapshot(1.0)
    assert snapshot.slo == {"chat": {"a": SloReading(3, 0.6667, 6.6667)}}
    readings.forget_rules(["chat"])
    assert readings.snapshot(1.0).slo == {}
    assert snapshot.slo["chat"]["a"].requests == 3


def test_own_hardware_has_a_cost_that_follows_what_it_serves() -> None:
    """3.6 USD an hour, so 1 USD for 1000 s; the window's slices are 10 s."""
    readings = Readings()
    readings.declare({"a": Hardware(gpu_hour_usd=3.6, concurrent=4, window_s=600.0)}, 0.0)
    assert readings.served("b", used(100), 1.0) == UNREAD
    readings.began("a", 10.0)
    during = readings.of("a").own_cost
    assert during is not None
    assert during.busy == 0.25
    own = readings.served("a", used(90, 10), 20.0).own_cost
    assert own is not None
    assert own.average_usd_per_mtok == pytest.approx(0.001 * 20 / 100 * 1e6)
    readings.ended(attempt(usage=used(90, 10)), decision(), 20.0)
    idle = readings.snapshot(40.0).of("a").own_cost
    assert idle is not None
    assert (idle.average_usd_per_mtok, idle.busy) == (pytest.approx(0.001 * 40 / 100 * 1e6), 0.0)


def test_what_many_learned_last_comes_a_few_at_a_time_but_all_of_it() -> None:
    readings, names = Readings(), [f"d{number}" for number in range(20)]
    for name in names:
        for _ in range(30):
            readings.began(name, 100.0)
            readings.ended(attempt(first_output_s=0.2, deployment=name), decision(), 100.0)
    for _ in range(5):
        snapshot = readings.snapshot(102.0)
    assert [latency.samples for name in names if (latency := snapshot.of(name).latency)] == [30] * 20
