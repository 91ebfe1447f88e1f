"""One request after the other: what the service would do after each thing that can happen, in virtual time."""

from typing import Any

import msgspec
import pytest

from gateway.insight.chooser import Planned, Strategy
from gateway.insight.leaks import Leaks
from gateway.insight.rows import row_of
from gateway.insight.run import Side, play
from gateway.insight.simulate import Simulation
from gateway.insight.traffic import Traffic
from gateway.insight.world import Episode, Failures, RateLimits, Unpredictable, World
from gateway.routing.document import Fallback, HedgeEntry, Limits, Policy, Prefer, Require, Rule, SloEntry, TargetEntry
from gateway.routing.replay import replay
from gateway.values.decision import Bounds
from gateway.values.deployment import Capability, Hosting, Timeouts
from gateway.values.outcome import Outcome
from gateway.values.records import RequestFinished
from gateway.values.sensitivity import Sensitivity
from tests.insight.worlds import BEGAN, arrivals, batching, catalogue, deployment, facts, planned, simulated, steady

TWO = catalogue(deployment("a"), deployment("b"))
DOWN = Failures(share=1.0, outcome="server_error", after_s=0.1)


def one(behaviours: dict[str, Any], asked: Any = None, of: Any = TWO, **rule: Any) -> RequestFinished:
    (record,) = simulated(planned(of, **rule), of, behaviours, asked or arrivals([0.0]))
    return record


def tried(record: RequestFinished) -> list[tuple[str, Outcome]]:
    return [(attempt.deployment, attempt.outcome) for attempt in record.attempts]


def seconds(value: float) -> object:
    return pytest.approx(value, abs=2e-6)


def test_an_answer_has_its_times_and_its_price() -> None:
    record = one({"a": steady(0.2, 0.01), "b": steady()})
    assert (record.outcome, record.answered_by) == (Outcome.OK, "a")
    assert (record.first_output_s, record.duration_s) == (seconds(0.2), seconds(0.3))
    assert record.attempts[0].cost_usd == pytest.approx((100 * 1.0 + 11 * 2.0) / 1e6)


def test_a_failure_moves_on_and_the_first_is_not_asked_again() -> None:
    record = one({"a": steady(failures=DOWN), "b": steady(0.2, 0.01)})
    assert tried(record) == [("a", Outcome.SERVER_ERROR), ("b", Outcome.OK)]
    assert record.duration_s == seconds(0.1 + 0.3)


def test_when_none_is_left_the_same_are_asked_again_after_a_pause_and_then_it_fails() -> None:
    record = one({"a": steady(failures=DOWN), "b": steady(failures=DOWN)}, limits=Limits(max_attempts=10))
    assert [name for name, _ in tried(record)] == ["a", "b", "a", "b"]
    assert record.outcome is Outcome.SERVER_ERROR
    assert record.duration_s > 4 * 0.1


def test_a_failure_that_the_rule_names_ends_it() -> None:
    record = one({"a": steady(failures=DOWN), "b": steady()}, fallback=Fallback(not_on=["server_error"]))
    assert tried(record) == [("a", Outcome.SERVER_ERROR)]


def test_silence_ends_with_the_deployments_timeout_or_sooner_with_the_rules() -> None:
    of = catalogue(deployment("a", timeouts=Timeouts(first_output_s=2.0)), deployment("b"))
    silent = {"a": steady(failures=Failures(share=1.0, outcome="silent")), "b": steady(0.2, 0.01)}
    record = one(silent, of=of)
    assert tried(record) == [("a", Outcome.FIRST_OUTPUT_TIMEOUT), ("b", Outcome.OK)]
    assert record.first_output_s == seconds(2.2)
    record = one(silent, of=of, limits=Limits(first_output_s=0.5))
    assert tried(record)[0] == ("a", Outcome.LIMIT_PASSED)
    assert record.first_output_s == seconds(0.7)
    stopped = record.attempts[0].usage
    assert stopped is not None
    assert stopped.estimated
    assert stopped.completion_tokens == 0


