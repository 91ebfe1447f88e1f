"""The evidence is a bet that cannot be won but by luck where staged requests are not worse than tolerated."""

import math

from hypothesis import given
from hypothesis import strategies as st

from gateway.state.evidence import CURRENT, STAGED, TOLERATED, Evidence

shares = st.floats(0.001, 0.999)
sizes = st.integers(2, 40)


def block(others: int, wrong_others: int, single: int, wrong: bool) -> Evidence:
    """After one block: so many of the one arm, then one of the arm `single`."""
    evidence = Evidence()
    for at in range(others):
        evidence.count(1 - single, at < wrong_others)
    evidence.count(single, wrong)
    return evidence


@given(sizes, shares, st.sampled_from([CURRENT, STAGED]), st.floats(0.1, TOLERATED))
def test_a_block_is_a_fair_game_or_worse_whatever_the_rate(size: int, rate: float, single: int, odds: float) -> None:
    """The mean over all that can happen, by the binomial distribution itself, not by the formula that is bet on."""
    others = size - 1
    staged = odds * rate / (1 - rate + odds * rate)
    of_others, of_single = (rate, staged) if single == STAGED else (staged, rate)
    mean = 0.0
    for wrong_others in range(others + 1):
        chance = math.comb(others, wrong_others) * of_others**wrong_others * (1 - of_others) ** (others - wrong_others)
        for wrong in (True, False):
            each = chance * (of_single if wrong else 1 - of_single)
            mean += each * block(others, wrong_others, single, wrong).value
    assert mean <= 1 + 1e-9
    if odds == TOLERATED:
        assert math.isclose(mean, 1, rel_tol=1e-9)


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
    evidence, before = Evidence(), 1.0
    for _ in range(6):
        for _ in range(9):
            evidence.count(CURRENT, False)
        evidence.count(STAGED, True)
        assert evidence.value > before
        before = evidence.value
    for _ in range(9):
        evidence.count(CURRENT, True)
    evidence.count(STAGED, False)
    assert evidence.value < before
