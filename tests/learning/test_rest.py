"""Refusals that will last: when a deployment is asked last, for how long, who sees whether it is over, and what ends it."""

import random

import pytest

from gateway.learning.admission import DeploymentAdmission, Hold
from gateway.learning.readings import Readings
from gateway.learning.rest import FIRST_REST_S, IN_A_ROW
from gateway.values.admissibility import OPEN, Health
from gateway.values.headroom import LONGEST_HOLD_S, Headroom, Quota
from gateway.values.outcome import LASTING, Outcome
from gateway.values.records import Attempt
from tests.learning.attempts import decision

NOW = 1_000_000.0
REFUSALS = sorted(FIRST_REST_S.items(), key=lambda one: one[0].value)
every_refusal = pytest.mark.parametrize(("outcome", "first_s"), REFUSALS)


def one(
    admission: DeploymentAdmission, outcome: Outcome, now: float, wait_s: float | None = None
) -> DeploymentAdmission:
    """One attempt, which ends so."""
    admission.ended(admission.began(0, 10, now), outcome, wait_s, now)
    return admission


def resting(outcome: Outcome, now: float = NOW) -> DeploymentAdmission:
    """One that has just begun to rest."""
    admission = DeploymentAdmission()
    for _ in range(IN_A_ROW):
        assert not admission.admissibility.rests(now)
        one(admission, outcome, now)
    assert admission.admissibility.rests(now)
    return admission


def rest_s(admission: DeploymentAdmission, now: float) -> float:
    assert admission.admissibility.rest_until is not None
    return admission.admissibility.rest_until - now


def test_what_lasts_is_what_the_gateway_has_to_mend() -> None:
    assert {one.value for one in LASTING} == {
        "credential_refused", "no_credential", "quota_exhausted", "deployment_gone", "redirected"
    }  # fmt: skip


@every_refusal
def test_it_grows_up_to_five_minutes_and_keeps_nobody_out(outcome: Outcome, first_s: float) -> None:
    admission, now, rests = resting(outcome), NOW, []
    for _ in range(11):
        assert admission.admissibility.rejection(0, 10, now) is None
        rests.append(rest_s(admission, now))
        now += rests[-1]
        assert not admission.admissibility.rests(now)
        one(admission, outcome, now)
    assert rests[:4] == [first_s, 2 * first_s, 4 * first_s, 8 * first_s]
    assert rests[-1] == LONGEST_HOLD_S
    assert admission.health is Health.ADMITTING


@every_refusal
def test_one_request_sees_whether_it_is_over(outcome: Outcome, first_s: float) -> None:
    admission = resting(outcome)
    now = NOW + first_s
    probe = admission.began(0, 10, now)
    assert admission.admissibility.rests(now + 50)
    admission.ended(probe, Outcome.OK, None, now + 50)
    assert admission.admissibility is OPEN or admission.admissibility.rest_until is None
    for _ in range(IN_A_ROW - 1):
        one(admission, outcome, now + 100)
    assert not admission.admissibility.rests(now + 100)
    one(admission, outcome, now + 100)
    assert rest_s(admission, now + 100) == first_s


@every_refusal
def test_one_refusal_among_answers_begins_none(outcome: Outcome, first_s: float) -> None:
    admission = DeploymentAdmission()
    for number in range(100):
        one(admission, outcome if number % IN_A_ROW else Outcome.OK, NOW + number)
        assert not admission.admissibility.rests(NOW + number), first_s


def test_a_mixture_of_every_fault_and_as_many_answers_rarely_begins_one() -> None:
    """As in a flood: half are answered, and a fifth of what fails is such a refusal."""
    drawn, admission, resting_for = random.Random(1), DeploymentAdmission(), 0
    outcomes = [Outcome.OK] * 10 + [Outcome.SERVER_ERROR] * 8 + [Outcome.CREDENTIAL_REFUSED, Outcome.RATE_LIMITED]
    for number in range(10_000):
        now = NOW + number / 100
        resting_for += admission.admissibility.rests(now)
        one(admission, drawn.choice(outcomes), now)
    assert resting_for < 100


