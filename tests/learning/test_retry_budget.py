"""The budget for asking again: never more than its share and the few that are always paid, and never nothing for long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.learning.retry_budget import FEW, FEW_IN_ALL, FEW_PER_S, SHARE, RetryBudget


def test_a_few_are_always_paid() -> None:
    budget = RetryBudget()
    assert [budget.spend("a", 0.0) for _ in range(int(FEW) + 1)] == [True] * int(FEW) + [False]
    assert not budget.has("a", 1.0)
    assert budget.spend("a", 1.0 / FEW_PER_S)
    assert budget.spend("b", 2.0)  # another one's is its own


def test_under_load_it_is_a_share_of_the_traffic() -> None:
    budget, paid = RetryBudget(), 0
    for number in range(12_000):
        budget.earn("a")
        paid += budget.spend("a", number / 200)
    assert paid <= SHARE * 12_000 + FEW + FEW_PER_S * 60
    assert paid >= 0.95 * SHARE * 12_000


def test_all_together_have_a_bound_too() -> None:
    budget = RetryBudget()
    paid = sum(budget.spend(f"d{number % 100}", 0.0) for number in range(1000))
    assert paid == FEW_IN_ALL


steps = st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.floats(0, 3)), max_size=300)


@given(steps)
def test_no_more_is_spent_than_was_earned_and_given(script: list[tuple[str, bool, float]]) -> None:
    budget, now = RetryBudget(), 0.0
    earned, spent = dict.fromkeys("abc", 0), dict.fromkeys("abc", 0)
    for name, earns, after in script:
        now += after
        if earns:
            budget.earn(name)
            earned[name] += 1
        else:
            had = budget.has(name, now)
            assert budget.spend(name, now) is had
            spent[name] += had
        assert spent[name] <= SHARE * earned[name] + FEW + FEW_PER_S * now + 1e-6
    assert all(budget.has(name, now + 1 / FEW_PER_S) for name in "abc")


@pytest.mark.parametrize("back", [-1e6, 0.0])
def test_a_clock_that_goes_back_gives_nothing_and_takes_nothing(back: float) -> None:
    budget = RetryBudget()
    for _ in range(int(FEW)):
        budget.spend("a", 1e6)
    assert not budget.has("a", 1e6 + back)