def test_the_deadline_ends_everything_and_what_came_is_paid() -> None:
    record = one({"a": steady(0.2, 0.1), "b": steady()}, arrivals([0.0], 100, deadline_s=1.05))
    assert tried(record) == [("a", Outcome.DEADLINE_EXCEEDED)]
    assert record.duration_s == seconds(1.05)
    usage = record.attempts[0].usage
    assert usage is not None
    assert usage.estimated
    assert usage.completion_tokens == 1 + 8


def test_a_ceiling_leaves_out_what_may_cost_more() -> None:
    asked = arrivals([0.0], of=facts(max_output_tokens=100), max_cost_usd=0.0002)
    record = one({"a": steady(), "b": steady()}, asked)
    assert record.outcome is Outcome.NO_CANDIDATE
    assert record.attempts == ()


def test_a_late_first_attempt_is_hedged_and_loses() -> None:
    record = one({"a": steady(2.0), "b": steady(0.3, 0.01)}, limits=Limits(hedge=HedgeEntry(after_s=0.5, share=1.0)))
    assert sorted(tried(record)) == [("a", Outcome.HEDGE_LOST), ("b", Outcome.OK)]
    assert record.first_output_s == seconds(0.8)
    assert record.answered_by == "b"


def test_a_request_whose_first_attempt_beats_its_hedge_did_not_change_hands() -> None:
    record = one({"a": steady(0.8), "b": steady(5.0)}, limits=Limits(hedge=HedgeEntry(after_s=0.5, share=1.0)))
    assert tried(record) == [("b", Outcome.HEDGE_LOST), ("a", Outcome.OK)]  # as they ended
    assert row_of(record).first == "a"


def test_a_hedge_that_fails_leaves_the_first_alone() -> None:
    record = one(
        {"a": steady(2.0, 0.01), "b": steady(failures=DOWN)}, limits=Limits(hedge=HedgeEntry(after_s=0.5, share=1.0))
    )
    assert tried(record) == [("b", Outcome.SERVER_ERROR), ("a", Outcome.OK)]


def test_hedges_are_a_share() -> None:
    limits = Limits(hedge=HedgeEntry(after_s=0.1, share=0.1))
    records = simulated(
        planned(TWO, limits=limits), TWO, {"a": steady(0.5), "b": steady(0.2)}, arrivals([n * 2.0 for n in range(100)])
    )
    hedged = sum(len(record.attempts) == 2 for record in records)
    assert 10 <= hedged <= 11


def test_a_rate_limit_says_when_and_is_kept_to() -> None:
    """30 a minute, and 300 come in half of one: headers tell in time, or else a 429 does, and the rest goes to b."""
    limited = steady(0.2, 0.001)
    assert limited.commercial is not None
    for told in (True, False):
        limits = RateLimits(requests_per_minute=30, told=told)
        behaviour = msgspec.structs.replace(
            limited, commercial=msgspec.structs.replace(limited.commercial, limits=limits)
        )
        records = simulated(planned(TWO), TWO, {"a": behaviour, "b": steady()}, arrivals([n * 0.1 for n in range(300)]))
        assert all(record.outcome is Outcome.OK for record in records)
        by_a = sum(record.answered_by == "a" for record in records)
        assert 20 <= by_a <= 30 + 15 + 1  # a full bucket, and what fills it in half a minute
        refused = sum(attempt.outcome is Outcome.RATE_LIMITED for record in records for attempt in record.attempts)
        assert (refused == 0) is told


