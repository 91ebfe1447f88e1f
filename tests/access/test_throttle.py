"""A caller that sends far more than is taken is turned away early, in proportion; others are not."""

import random

from hypothesis import given
from hypothesis import strategies as st

from gateway.access import Throttle


def reaching(throttle: Throttle, *, per_s: float, taken_per_s: float, seconds: float, seed: int = 0) -> float:
    """Requests a second that are read, in the second half; of those that are read, so many a second are taken."""
    dice, now, room, read = random.Random(seed), 0.0, 0.0, 0
    while now < seconds:
        now += 1 / per_s
        room = min(room + taken_per_s / per_s, 10.0)
        if not throttle.admits("key", now, dice.random()):
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
    assert not throttle.admits("key", 30, 0.0)
    assert throttle.admits("key", 300, 0.0)


def test_others_are_not_throttled() -> None:
    throttle = Throttle()
    reaching(throttle, per_s=200, taken_per_s=1, seconds=30)
    assert throttle.admits("other", 30, 0.0)