@every_refusal
def test_a_first_output_ends_it_and_a_stream_that_was_let_in_before_does_not(outcome: Outcome, first_s: float) -> None:
    admission = DeploymentAdmission()
    old = admission.began(0, 10, NOW)
    for _ in range(IN_A_ROW):
        one(admission, outcome, NOW + 1)
    admission.lives(old, NOW + 1.1)
    assert admission.admissibility.rests(NOW + 1.1)
    new = admission.began(1, 10, NOW + 1.2)
    admission.lives(new, NOW + 1.3)
    assert not admission.admissibility.rests(NOW + 1.3), first_s


def test_the_end_of_a_stream_says_no_more_than_its_first_output_did() -> None:
    admission = DeploymentAdmission()
    streams = [admission.began(at, 10, NOW)._replace(streamed=True) for at in range(9)]
    for stream in streams:
        admission.lives(stream, NOW + 1)
    for stream in streams[:IN_A_ROW]:
        one(admission, Outcome.CREDENTIAL_REFUSED, NOW + 60)
        admission.ended(stream, Outcome.OK, None, NOW + 60)
    assert admission.admissibility.rests(NOW + 60)


def test_a_probe_that_ended_without_a_word_is_followed_by_another() -> None:
    admission = resting(Outcome.RATE_LIMITED)
    admission.ended(admission.began(0, 10, NOW + 2), Outcome.CALLER_LEFT, None, NOW + 3)
    assert not admission.admissibility.rests(NOW + 3)
    admission.began(0, 10, NOW + 3)
    assert admission.admissibility.rests(NOW + 3)


def test_a_burst_that_is_refused_at_once_is_one_refusal() -> None:
    admission = DeploymentAdmission()
    burst = [admission.began(at, 10, NOW) for at in range(40)]
    for hold in burst:
        admission.ended(hold, Outcome.CREDENTIAL_REFUSED, None, NOW)
    assert rest_s(admission, NOW) == 10.0


def test_who_is_asked_meanwhile_for_want_of_others_makes_it_no_longer() -> None:
    admission = resting(Outcome.CREDENTIAL_REFUSED)
    for tenth in range(100):
        one(admission, Outcome.CREDENTIAL_REFUSED, NOW + tenth / 10)
    assert rest_s(admission, NOW) == 10.0
    late = admission.began(0, 10, NOW + 9.9)
    probe = admission.began(1, 10, NOW + 10)
    admission.ended(late, Outcome.CREDENTIAL_REFUSED, None, NOW + 10.1)
    assert rest_s(admission, NOW) == 10.0
    admission.ended(probe, Outcome.OK, None, NOW + 10.2)
    assert not admission.admissibility.rests(NOW + 10.2)


def test_one_that_is_full_and_answers_others_does_not_rest() -> None:
    admission, inside = one(DeploymentAdmission(), Outcome.OK, NOW), list[Hold]()
    for tenth in range(100):
        now = NOW + tenth / 10
        inside += [admission.began(len(inside), 10, now) for _ in range(2 - len(inside))]
        for _ in range(20):
            admission.ended(admission.began(2, 10, now), Outcome.OVERLOADED, None, now)
        if tenth % 5 == 4:
            admission.ended(inside.pop(0), Outcome.OK, None, now)
        assert not admission.admissibility.rests(now)


def test_a_wait_that_is_asked_for_begins_one_at_once() -> None:
    assert rest_s(one(DeploymentAdmission(), Outcome.QUOTA_EXHAUSTED, NOW, 60.0), NOW) == 60.0
    assert rest_s(one(DeploymentAdmission(), Outcome.CREDENTIAL_REFUSED, NOW, 2.0), NOW) == 10.0
    assert rest_s(one(DeploymentAdmission(), Outcome.QUOTA_EXHAUSTED, NOW, 1e9), NOW) == LONGEST_HOLD_S


