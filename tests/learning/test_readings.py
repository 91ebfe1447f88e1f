"""What readings learn: only a provider's faults shut a deployment, a pause grows and ends, nothing is counted twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.learning.breaker import FAILED, FEW_IN_A_ROW, FIRST_PAUSE_S, PROOFS
from gateway.learning.latency import LatencyModel
from gateway.learning.readings import Readings
from gateway.values.admissibility import OPEN, Health, Rejection
from gateway.values.decision import Decision
from gateway.values.deployment import Hardware
from gateway.values.headroom import LONGEST_HOLD_S, Headroom, Quota
from gateway.values.outcome import CONSEQUENCES, Outcome
from gateway.values.records import Attempt
from gateway.values.slo import Slo, SloReading, Target
from tests.learning.attempts import asked, attempt, decision, machine, used
from tests.learning.test_workers import deployment

COUNTED = sorted(FAILED, key=lambda outcome: outcome.value)
OTHERS = [outcome for outcome in CONSEQUENCES if outcome not in FAILED]


def one(readings: Readings, made: Attempt, now: float, of: Decision | None = None) -> None:
    hold = readings.began(made.deployment, now)
    readings.ended(made, hold, of or decision(), now)


def fail(readings: Readings, outcome: Outcome, times: int, now: float = 0.0) -> None:
    for _ in range(times):
        one(readings, attempt(outcome), now)


def is_open(readings: Readings, now: float) -> bool:
    return readings.of("a").rejection(0, now) is None


@pytest.mark.parametrize("outcome", COUNTED)
def test_a_providers_faults_in_a_row_shut_it(outcome: Outcome) -> None:
    readings = Readings()
    fail(readings, outcome, FEW_IN_A_ROW - 1)
    assert readings.of("a").health is not Health.SHUT
    fail(readings, outcome, 1)
    assert readings.of("a").health is Health.SHUT
    assert (is_open(readings, 0.5), readings.is_able("a", 0.5)) == (False, False)
    assert (is_open(readings, 1.5), readings.is_able("a", 1.5)) == (True, True)
    assert readings.of("a").state(1.5) is Health.PROBING


@pytest.mark.parametrize("outcome", OTHERS)
def test_nobody_elses_faults_do_and_overload_that_is_told_does_not(outcome: Outcome) -> None:
    readings = Readings()
    fail(readings, outcome, 50)
    assert readings.of("a").health is not Health.SHUT
    assert readings.is_able("a", 0.0)


def of_three(outcomes: dict[int, Outcome], now: float = 0.0) -> Readings:
    """One deployment of three addresses, at which attempts that were under way together ended so."""
    readings = Readings()
    readings.workers.declare([deployment("a", 3)])
    holds = []
    for _ in range(50):
        for address in outcomes:
            holds.append((address, readings.began("a", now, address=address)))
    for address, one_of_them in holds:
        readings.ended(attempt(outcomes[address], address=address), one_of_them, decision(), now)
    return readings


@pytest.mark.parametrize("outcome", [Outcome.CONNECTION_LOST, Outcome.TRUNCATED, Outcome.OVERLOADED])
@pytest.mark.parametrize("dead", [{0}, {0, 1}])
def test_addresses_that_fail_do_not_speak_for_one_against_which_nothing_is_known(
    outcome: Outcome, dead: set[int]
) -> None:
    readings = of_three(dict.fromkeys(dead, outcome))
    assert readings.of("a").admissibility is OPEN
    assert readings.of("a").in_flight == 0


def test_addresses_that_all_fail_shut_it() -> None:
    readings = of_three(dict.fromkeys(range(3), Outcome.CONNECTION_LOST))
    assert readings.of("a").health is Health.SHUT
    readings = of_three(dict.fromkeys(range(3), Outcome.OVERLOADED))
    assert readings.of("a").admissibility.limit is not None


def test_what_has_ended_is_free_whatever_it_teaches(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(LatencyModel, "learn", fails)
    readings = Readings()
    for outcome in Outcome:
        one(readings, attempt(outcome), 0.0)
    assert readings.of("a").in_flight == 0


def test_answers_after_the_pause_end_it() -> None:
    readings = Readings()
    fail(readings, Outcome.SERVER_ERROR, 40, now=100.0)
    assert readings.of("a").admissibility.shut_until == 100.0 + FIRST_PAUSE_S  # what began before proves nothing
    fail(readings, Outcome.OK, PROOFS - 1, now=140.0)
    assert readings.of("a").health is Health.PROBING
    fail(readings, Outcome.OK, 1, now=140.0)
    assert (readings.of("a").health, readings.of("a").admissibility) == (Health.ADMITTING, OPEN)


def test_one_that_asks_to_be_left_alone_is() -> None:
    readings = Readings()
    one(readings, attempt(Outcome.RATE_LIMITED, retry_after_s=7.0), 100.0)
    assert readings.of("a").state(106.9) is Health.REFUSING
    assert readings.is_able("a", 106.9)
    assert is_open(readings, 107.0)
    one(readings, attempt(Outcome.OVERLOADED, retry_after_s=1e9), 200.0)
    assert is_open(readings, 200.0 + LONGEST_HOLD_S)


def test_a_clock_that_is_set_back_holds_nobody_for_hours() -> None:
    readings = Readings()
    fail(readings, Outcome.SERVER_ERROR, FEW_IN_A_ROW, now=1e6)
    one(readings, attempt(Outcome.OVERLOADED, retry_after_s=60.0), 1e6)
    assert not is_open(readings, 1e6)
    assert is_open(readings, 1e6 - 3600)
    fail(readings, Outcome.OK, PROOFS, now=1e6 - 3600)
    assert readings.of("a").health is Health.ADMITTING


def test_one_of_several_addresses_speaks_for_itself() -> None:
    readings = Readings()
    readings.workers.declare([deployment("a", 2)])
    one(readings, attempt(Outcome.OVERLOADED, retry_after_s=7.0), 100.0)
    assert is_open(readings, 100.0)


def test_no_more_are_in_flight_than_the_operator_allows() -> None:
    readings = Readings()
    readings.declare_limits({"a": 2})
    first = readings.began("a", 1.0)
    assert is_open(readings, 1.0)
    readings.began("a", 1.0)
    assert readings.of("a").state(1.0) is Health.LIMITED
    readings.ended(attempt(), first, decision(), 2.0)
    assert is_open(readings, 2.0)


def test_what_rate_limits_leave_is_less_what_was_sent_since() -> None:
    readings = Readings()
    first = readings.began("a", 100.0, 50)
    readings.began("a", 100.0, 50)
    readings.told_headroom("a", first, Headroom(Quota(3, 110.0), Quota(100, 105.0)), 100.5)
    assert readings.of("a").admissibility.headroom == Headroom(Quota(2, 110.0), Quota(50, 105.0))
    assert readings.of("a").rejection(51, 101.0) == Rejection(Health.REFUSING, 105.0, 50.0)
    assert readings.of("a").rejection(51, 105.0) is None
    readings.began("a", 105.0, 50)
    readings.began("a", 105.0, 50)
    assert readings.of("a").rejection(0, 109.0) == Rejection(Health.REFUSING, 110.0)
    assert readings.of("a").rejection(0, 110.0) is None


@given(st.lists(st.sampled_from(list(Outcome))))
def test_in_flight_comes_back_to_zero(outcomes: list[Outcome]) -> None:
    readings = Readings()
    for number, outcome in enumerate(outcomes):
        first, second = readings.began("a", number), readings.began("a", number)
        assert (first.in_flight, second.in_flight) == (0, 1)
        assert readings.of("a").in_flight == 2
        readings.ended(attempt(outcome), first, decision(), number)
        readings.ended(attempt(outcome), second, decision(), number)
    assert readings.of("a").in_flight == 0


def test_down_is_down_until_a_probe_or_a_success_says_otherwise() -> None:
    readings = Readings()
    readings.down("a")
    assert not readings.is_able("a", 1e9)
    readings.up("a")
    assert readings.is_able("a", 0.0)


def test_a_snapshot_stays_what_it_was() -> None:
    readings = Readings()
    before = readings.snapshot(1.0)
    fail(readings, Outcome.SERVER_ERROR, FEW_IN_A_ROW)
    assert before.of("a").health is Health.UNKNOWN


def test_a_callers_short_deadlines_shut_nothing() -> None:
    """Else one caller could take a deployment from all (law 9)."""
    readings = Readings()
    fail(readings, Outcome.DEADLINE_EXCEEDED, 50)
    assert readings.is_able("a", 0.0)


def test_what_was_learned_is_in_the_reading() -> None:
    readings = Readings()
    for number in range(20):
        made = attempt(first_output_s=0.2, duration_s=1.2, usage=used(150, 51))
        one(readings, made, 100.0 + number, decision(asked(100)))
    reading = readings.snapshot(119.0).of("a")
    assert (reading.output_tokens, reading.prompt_token_ratio) == (51, 1.5)
    assert reading.latency is not None
    assert reading.latency.measured_at == 119.0
    assert reading.latency.first_output_at(150, 0, 50) == pytest.approx(0.2, rel=0.05)
    assert 0.2 <= (reading.latency.first_output_at(150, 0, 95) or 0.0) < 0.25  # twenty answers do not show a tail
    assert reading.latency.total_at(150, 0, 51, 50, True) == pytest.approx(1.2, rel=0.05)


def test_what_was_learned_last_is_in_a_snapshot_soon() -> None:
    """Also if no attempt ends after it."""
    readings = Readings()
    for number in range(50):
        now = 100.0 + number / 1000
        one(readings, attempt(first_output_s=0.2), now)
        readings.snapshot(now)
    latency = readings.snapshot(102.0).of("a").latency
    assert latency is not None
    assert (latency.samples, latency.measured_at) == (50, pytest.approx(100.049))


def test_health_moves_without_losing_what_was_learned() -> None:
    readings = Readings()
    one(readings, attempt(first_output_s=0.2, usage=used(9, 30)), 1.0)
    learned = readings.of("a").latency
    readings.down("a")
    readings.up("a")
    readings.began("a", 2.0)
    assert learned is not None
    assert (readings.of("a").latency, readings.of("a").output_tokens) == (learned, 30)


def test_objectives_are_kept_by_rule_and_deployment() -> None:
    readings, slo = Readings(), Slo(first_output=Target(1.0))
    for met in (True, True, False, None):
        one(readings, attempt(first_output_s=0.2, slo_met=met), 1.0, decision(slo=slo, rule="chat"))
    one(readings, attempt(first_output_s=0.2), 1.0, decision(rule="batch"))
    snapshot = readings.snapshot(1.0)
    assert snapshot.slo == {"chat": {"a": SloReading(3, 0.6667, 6.6667)}}
    readings.declare_rules({"chat": slo, "batch": None})
    assert readings.snapshot(1.0).slo == snapshot.slo
    readings.declare_rules({"batch": None})
    assert readings.snapshot(1.0).slo == {}
    assert snapshot.slo["chat"]["a"].requests == 3


def test_own_hardware_has_a_cost_that_follows_what_it_serves() -> None:
    """3.6 USD an hour, so 1 USD for 1000 s; the window's slices are 10 s."""
    readings = Readings()
    readings.declare({"a": Hardware(gpu_hour_usd=3.6, concurrent=4, window_s=600.0)}, 0.0)
    hold = readings.began("a", 10.0)
    during = readings.of("a").own_cost
    assert during is not None
    assert during.busy == 0.25
    readings.settled_usd(machine(Hardware(gpu_hour_usd=3.6)), used(90, 10), decision(), 20.0)
    own = readings.of("a").own_cost
    assert own is not None
    assert own.average_usd_per_mtok == pytest.approx(0.001 * 20 / 100 * 1e6)
    readings.ended(attempt(usage=used(90, 10)), hold, decision(), 20.0)
    idle = readings.snapshot(40.0).of("a").own_cost
    assert idle is not None
    assert (idle.average_usd_per_mtok, idle.busy) == (pytest.approx(0.001 * 40 / 100 * 1e6), 0.0)


def test_what_many_learned_last_comes_a_few_at_a_time_but_all_of_it() -> None:
    readings, names = Readings(), [f"d{number}" for number in range(20)]
    for name in names:
        for _ in range(30):
            one(readings, attempt(first_output_s=0.2, deployment=name), 100.0)
    for _ in range(5):
        snapshot = readings.snapshot(102.0)
    assert [latency.samples for name in names if (latency := snapshot.of(name).latency)] == [30] * 20
