"""When an answer counts as late."""

import pytest

from gateway.routing.forecast import STALE_AFTER_S
from gateway.routing.hedge import hedge_after
from gateway.values.admissibility import Admissibility
from gateway.values.decision import Candidate, Tier
from gateway.values.hedge import Hedge
from gateway.values.request import Facts
from gateway.values.sensitivity import Sensitivity
from gateway.values.snapshot import Latency, Line, Quantiles, Reading

NOW = 1_000_000.0
SPREAD = Quantiles(1.0, 1.5, 2.0, 3.0)
BY_TIME = Hedge(after_s=0.4, percentile=95, share=0.05)
BY_PERCENTILE = Hedge(after_s=None, percentile=95, share=0.05)


def facts(*, stream: bool = True) -> Facts:
    return Facts(
        model="m",
        needs=frozenset(),
        sensitivity=Sensitivity.PUBLIC,
        prompt_tokens=100,
        stream=stream,
        max_output_tokens=11,
        exact_tokens=True,
    )


def candidate(name: str, base_s: float | None, tier: Tier = Tier.READY, age_s: float = 0.0) -> Candidate:
    """`base_s` is the median to the first output; a whole answer takes 10 ms more for each token after the first."""
    latency = None
    if base_s is not None:
        first = Line(base_s, 0.0, 0.0, SPREAD)
        latency = Latency(20, NOW - age_s, first, Quantiles(0.01, 0.01, 0.01, 0.01), None)
    return Candidate(name, (), 0, tier, Reading(latency=latency))


def test_the_rule_can_name_the_time() -> None:
    assert hedge_after(BY_TIME, facts(), [candidate("a", None)], NOW) == 0.4


@pytest.mark.parametrize(("percentile", "times"), [(50, 1.0), (90, 1.5), (95, 2.0), (99, 3.0)])
def test_by_the_percentile_of_the_first_candidate(percentile: int, times: float) -> None:
    hedge = Hedge(after_s=None, percentile=percentile, share=0.05)
    after_s = hedge_after(hedge, facts(), [candidate("a", 0.2), candidate("b", 0.1)], NOW)
    assert after_s == pytest.approx(0.2 * times)


def test_a_whole_answer_has_the_time_of_its_tokens_too() -> None:
    assert hedge_after(BY_PERCENTILE, facts(stream=False), [candidate("a", 0.2)], NOW) == pytest.approx(0.4 + 10 * 0.01)


@pytest.mark.parametrize("tier", [Tier.PROBE, Tier.LATE, Tier.BURNING])
def test_one_that_is_not_expected_to_do_well_is_measured_by_the_median_of_the_best_that_is(tier: Tier) -> None:
    ranked = [candidate("a", 3.0, tier), candidate("b", 0.2), candidate("c", 0.1)]
    assert hedge_after(BY_PERCENTILE, facts(), ranked, NOW) == pytest.approx(0.1)


def test_where_none_is_expected_to_do_well_it_is_measured_by_itself() -> None:
    ranked = [candidate("a", 3.0, Tier.LATE), candidate("b", 9.0, Tier.LATE)]
    assert hedge_after(BY_PERCENTILE, facts(), ranked, NOW) == pytest.approx(6.0)


@pytest.mark.parametrize("hedge", [BY_TIME, BY_PERCENTILE])
def test_a_probe_that_has_to_be_seen_through_is_not_hedged(hedge: Hedge) -> None:
    first = Candidate("a", (), 0, Tier.READY, Reading(admissibility=Admissibility(see_through=True)))
    assert hedge_after(hedge, facts(), [first, candidate("b", 0.1)], NOW) is None


@pytest.mark.parametrize("ranked", [[], [candidate("a", None)], [candidate("a", 0.2, age_s=STALE_AFTER_S + 1)]])
def test_what_is_not_known_is_not_late(ranked: list[Candidate]) -> None:
    assert hedge_after(BY_PERCENTILE, facts(), ranked, NOW) is None