def test_a_breaker_opens_in_an_outage_and_traffic_comes_home_after_it() -> None:
    outage = Episode(start_s=30.0, end_s=60.0, failures=DOWN)
    records = simulated(
        planned(TWO), TWO, {"a": steady(episodes=[outage]), "b": steady()}, arrivals([n * 0.1 for n in range(1200)])
    )
    asked_in_outage = [r for r in records if 30 <= r.decision.at - BEGAN < 60 and r.attempts[0].deployment == "a"]
    assert 5 <= len(asked_in_outage) <= 60  # of 300
    late = [r for r in records if r.decision.at - BEGAN >= 100]
    assert all(record.answered_by == "a" for record in late)


def test_a_queue_at_home_is_read_from_its_gauges_and_spills() -> None:
    of = catalogue(deployment("home", own=True), deployment("cloud"))
    slo = SloEntry(first_output=TargetEntry(under_s=1.0))
    behaviours = {"home": batching(max_running=4), "cloud": steady(0.3)}
    records = simulated(planned(of, slo=slo), of, behaviours, arrivals([n * 0.25 for n in range(1200)], 101))
    by_home = [record for record in records if record.answered_by == "home"]
    assert 0.3 < len(by_home) / len(records) < 0.99
    waits = [attempt.wait_s for record in records for attempt in record.attempts]
    assert any(wait > 0 for wait in waits)


def test_addresses_share_the_load() -> None:
    of = catalogue(deployment("home", own=True, addresses=("http://h1/v1", "http://h2/v1")))
    records = simulated(planned(of), of, {"home": batching()}, arrivals([n * 0.3 for n in range(200)], 51))
    at = [record.attempts[0].address for record in records]
    assert 60 <= at.count(0) <= 140


def test_whole_answers_have_no_first_output() -> None:
    record = one({"a": steady(0.2, 0.01), "b": steady()}, arrivals([0.0], of=facts(stream=False)))
    assert record.first_output_s is None
    assert record.duration_s == seconds(0.3)


def test_the_same_seed_gives_the_same_and_the_readings_learn() -> None:
    of = catalogue(deployment("home", own=True), deployment("cloud"))
    slo = SloEntry(first_output=TargetEntry(under_s=0.5))
    requests = arrivals([n * 0.11 for n in range(800)], 60)
    behaviours = {"home": batching(max_running=6), "cloud": steady(0.3, failures=Failures(share=0.05))}
    runs = [msgspec.json.encode(simulated(planned(of, slo=slo), of, behaviours, requests)) for _ in range(2)]
    assert runs[0] == runs[1]


def test_what_nothing_says_how_it_behaves_is_not_guessed() -> None:
    with pytest.raises(Unpredictable, match="a"):
        simulated(planned(TWO), TWO, {"b": steady()}, arrivals([0.0]))


def test_leaks_are_found_by_a_check_that_does_not_trust_the_decision() -> None:
    of = catalogue(deployment("open", clearance=Sensitivity.PUBLIC, region="us"), deployment("own", region="eu"))
    policy = Policy(rules=[Rule(name="careless", require=Require(region=["eu"]))])
    careless = Strategy("careless", lambda _arrival, _snapshot: ["open", "own"], bounds=Bounds(60.0, 2))
    leaks = Leaks(of.deployments, policy)
    world = World(deployments={"open": steady(), "own": steady()})
    asked = arrivals([0.0, 1.0], of=facts(sensitivity=Sensitivity.RESTRICTED))
    simulation = Simulation(
        careless, of.deployments, world, began=BEGAN, finished=lambda _record: None, watched=leaks.watch
    )
    simulation.run(asked)
    assert leaks.found == {
        "restricted to open, which may see public": 2,
        "rule careless to open in region us": 2,
    }


