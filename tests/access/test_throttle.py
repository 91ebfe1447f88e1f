"""A caller that sends far more than is taken is turned away early, in proportion; others are not."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.access import Throttle


def reaching(throttle: Throttle, *, per_s: float, taken_per_s: float, seconds: float) -> float:
    """Requests a second that are read, in the second half; of those that are read, so many a second are taken."""
    now, room, read = 0.0, 0.0, 0
    while now < seconds:
        now += 1 / per_s
        room = min(room + taken_per_s / per_s, 10.0)
        if not throttle.admits("key", now):
            continue
        read += now > seconds / 2
        if room >= 1:
            room -= 1
        else:
            throttle.refused("key", now)
    return read / (seconds / 2)


def test_what_reaches_the_gateway_is_about_twice_what_is_taken() -> None:
    assert 15 <= reaching(Throttle(), per_s=200, taken_per_s=10, seconds=60) <= 30


@given(st.floats(1, 500), st.floats(1, 500))
def test_who_sends_no_more_than_is_taken_is_never_turned_away(per_s: float, more: float) -> None:
    assert reaching(Throttle(), per_s=per_s, taken_per_s=per_s + more, seconds=20) >= per_s * 0.9


def test_it_is_forgotten() -> None:
    throttle = Throttle()
    reaching(throttle, per_s=200, taken_per_s=1, seconds=30)
    assert not throttle.admits("key", 30)
    assert throttle.admits("key", 300)


def test_others_are_not_throttled() -> None:
    throttle = Throttle()
    reaching(throttle, per_s=200, taken_per_s=1, seconds=30)
    assert throttle.admits("other", 30)


def test_one_burst_does_not_lock_a_caller_out() -> None:
    throttle = Throttle()
    for _ in range(5):
        throttle.refused("key", 0.0)
    assert sum(throttle.admits("key", 15 + n / 10) for n in range(600)) == 600


def test_after_a_large_burst_one_a_second_is_served() -> None:
    throttle = Throttle()
    for _ in range(500):
        throttle.refused("key", 0.0)
    assert sum(throttle.admits("key", float(n)) for n in range(1, 61)) == 60


def test_who_waits_as_long_as_told_is_let_in() -> None:
    throttle = Throttle()
    for _ in range(40):
        throttle.refused("key", 0.0)
    told = []
    for n in range(30):
        now = 0.5 + n / 1000
        assert not throttle.admits("key", now)
        told.append(now + throttle.wait_s("key", now))
    assert max(told) <= 31
    assert all(throttle.admits("key", then + 0.001) for then in sorted(told))


def test_what_the_throttle_turns_away_does_not_feed_it() -> None:
    throttle = Throttle()
    for _ in range(40):
        throttle.refused("key", 0.0)
    for n in range(1000):
        throttle.admits("key", n / 2000)
    assert all(throttle.admits("key", 31 + n / 100) for n in range(100))


def test_an_earlier_request_that_is_refused_late_is_no_step_back() -> None:
    throttle = Throttle()
    throttle.refused("key", 100.0)
    throttle.refused("key", 10.0)
    assert throttle.admits("key", 101.0)
