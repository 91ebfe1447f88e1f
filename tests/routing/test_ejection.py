"""Where nobody is ready, the least late comes first; and what is passed over is probed by one request at a time."""

from typing import Any

from msgspec.structs import replace

from gateway.routing.compile import compile_plan
from gateway.routing.decide import decide
from gateway.routing.document import Policy, Prefer, Rule, SloEntry, TargetEntry
from gateway.routing.order import BACK_PROBE_SHARE, PROBE_EVERY_S
from gateway.routing.plan import Plan
from gateway.values.decision import Decision, Tier
from gateway.values.slo import SloReading
from gateway.values.snapshot import Latency, Line, Quantiles, Reading, Snapshot
from tests.insight.worlds import catalogue, deployment, facts

NOW = 1_000.0
STEADY = Quantiles(1.0, 1.0, 1.0, 1.0)
BURNED = SloReading(100, 0.5, 10.0, ejected=True)
REQUESTS = 2000


def planned(**slo: Any) -> Plan:
    of = catalogue(deployment("a"), deployment("b"), deployment("c"))
    rule = Rule(
        name="r", slo=SloEntry(first_output=TargetEntry(under_s=1.0), **slo), prefer=Prefer(order=["a", "b", "c"])
    )
    return compile_plan(Policy(rules=[rule]), of, number=1, default_deadline_s=60.0)


def taking(seconds: float, **more: Any) -> Reading:
    falls, age_s = more.pop("falls", None), more.pop("age_s", 2 * PROBE_EVERY_S)
    latency = Latency(100, NOW - age_s, Line(seconds, 0.0, 0.0, STEADY), falls=falls)
    return Reading(latency=latency, **more)


def decided(plan: Plan, seed: int = 2**31, slo: dict[str, SloReading] | None = None, **readings: Reading) -> Decision:
    snapshot = Snapshot(NOW, readings, {"r": slo or {}})
    return decide(plan, facts(), snapshot, decision_id="d", seed=seed)


def probes(plan: Plan, **readings: Reading) -> int:
    """Of many requests, how many are probes."""
    found = [decided(plan, seed * 7919, **readings).candidates[0] for seed in range(REQUESTS)]
    return sum(one.tier is Tier.PROBE for one in found)


def test_in_order_while_somebody_is_ready() -> None:
    assert decided(planned(), a=taking(3.0), b=taking(0.5), c=taking(1.5)).attempts == ("b", "a", "c")


def test_where_all_are_late_the_least_late_comes_first() -> None:
    assert decided(planned(), a=taking(100.0), b=taking(3.0), c=taking(1.5)).attempts == ("c", "b", "a")


def test_who_burned_the_budget_comes_before_those_that_are_much_later() -> None:
    burned = {"b": BURNED, "c": BURNED}
    assert decided(planned(), slo=burned, a=taking(1.5), b=taking(0.4), c=taking(5.0)).attempts == ("a", "b", "c")
    assert decided(planned(), slo=burned, a=taking(700.0), b=taking(0.4), c=taking(0.6)).attempts == ("b", "c", "a")


def test_what_is_late_is_probed_by_a_share_and_by_none_while_one_is_unanswered() -> None:
    plan, well = planned(probe_share=0.05), taking(0.5)
    assert 0.03 < probes(plan, a=taking(3.0), b=well, c=well) / REQUESTS < 0.07
    assert probes(plan, a=taking(3.0, ahead_tokens=200), b=well, c=well) == 0


def test_one_that_is_heard_to_be_late_needs_no_probe_and_one_that_only_burned_its_budget_does() -> None:
    plan, well = planned(probe_share=0.05), taking(0.5)
    assert probes(plan, a=taking(3.0, age_s=PROBE_EVERY_S / 2), b=well, c=well) == 0
    in_time = taking(3.0, age_s=PROBE_EVERY_S / 2)
    in_time = replace(in_time, latency=replace(in_time.latency, newest=0.2))
    assert 0.03 < probes(plan, a=in_time, b=well, c=well) / REQUESTS < 0.07
    burned = [
        decided(plan, seed * 7919, {"a": BURNED}, a=taking(0.5, age_s=0.0), b=well, c=well).candidates[0].tier
        for seed in range(REQUESTS)
    ]
    assert 0.03 < burned.count(Tier.PROBE) / REQUESTS < 0.07


def test_an_own_server_that_has_been_silent_for_longer_than_the_objective_is_late() -> None:
    of = catalogue(deployment("a", own=True), deployment("b"), deployment("c"))
    rule = Rule(name="r", slo=SloEntry(first_output=TargetEntry(under_s=1.0)), prefer=Prefer(order=["a", "b", "c"]))
    plan = compile_plan(Policy(rules=[rule]), of, number=1, default_deadline_s=60.0)
    silent = taking(0.1, silent_since=NOW - 1.5)
    assert decided(plan, a=silent, b=taking(0.5), c=taking(0.5)).attempts == ("b", "c", "a")
    assert decided(plan, a=taking(0.1, silent_since=NOW - 0.5), b=taking(0.5), c=taking(0.5)).attempts[0] == "a"
    assert decided(plan, a=silent, b=taking(1.2), c=taking(2.0)).attempts == (
        "b",
        "a",
        "c",
    )  # 1.5 times its time already
    assert decided(plan, a=taking(0.1), b=taking(0.5, silent_since=NOW - 9), c=taking(0.5)).attempts[1] == "b"


def test_more_probe_one_that_seems_to_be_back() -> None:
    plan, well = planned(probe_share=0.02), taking(0.5)
    seems_back = probes(plan, a=taking(10.0, falls=0.05), b=well, c=well)
    assert BACK_PROBE_SHARE * 0.8 < seems_back / REQUESTS < BACK_PROBE_SHARE * 1.2
    still_late = probes(plan, a=taking(10.0, falls=0.5), b=well, c=well)
    assert still_late / REQUESTS < 0.04


def test_the_total_is_predicted_for_the_lengths_that_occur_and_not_for_the_mean() -> None:
    of = catalogue(deployment("a"), deployment("b"))
    rule = Rule(name="r", slo=SloEntry(total=TargetEntry(under_s=10.0)), prefer=Prefer(order=["a", "b"]))
    plan = compile_plan(Policy(rules=[rule]), of, number=1, default_deadline_s=60.0)
    slow = replace(
        taking(0.1, output_tokens=100.0, output_lengths=Quantiles(50, 200, 400, 500)),
        latency=Latency(100, NOW, Line(0.1, 0.0, 0.0, STEADY), output_token=Quantiles(0.05, 0.05, 0.05, 0.05)),
    )
    decision = decide(plan, facts(), Snapshot(NOW, {"a": slow}, {}), decision_id="d", seed=2**31)
    late = next(one for one in decision.candidates if one.deployment == "a")
    assert late.tier is Tier.LATE
    assert late.total_s is not None
    assert abs(late.total_s - (0.1 + 399 * 0.05)) < 1e-6
