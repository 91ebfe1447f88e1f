"""The lab's parts: its requests, the other gateways' strategies as they are told, and how a recovery is measured."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cli.rivals.rival import COOL_S, Picks, Rival
from gateway.cli.rivals.strategies import InOrder, LeastBusy, LowestCost, LowestLatency, RoundRobin, WeightedShuffle
from gateway.insight.lab.contenders import BOUNDS
from gateway.insight.lab.requests import BEGAN, OUTPUTS, PROMPTS, RequestMix, requests
from gateway.insight.lab.results import recovery
from gateway.insight.lab.scenarios import CATALOGUE, CLOUD, CLOUD_2, HOME, SLO, scenarios, with_price
from gateway.insight.rows import RequestRow, Tried
from gateway.insight.run import Side, play
from gateway.insight.simulate import Simulation
from gateway.insight.traffic import Arrival
from gateway.values.outcome import Outcome
from gateway.values.records import Attempt
from gateway.values.sensitivity import Sensitivity
from gateway.values.snapshot import Reading, Snapshot
from tests.insight.worlds import arrivals
from tests.learning.attempts import used

KIND = RequestMix(
    rates=((0.0, 5.0), (100.0, 20.0)), seconds=200.0, long=0.1, classes=((Sensitivity.CONFIDENTIAL, 0.2),), streams=0.9
)


def test_requests_come_as_often_and_are_as_long_as_was_said() -> None:
    found = requests(KIND, 7)
    assert found == requests(KIND, 7) != requests(KIND, 8)
    halves = Counter(one.at - BEGAN >= 100 for one in found)
    assert halves[False] == pytest.approx(500, abs=70)
    assert halves[True] == pytest.approx(2000, abs=140)
    count = len(found)
    assert sum(one.facts.stream for one in found) / count == pytest.approx(0.9, abs=0.03)
    assert sum(one.prompt_tokens >= 8000 for one in found) / count == pytest.approx(0.1 + 0.9 * 0.03, abs=0.03)
    confidential = sum(one.facts.sensitivity is Sensitivity.CONFIDENTIAL for one in found)
    assert confidential / count == pytest.approx(0.2, abs=0.03)
    outputs = sorted(one.output_tokens for one in found)
    assert outputs[count // 2] == pytest.approx(OUTPUTS[10], rel=0.1)
    assert all(PROMPTS[0] <= one.prompt_tokens <= 24_000 for one in found)


def rival(picks: Picks, *reserve: str) -> tuple[Rival, Any]:
    """It, and what tells it of an attempt."""
    found = Rival("x", picks, reserve=reserve, bounds=BOUNDS, slo=SLO)
    ears: list[Any] = []

    class Seen:
        deployments = CATALOGUE.deployments

        def __setattr__(self, name: str, value: Any) -> None:
            ears.append(value)

    found.see(Seen())  # type: ignore[arg-type]
    return found, ears[0]


def asked(of: Rival, now: float = 0.0, number: int = 0, **readings: Reading) -> tuple[str, ...]:
    arrival = arrivals([float(number)])[0]
    return of.choose(
        arrival, Snapshot(now, {name.replace("_", "-"): one for name, one in readings.items()})
    ).decision.attempts


def ended(name: str, outcome: Outcome = Outcome.OK, **more: Any) -> Attempt:
    return Attempt(deployment=name, outcome=outcome, started_s=0.0, **({"duration_s": 1.0} | more))


def test_one_that_says_429_cools_down_as_long_as_it_asks_for() -> None:
    found, heard = rival(InOrder())
    assert asked(found) == (HOME, CLOUD, CLOUD_2)
    heard(ended(HOME, Outcome.RATE_LIMITED), 0.0)
    assert asked(found, COOL_S - 0.1) == (CLOUD, CLOUD_2, HOME)
    assert asked(found, COOL_S) == (HOME, CLOUD, CLOUD_2)
    heard(ended(HOME, Outcome.RATE_LIMITED, retry_after_s=20.0), 10.0)
    assert asked(found, 29.0)[0] == CLOUD
    assert asked(found, 30.0)[0] == HOME


def test_one_that_fails_more_than_half_the_time_cools_down_and_one_failure_is_nothing() -> None:
    found, heard = rival(InOrder())
    heard(ended(HOME, Outcome.SERVER_ERROR), 1.0)
    assert asked(found, 1.0)[0] == HOME
    heard(ended(HOME), 2.0)
    heard(ended(HOME, Outcome.SERVER_ERROR), 3.0)
    assert asked(found, 3.0)[0] == CLOUD
    heard(ended(CLOUD, Outcome.SERVER_ERROR), 59.0)
    heard(ended(CLOUD, Outcome.SERVER_ERROR), 61.0)  # another minute
    assert asked(found, 61.0)[0] == HOME
    heard(ended(HOME, Outcome.FIRST_OUTPUT_TIMEOUT), 62.0)
    assert asked(found, 62.0)[0] == CLOUD


def test_the_reserve_is_asked_when_no_other_is_left() -> None:
    found, heard = rival(LeastBusy(), CLOUD_2)
    busy = {"home": Reading(in_flight=5), "cloud": Reading(in_flight=3)}
    assert asked(found, **busy) == (CLOUD, HOME, CLOUD_2)
    heard(ended(CLOUD, Outcome.RATE_LIMITED), 0.0)
    heard(ended(HOME, Outcome.RATE_LIMITED), 0.0)
    assert asked(found, 1.0, **busy)[0] == CLOUD_2


def test_each_in_its_turn_and_by_weight() -> None:
    found, _ = rival(RoundRobin())
    assert Counter(asked(found, number=number)[0] for number in range(30)) == dict.fromkeys((HOME, CLOUD, CLOUD_2), 10)
    found, _ = rival(WeightedShuffle({HOME: 6.0, CLOUD: 3.0, CLOUD_2: 1.0}))
    seen = requests(RequestMix(rates=((0.0, 20.0),), seconds=100.0), 0)
    firsts = Counter(found.choose(one, Snapshot(0.0, {})).decision.attempts[0] for one in seen)
    assert firsts[HOME] / len(seen) == pytest.approx(0.6, abs=0.04)
    assert firsts[CLOUD_2] / len(seen) == pytest.approx(0.1, abs=0.03)


def test_the_lowest_latency_is_of_the_newest_ten_and_a_timeout_is_very_long() -> None:
    found, heard = rival(LowestLatency(0.0))
    for name, seconds in ((HOME, 0.2), (CLOUD, 0.4), (CLOUD_2, 0.5)):
        for _ in range(20):
            heard(ended(name, first_output_s=seconds, usage=used(10)), 0.0)
    assert asked(found) == (HOME, CLOUD, CLOUD_2)
    for _ in range(10):
        heard(ended(HOME, first_output_s=0.45, usage=used(10)), 0.0)
    assert asked(found) == (CLOUD, HOME, CLOUD_2)
    heard(ended(CLOUD, Outcome.FIRST_OUTPUT_TIMEOUT), 0.0)
    assert asked(found, COOL_S + 1) == (HOME, CLOUD_2, CLOUD)


def test_the_lowest_cost_goes_on_to_the_next_when_the_minutes_limit_is_used_up() -> None:
    found, _ = rival(LowestCost({HOME: (2.0, 1e9)}))
    assert [asked(found, 60.0 + number)[0] for number in range(4)] == [HOME, HOME, CLOUD, CLOUD]
    assert asked(found, 120.0)[0] == HOME


def row(at: float, first: str, first_output_s: float | None) -> RequestRow:
    return RequestRow(
        id=str(at), at=BEGAN + at, rule="x", outcome=Outcome.OK, by=first, first_output_s=first_output_s, total_s=1.0,
        stream=True, output_tokens=10.0, slo=None,
        tried=(_TRIED[first],), seen=(), spilled=None, scored=False,
    )  # fmt: skip


def _tried(name: str) -> Any:

    return Tried(name, Outcome.OK, 0.0, True, 1, 1)


_TRIED = {name: _tried(name) for name in (HOME, CLOUD)}


@given(late=st.integers(0, 60), away=st.integers(0, 100))
def test_a_recovery_is_measured_from_the_beginning_and_from_the_end(late: int, away: int) -> None:
    """All are late so long after the slow-down began, and elsewhere so long after its end."""
    slow = scenarios()["slow-down"]
    _, start, end = slow.slow or ("", 0.0, 0.0)
    rows = []
    for half in range(1200):
        at = half / 2
        there = HOME if at < start or at >= end + away else CLOUD
        rows.append(row(at, there, 5.0 if start <= at < start + late else 0.2))
    found = recovery(rows, slow)
    assert found is not None
    assert found.back_in_objective_s is not None
    assert abs(found.back_in_objective_s - max(late - 1.5, 0.0)) <= 2.0
    assert found.home_again_s is not None
    assert max(away - 6.5, 0.0) <= found.home_again_s <= away


def test_prices_change_for_everybody_when_they_change() -> None:
    scenario = scenarios()["price-change"]
    at = scenario.prices[0][0]
    seen: list[Arrival] = [one for one in scenario.traffic(0).requests if abs(one.at - BEGAN - at) < 20]
    cheapest = Rival("x", LowestCost({}), reserve=(HOME,), bounds=BOUNDS, slo=SLO)

    def begins(simulation: Simulation) -> None:

        cheapest.see(simulation)
        _, name, price = scenario.prices[0]
        simulation.clock.at(
            BEGAN + at, lambda _: simulation.deployments.update(with_price(simulation.deployments, name, price))
        )

    traffic = scenario.traffic(0)
    traffic = type(traffic)(source="x", requests=tuple(seen))
    played = play(Side(cheapest), CATALOGUE.deployments, scenario.world, traffic, prepare=begins)
    firsts = {(one.at - BEGAN > at, one.first) for one in played.rows}
    assert {(False, CLOUD), (True, CLOUD_2)} <= firsts
    assert (True, CLOUD) not in firsts
