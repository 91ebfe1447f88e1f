"""The evidence is a bet that cannot be won but by luck where staged requests are not worse than tolerated."""

import math
import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policies.evidence import CURRENT, STAGED, TOLERATED, Evidence, log_probability

shares = st.floats(0.001, 0.999)


def block(before: int, staged: int, after: int, wrong_others: int, wrong_staged: int) -> Evidence:
    """One whole block. Every other request of those around it is the neighbours', and goes well."""
    evidence = Evidence()
    others = [at < wrong_others for at in range(before + after)]
    for wrong in others[:before]:
        evidence.count(CURRENT, wrong)
        evidence.count(CURRENT, False)
    for at in range(staged):
        evidence.count(STAGED, at < wrong_staged)
    for wrong in others[before:]:
        evidence.count(CURRENT, False)
        evidence.count(CURRENT, wrong)
    evidence.count(STAGED, False)  # the next one begins
    return evidence


def binomial(size: int, rate: float, count: int) -> float:
    return math.comb(size, count) * rate**count * (1 - rate) ** (size - count)


@given(st.integers(0, 12), st.integers(1, 4), st.integers(1, 12), shares, st.floats(0.1, TOLERATED))
def test_a_block_is_a_fair_game_or_worse_whatever_the_rate(
    before: int, staged: int, after: int, rate: float, odds: float
) -> None:
    """The mean over all that can happen, by the binomial distribution itself, not by the formula that is bet on."""
    rate_of_staged = odds * rate / (1 - rate + odds * rate)
    mean = sum(
        binomial(before + after, rate, wrong_others)
        * binomial(staged, rate_of_staged, wrong_staged)
        * block(before, staged, after, wrong_others, wrong_staged).value
        for wrong_others in range(before + after + 1)
        for wrong_staged in range(staged + 1)
    )
    assert mean <= 1 + 1e-9
    if odds == TOLERATED:
        assert math.isclose(mean, 1, rel_tol=1e-9)


@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 18), st.floats(0.1, 100))
def test_the_probabilities_of_a_block_are_those_of_counting(staged: int, others: int, wrong: int, odds: float) -> None:
    wrong = min(wrong, staged + others)
    possible = range(max(0, wrong - others), min(wrong, staged) + 1)
    weights = {one: math.comb(staged, one) * math.comb(others, wrong - one) * odds**one for one in possible}
    for among, weight in weights.items():
        found = math.exp(log_probability(among, wrong, staged, others, odds))
        assert math.isclose(found, weight / sum(weights.values()), rel_tol=1e-9)


def test_a_large_block_has_probabilities_too() -> None:
    assert math.isclose(log_probability(1, 1, 1, 10**6, 1.0), -math.log(10**6 + 1))
    assert log_probability(0, 5 * 10**5, 1, 10**6, 2.0) < 0


@pytest.mark.parametrize("odds", [TOLERATED, 2.0, 100.0])
@pytest.mark.parametrize(("of_staged", "of_others", "wrong"), [(300, 300, 300), (2_000, 2_000, 1_500)])
def test_the_probabilities_of_long_runs_are_those_of_exact_counting(
    of_staged: int, of_others: int, wrong: int, odds: float
) -> None:
    """As where one session asks for long and then another: their products are beyond what a float can hold."""
    exact = Fraction(odds)
    weights = [math.comb(of_staged, one) * math.comb(of_others, wrong - one) * exact**one for one in range(wrong + 1)]
    total = sum(weights)
    for among in (0, 1, wrong // 2, wrong):
        expected = _log(weights[among]) - _log(total)
        assert math.isclose(
            log_probability(among, wrong, of_staged, of_others, odds), expected, rel_tol=1e-9, abs_tol=1e-9
        )


def _log(value: Fraction) -> float:
    return math.log(value.numerator) - math.log(value.denominator)


def test_what_fails_in_long_runs_is_evidence_as_well() -> None:
    evidence = Evidence()
    for _ in range(3):
        for _ in range(800):
            evidence.count(CURRENT, False)
        for _ in range(400):
            evidence.count(STAGED, True)
    evidence.count(CURRENT, False)
    evidence.count(STAGED, True)
    assert 2_000 < evidence.value < math.inf


@pytest.mark.parametrize("share", [0.02, 0.2, 0.5])
def test_outages_that_come_and_go_for_all_are_no_evidence(share: float) -> None:
    for seed in range(30):
        chance, evidence, failing, left = random.Random(seed), Evidence(), False, 0.0
        for _ in range(5_000):
            if left <= 0:
                failing, left = not failing, chance.expovariate(1 / 50)
            left -= 1
            evidence.count(int(chance.random() < share), chance.random() < (0.95 if failing else 0.01))
            assert evidence.value < 2_000


@given(st.lists(st.tuples(st.sampled_from([CURRENT, STAGED]), st.booleans()), max_size=200))
def test_it_counts_what_came(requests: list[tuple[int, bool]]) -> None:
    evidence = Evidence()
    for arm, wrong in requests:
        evidence.count(arm, wrong)
    for arm in (CURRENT, STAGED):
        assert evidence.requests[arm] == sum(one == arm for one, _ in requests)
        assert evidence.wrong[arm] == sum(wrong for one, wrong in requests if one == arm)
    assert evidence.value >= 0


@given(st.lists(st.booleans(), max_size=300))
def test_while_all_fail_alike_or_none_does_nothing_is_shown(arms: list[bool]) -> None:
    """An outage that hits both arms at once, and none at all."""
    for wrong in (True, False):
        evidence = Evidence()
        for arm in arms:
            evidence.count(int(arm), wrong)
        assert math.isclose(evidence.value, 1)


def test_it_grows_with_what_only_staged_requests_do_wrong_and_shrinks_with_the_opposite() -> None:
    evidence, before = Evidence(), 0.0
    for _ in range(6):
        for _ in range(9):
            evidence.count(CURRENT, False)
        evidence.count(STAGED, True)
        assert evidence.value > before or evidence.value == 1.0
        before = evidence.value
    for _ in range(2):
        for _ in range(9):
            evidence.count(CURRENT, True)
        evidence.count(STAGED, False)
    assert evidence.value < before
