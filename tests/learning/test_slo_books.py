"""Who judges whom, while a staged plan promises something else under the same name."""

from gateway.learning.slo_books import SloBooks
from gateway.values.slo import Slo, SloReading, Target

TIGHT, LOOSE = Slo(first_output=Target(1.0)), Slo(first_output=Target(9.0))
NOW = 1_000.0


def books() -> SloBooks:
    made = SloBooks()
    made.declare({"same": TIGHT, "other": TIGHT, "plain": None})
    return made


STAGED = ("2-b", {"same": TIGHT, "other": LOOSE, "new": LOOSE})


def test_the_same_promise_is_judged_together_and_another_apart() -> None:
    both = books()
    both.declare({"same": TIGHT, "other": TIGHT, "plain": None}, STAGED)
    for rule, slo in STAGED[1].items():
        both.record("2-b", rule, "a", slo, True, NOW)
    for _ in range(2):
        both.record("1-a", "same", "a", TIGHT, False, NOW)
        both.record("1-a", "other", "a", TIGHT, False, NOW)
    current, staged = both.readings(NOW), both.readings(NOW, "2-b")
    assert current["same"] is staged["same"]
    assert {rule: one["a"].requests for rule, one in current.items()} == {"same": 3, "other": 2}
    assert {rule: one["a"].requests for rule, one in staged.items()} == {"same": 3, "other": 1, "new": 1}
    assert both.readings(NOW, "1-a") == current


def test_what_a_trial_taught_stays_if_it_is_promoted_and_goes_if_not() -> None:
    for promoted in (True, False):
        both = books()
        both.declare({"same": TIGHT, "other": TIGHT, "plain": None}, STAGED)
        both.record("2-b", "other", "a", LOOSE, True, NOW)
        both.record("1-a", "same", "a", TIGHT, True, NOW)
        both.declare(STAGED[1] if promoted else {"same": TIGHT, "other": TIGHT, "plain": None})
        one = {"a": SloReading(1, 1.0, 0.0)}
        assert both.readings(NOW) == ({"same": one, "other": one} if promoted else {"same": one})
        assert both.readings(NOW + 400) == {}  # the windows empty as ever


def test_a_promise_that_nobody_makes_any_more_is_not_judged() -> None:
    """Requests that began under the revision before end under it; they do not throw away what the new one learns."""
    one = books()
    one.declare({"same": LOOSE})
    one.record("2-b", "same", "a", LOOSE, True, NOW)
    one.record("1-a", "same", "a", TIGHT, False, NOW)
    one.record("1-a", "other", "a", TIGHT, False, NOW)
    assert one.readings(NOW) == {"same": {"a": SloReading(1, 1.0, 0.0)}}
