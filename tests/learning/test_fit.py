"""The line is found again, it is never negative, and one absurd sample does not bend it."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.learning.fit import ForgettingFit

parts = st.tuples(st.floats(0.05, 2), st.floats(0, 1e-3), st.floats(0, 0.1), st.floats(0, 0.05))


def fitted(true: tuple[float, ...], samples: int, seed: int, sigma: float = 0.0) -> tuple[ForgettingFit, random.Random]:
    fit, chance = ForgettingFit(), random.Random(seed)
    for _ in range(samples):
        x = _x(chance)
        learn(fit, *x, _seconds(true, x) * chance.lognormvariate(0, sigma))
        fit.solve()
    return fit, chance


def learn(fit: ForgettingFit, prompt_tokens: float, in_flight: float, output_tokens: float, seconds: float) -> None:
    """One sample that came in full."""
    fit.learn([(0.0, prompt_tokens, in_flight, output_tokens, seconds, False)])


def _x(chance: random.Random) -> tuple[int, int, int]:
    return chance.randint(10, 4000), chance.randint(0, 20), chance.randint(1, 400)


def _seconds(true: tuple[float, ...], x: tuple[int, int, int]) -> float:
    return true[0] + true[1] * x[0] + true[2] * x[1] + true[3] * x[2]


@given(parts, st.integers(0, 99))
def test_a_line_without_noise_is_found(true: tuple[float, ...], seed: int) -> None:
    """But for what the preference for the base takes from the slopes: below a hundredth of the longest time."""
    fit, chance = fitted(true, 60, seed)
    longest = _seconds(true, (4000, 20, 400))
    for x in (_x(chance) for _ in range(20)):
        assert fit.expected(*x) == pytest.approx(_seconds(true, x), rel=0.05, abs=0.01 * longest)


@given(st.integers(0, 99))
def test_its_parts_are_found_under_noise(seed: int) -> None:
    true = (0.1, 2e-4, 0.03, 0.01)
    fit, _ = fitted(true, 400, seed, sigma=0.1)
    base, prompt, in_flight, output = fit.coefficients
    assert base == pytest.approx(true[0], abs=0.15)
    assert (prompt, in_flight, output) == pytest.approx(true[1:], rel=0.35)


samples = st.lists(
    st.tuples(st.floats(0, 1e6), st.integers(0, 5000), st.floats(0, 1e5), st.floats(1e-6, 1e4)), min_size=1, max_size=60
)


@given(samples)
def test_no_part_is_ever_negative_and_something_is_always_expected(seen: list[tuple[float, int, float, float]]) -> None:
    fit = ForgettingFit()
    for sample in seen:
        learn(fit, *sample)
        fit.solve()
        assert min(fit.coefficients) >= 0.0
        assert fit.expected(*sample[:3]) > 0.0


def test_what_never_changes_is_the_bases() -> None:
    fit = ForgettingFit()
    for _ in range(50):
        learn(fit, 500, 0, 0, 0.2)
    fit.solve()
    assert fit.expected(500, 0, 0) == pytest.approx(0.2, rel=0.01)
    assert fit.expected(1000, 0, 0) == pytest.approx(0.2, rel=0.5)


def test_one_answer_of_a_minute_does_not_bend_it() -> None:
    fit, _ = fitted((0.1, 1e-4, 0.0, 0.0), 100, 1)
    before = fit.expected(1000, 0, 0)
    learn(fit, 1000, 0, 0, 60.0)
    fit.solve()
    assert fit.expected(1000, 0, 0) == pytest.approx(before, rel=0.05)


def test_a_jump_keeps_the_shape() -> None:
    fit, _ = fitted((0.1, 1e-4, 0.01, 0.0), 100, 1)
    before = fit.expected(3000, 7, 0)
    fit.jump(10.0)
    fit.solve()
    assert fit.expected(3000, 7, 0) == pytest.approx(10 * before, rel=0.01)