@pytest.mark.parametrize(
    ("require", "said"),
    [
        (Require(capabilities=[Capability.TOOLS]), "rule strict to a, which lacks a capability that it requires"),
        (Require(known_price=True), "rule strict to a, whose price is unknown"),
        (Require(hosting=Hosting.SELF_HOSTED), "rule strict to a, which is commercial"),
        (Require(clearance=Sensitivity.RESTRICTED), "rule strict to a, which may see public"),
        (Require(deployments=["b"]), "rule strict to a, which it does not name"),
        (Require(region=["eu"]), "rule strict to a in region us"),
        (Require(lossless=True), "rule strict to a, which would lose a member"),
    ],
)
def test_all_that_a_rule_can_require_is_looked_at(require: Require, said: str) -> None:
    of = catalogue(deployment("a", price=None, clearance=Sensitivity.PUBLIC, region="us"))
    leaks = Leaks(of.deployments, Policy(rules=[Rule(name="strict", require=require)]))
    record = one({"a": steady()}, of=of)
    losing = msgspec.structs.replace(record.decision.facts, losses=(("a", ("seed",)),))
    leaks.watch(msgspec.structs.replace(record.decision, rule="strict", facts=losing), "a")
    assert leaks.found == {said: 1}
    assert len(Require.__struct_fields__) == 7  # each of which is above


def test_a_spill_is_told_from_a_preference() -> None:
    of = catalogue(deployment("home", own=True, max_in_flight=1), deployment("cloud"))
    chooser = planned(of)
    records = simulated(chooser, of, {"home": batching(), "cloud": steady()}, arrivals([0.0, 0.1, 60.0], 500))
    rows = {record.id: row_of(record, chooser.preferred(record.decision)) for record in records}
    assert [rows[name].spilled for name in sorted(rows)] == [None, ("home", "limit"), None]
    by_weight: Planned = planned(of, prefer=Prefer(weights={"home": 1, "cloud": 1}))
    assert by_weight.preferred(records[0].decision) == ()


def test_every_decision_can_be_replayed() -> None:
    """Law 14: what the simulator decided is what its record says, decided again."""
    of = catalogue(deployment("home", own=True, max_in_flight=12), deployment("cloud"), deployment("spare"))
    rule = {
        "slo": SloEntry(first_output=TargetEntry(under_s=0.4), min_requests=5),
        "prefer": Prefer(objective="cost"),
        "limits": Limits(hedge=HedgeEntry(percentile=90, share=0.5)),
    }
    behaviours = {
        "home": batching(max_running=6),
        "cloud": steady(0.3, failures=Failures(share=0.2)),
        "spare": steady(0.2, episodes=[Episode(start_s=20, end_s=40, failures=DOWN)]),
    }
    chooser = planned(of, **rule)
    records = simulated(chooser, of, behaviours, arrivals([n * 0.05 for n in range(1200)], 60))
    assert len({record.attempts[0].deployment for record in records}) == 3
    for record in records:
        assert replay(chooser.plan, record.decision) == record.decision


def test_events_can_change_the_world_and_who_decides() -> None:
    to_a, to_b = planned(TWO, prefer=Prefer(order=["a"])), planned(TWO, prefer=Prefer(order=["b"]))

    def prepare(simulation: Simulation) -> None:
        simulation.clock.at(BEGAN + 5.0, lambda _: setattr(simulation, "chooser", to_b))

    traffic = Traffic(source="test", requests=tuple(arrivals([float(n) for n in range(10)])))
    world = World(deployments={"a": steady(), "b": steady()})
    found = play(Side(to_a), TWO.deployments, world, traffic, prepare=prepare)
    assert [row.by for row in found.rows] == ["a"] * 5 + ["b"] * 5


def test_an_own_server_may_be_given_as_a_distribution() -> None:
    """It says nothing of how full it is, and is no less up."""
    of = catalogue(deployment("home", own=True), deployment("cloud"))
    outage = Episode(start_s=20.0, end_s=40.0, failures=DOWN)
    behaviours = {"home": steady(episodes=[outage]), "cloud": steady()}
    records = simulated(planned(of), of, behaviours, arrivals([float(n) for n in range(80)]))
    by = [record.answered_by for record in records]
    assert by[:20] == ["home"] * 20
    assert by[25:40] == ["cloud"] * 15
    assert by[50:] == ["home"] * 30