@pytest.mark.parametrize("outcome", [Outcome.RATE_LIMITED, Outcome.OVERLOADED])
def test_an_overload_with_a_wait_closes_it_and_with_none_of_zero_it_may_rest(outcome: Outcome) -> None:
    rejection = one(DeploymentAdmission(), outcome, NOW, 0.25).admissibility.rejection(0, 10, NOW)
    assert rejection is not None
    assert rejection.until == NOW + 0.25
    admission = DeploymentAdmission()
    for _ in range(IN_A_ROW):
        one(admission, outcome, NOW, 0.0)
    assert rest_s(admission, NOW) == 1.0


@pytest.mark.parametrize("outcome", [Outcome.SERVER_ERROR, Outcome.BAD_REQUEST, Outcome.CONTEXT_TOO_LONG])
def test_what_is_the_breakers_or_the_callers_begins_none(outcome: Outcome) -> None:
    admission = DeploymentAdmission()
    for _ in range(9):
        one(admission, outcome, NOW)
    assert admission.admissibility.rest_until is None


def attempt(outcome: Outcome, wait_s: float | None = None) -> Attempt:
    return Attempt(deployment="a", outcome=outcome, started_s=0, duration_s=0.1, retry_after_s=wait_s)


@pytest.mark.parametrize("back_s", [30.0, 3600.0, 10 * 86_400.0])
def test_what_it_asked_for_survives_a_clock_that_is_set_back(back_s: float) -> None:
    readings = Readings()
    readings.snapshot(NOW)
    readings.ended(attempt(Outcome.RATE_LIMITED, 120.0), readings.began("a", NOW), decision(), NOW)
    readings.snapshot(NOW + 0.5)
    rejection = readings.snapshot(NOW - back_s).of("a").rejection(10, NOW - back_s)
    assert rejection is not None
    assert rejection.until is not None
    assert 118 <= rejection.until - (NOW - back_s) <= 122
    later = NOW - back_s + 122
    assert readings.snapshot(later).of("a").rejection(10, later) is None


@pytest.mark.parametrize("back_s", [30.0, 3600.0, 10 * 86_400.0])
def test_so_does_a_rest(back_s: float) -> None:
    readings = Readings()
    readings.snapshot(NOW)
    for _ in range(IN_A_ROW):
        readings.ended(attempt(Outcome.CREDENTIAL_REFUSED), readings.began("a", NOW), decision(), NOW)
    back = NOW - back_s
    assert readings.snapshot(back).of("a").admissibility.rests(back)
    assert readings.of("a").state(back) is Health.RESTING
    assert not readings.snapshot(back + 12).of("a").admissibility.rests(back + 12)


@pytest.mark.parametrize("back_s", [30.0, 3600.0])
def test_so_does_a_used_up_rate_limit(back_s: float) -> None:
    readings = Readings()
    readings.snapshot(NOW)
    hold = readings.began("a", NOW)
    readings.told_headroom("a", hold, Headroom(Quota(0, NOW + 120)), NOW)
    back = NOW - back_s
    rejection = readings.snapshot(back).of("a").rejection(10, back)
    assert rejection is not None
    assert rejection.until is not None
    assert 118 <= rejection.until - back <= 122
    assert readings.snapshot(back + 122).of("a").rejection(10, back + 122) is None


@pytest.mark.parametrize("back_s", [30.0, 3600.0])
def test_so_does_a_breakers_pause(back_s: float) -> None:
    readings = Readings()
    readings.snapshot(NOW)
    for _ in range(5):
        readings.ended(attempt(Outcome.SERVER_ERROR), readings.began("a", NOW), decision(), NOW)
    back = NOW - back_s
    rejection = readings.snapshot(back).of("a").rejection(10, back)
    assert rejection is not None
    assert rejection.state is Health.SHUT
    assert readings.snapshot(back + 2.1).of("a").rejection(10, back + 2.1) is None


def test_a_wait_that_is_told_first_after_the_clock_was_set_back_is_as_long_as_it_says() -> None:
    readings = Readings()
    readings.snapshot(NOW)
    hold = readings.began("a", NOW)
    back = NOW - 3600
    readings.ended(attempt(Outcome.RATE_LIMITED, 120.0), hold, decision(), back)
    rejection = readings.snapshot(back).of("a").rejection(10, back)
    assert rejection is not None
    assert rejection.until == back + 120
