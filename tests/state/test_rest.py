"""Refusals that will last: how long a deployment is left alone, who sees whether it is over, and what ends it."""

import pytest

from gateway.state.gatekeeper import Gatekeeper
from gateway.state.readings import Readings
from gateway.values.gate import Health
from gateway.values.outcome import Outcome
from gateway.values.records import Attempt
from tests.state.attempts import decision

REFUSALS = [
    (Outcome.RATE_LIMITED, 1.0),
    (Outcome.OVERLOADED, 1.0),
    (Outcome.CREDENTIAL_REFUSED, 10.0),
    (Outcome.QUOTA_EXHAUSTED, 10.0),
    (Outcome.DEPLOYMENT_GONE, 10.0),
]


def refused(keeper: Gatekeeper, outcome: Outcome, now: float, wait_s: float | None = None) -> float | None:
    """One attempt that is refused; until when it rests then."""
    keeper.ended(keeper.began(0, 10, now), outcome, wait_s, now)
    bar = keeper.gate.bar(0, 10, now)
    return None if bar is None else bar.until


@pytest.mark.parametrize(("outcome", "first_s"), REFUSALS)
def test_it_grows_up_to_five_minutes_and_is_no_opening(outcome: Outcome, first_s: float) -> None:
    keeper, now, rests = Gatekeeper(), 1000.0, []
    for _ in range(11):
        until = refused(keeper, outcome, now)
        assert until is not None
        rests.append(until - now)
        now = until
    assert rests[:4] == [first_s, 2 * first_s, 4 * first_s, 8 * first_s]
    assert rests[-1] == 300.0
    assert keeper.health is Health.ADMITTING


@pytest.mark.parametrize(("outcome", "first_s"), REFUSALS)
def test_one_request_sees_whether_it_is_over(outcome: Outcome, first_s: float) -> None:
    keeper = Gatekeeper()
    refused(keeper, outcome, 1000.0)
    now = 1000.0 + first_s
    assert keeper.gate.bar(0, 10, now) is None
    probe = keeper.began(0, 10, now)
    bar = keeper.gate.bar(1, 10, now)
    assert bar is not None
    assert bar.state is Health.PROBING
    keeper.ended(probe, Outcome.OK, None, now + 1)
    assert keeper.gate.bar(0, 10, now + 1) is None
    assert refused(keeper, outcome, now + 100) == now + 100 + first_s


def test_a_probe_that_ended_without_a_word_is_followed_by_another() -> None:
    keeper = Gatekeeper()
    refused(keeper, Outcome.RATE_LIMITED, 1000.0)
    keeper.ended(keeper.began(0, 10, 1002.0), Outcome.CALLER_LEFT, None, 1003.0)
    assert keeper.gate.bar(0, 10, 1003.0) is None


def test_a_burst_that_is_refused_at_once_is_one_refusal() -> None:
    keeper = Gatekeeper()
    burst = [keeper.began(at, 10, 1000.0) for at in range(40)]
    for begun in burst:
        keeper.ended(begun, Outcome.CREDENTIAL_REFUSED, None, 1000.0)
    bar = keeper.gate.bar(0, 10, 1000.0)
    assert bar is not None
    assert bar.until == 1010.0


def test_one_that_is_full_and_answers_others_does_not_rest() -> None:
    keeper = Gatekeeper()
    inside = [keeper.began(at, 10, 1000.0) for at in range(9)]
    keeper.ended(inside[0], Outcome.OK, None, 1000.5)
    keeper.ended(inside[8], Outcome.OVERLOADED, None, 1000.6)
    bar = keeper.gate.bar(1, 10, 1000.6)
    assert bar is None


def test_what_it_asks_for_goes_first_and_nothing_is_not_a_wait() -> None:
    assert refused(Gatekeeper(), Outcome.RATE_LIMITED, 1000.0, 0.25) == 1000.25
    assert refused(Gatekeeper(), Outcome.RATE_LIMITED, 1000.0, 0.0) == 1001.0
    assert refused(Gatekeeper(), Outcome.QUOTA_EXHAUSTED, 1000.0, 60.0) == 1060.0


def test_a_fault_of_the_provider_is_the_breakers() -> None:
    assert refused(Gatekeeper(), Outcome.SERVER_ERROR, 1000.0) is None


@pytest.mark.parametrize("back_s", [30.0, 3600.0, 10 * 86_400.0])
@pytest.mark.parametrize(("outcome", "wait_s"), [(Outcome.RATE_LIMITED, 120.0), (Outcome.CREDENTIAL_REFUSED, 120.0)])
def test_what_it_asked_for_survives_a_clock_that_is_set_back(back_s: float, outcome: Outcome, wait_s: float) -> None:
    readings, now = Readings(), 1_000_000.0
    readings.snapshot(now)
    begun = readings.began("a", now)
    attempt = Attempt(deployment="a", outcome=outcome, started_s=0, duration_s=0.1, retry_after_s=wait_s)
    readings.ended(attempt, begun, decision(), now)
    readings.snapshot(now + 0.5)
    bar = readings.snapshot(now - back_s).of("a").bar(10, now - back_s)
    assert bar is not None
    assert bar.until is not None
    assert wait_s - 2 <= bar.until - (now - back_s) <= wait_s + 2
    later = now - back_s + wait_s + 2
    assert readings.snapshot(later).of("a").bar(10, later) is None
