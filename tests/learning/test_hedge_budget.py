"""The share of a rule's requests that may be hedged."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.learning.hedge_budget import HedgeBudget


@given(st.integers(1, 3000), st.floats(0.01, 1.0))
def test_no_more_than_the_share_is_spent(requests: int, share: float) -> None:
    budget = HedgeBudget()
    spent = 0
    for _ in range(requests):
        budget.earn("rule", share)
        spent += budget.spend("rule")
    assert requests * share - 1 <= spent <= requests * share + 1


@given(st.integers(1, 30_000))
def test_what_was_saved_is_bounded(quiet: int) -> None:
    budget = HedgeBudget()
    for _ in range(quiet):
        budget.earn("rule", 0.05)
    spent = 0
    while budget.spend("rule"):
        spent += 1
    assert abs(spent - min(1 + quiet * 0.05, 100)) <= 1


def test_rules_do_not_share_it() -> None:
    budget = HedgeBudget()
    budget.earn("one", 1.0)
    assert not budget.spend("other")
    assert budget.spend("one")
    budget.keep_rules(["other"])
    assert not budget.spend("one")
