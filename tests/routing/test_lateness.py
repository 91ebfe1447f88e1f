"""Who is late without an objective: past the deadline, the caller's own, a limit; or behind a queue that outgrows the work."""

from typing import Any

import pytest

from gateway.routing.compile import compile_plan
from gateway.routing.decide import decide
from gateway.routing.document import Limits, Policy, Prefer, Rule, SloEntry, TargetEntry
from gateway.values.decision import Decision, Tier
from gateway.values.deployment import Hosting
from gateway.values.snapshot import Latency, Line, Quantiles, Reading, Snapshot
from tests.insight.worlds import catalogue, deployment, facts

NOW = 1_000.0
STEADY = Quantiles(1.0, 1.0, 1.0, 1.0)
DEADLINE_S = 60.0
QUEUE_S = DEADLINE_S / 60


def learned(base_s: float, per_in_flight_s: float = 0.0, *, whole: bool = False, age_s: float = 1.0) -> Latency:
    line = Line(base_s, 0.0, per_in_flight_s, STEADY)
    return Latency(100, NOW - age_s, None if whole else line, None if whole else STEADY, line if whole else None)


def decided(
    a: Reading,
    limits: dict[str, Any] | None = None,
    *,
    deadline_s: float | None = None,
    stream: bool = True,
    own: bool = True,
    slo: SloEntry | None = None,
) -> Decision:
    hosting = Hosting.SELF_HOSTED if own else Hosting.COMMERCIAL
    of = catalogue(deployment("a", hosting=hosting), deployment("b"))
    rule = Rule(
        name="r",
        prefer=Prefer(order=["a", "b"]),
        limits=Limits(**{"deadline_s": DEADLINE_S, **(limits or {})}),
        slo=slo,
    )
    plan = compile_plan(Policy(rules=[rule]), of, number=1, default_deadline_s=600.0)
    asked = facts(stream=stream)
    return decide(plan, asked, Snapshot(NOW, {"a": a}), decision_id="d", seed=2**31, deadline_s=deadline_s)


def first(*args: Any, **more: Any) -> str:
    return decided(*args, **more).attempts[0]


def test_a_forecast_past_the_deadline_is_late() -> None:
    late = decided(Reading(latency=learned(DEADLINE_S + 1)))
    assert late.attempts == ("b", "a")
    assert [one.tier for one in late.candidates] == [Tier.READY, Tier.LATE]
    assert first(Reading(latency=learned(DEADLINE_S - 1))) == "a"
    assert first(Reading(latency=learned(DEADLINE_S + 1)), own=False) == "b"


def test_so_is_one_past_the_callers_own() -> None:
    assert first(Reading(latency=learned(3.0))) == "a"
    assert first(Reading(latency=learned(3.0)), deadline_s=2.0) == "b"
    assert (
        first(Reading(latency=learned(3.0)), deadline_s=2.0, slo=SloEntry(first_output=TargetEntry(under_s=9))) == "b"
    )


def test_and_one_past_the_limit_of_a_streams_first_output() -> None:
    assert first(Reading(latency=learned(3.0)), {"first_output_s": 2}) == "b"
    assert first(Reading(latency=learned(3.0, whole=True)), {"first_output_s": 2}, stream=False) == "a"


@pytest.mark.parametrize("stream", [True, False])
def test_a_queue_that_outgrows_the_work_is_late_without_an_objective(stream: bool) -> None:
    """Each that is there adds 0.1 s."""
    quick, slow = learned(0.2, 0.1, whole=not stream), learned(3.0, 0.1, whole=not stream)
    more = {"stream": stream}
    assert first(Reading(latency=quick, in_flight=9, output_tokens=1.0), **more) == "a"
    assert first(Reading(latency=quick, in_flight=11, output_tokens=1.0), **more) == "b"
    assert first(Reading(latency=slow, in_flight=29, output_tokens=1.0), **more) == "a"  # as long as alone: 3 s
    assert first(Reading(latency=slow, in_flight=31, output_tokens=1.0), **more) == "b"
    assert first(Reading(latency=quick, in_flight=500, output_tokens=1.0), own=False, **more) == "a"


def test_who_has_more_time_waits_longer() -> None:
    crowded = Reading(latency=learned(0.2, 0.1), in_flight=100)
    assert first(crowded) == "b"
    assert first(crowded, {"deadline_s": 1800}) == "a"


def test_an_objective_says_itself_how_long_a_queue_may_be() -> None:
    slo = SloEntry(first_output=TargetEntry(under_s=20))
    assert first(Reading(latency=learned(0.2, 0.1), in_flight=100), slo=slo) == "a"


def test_gauges_and_silence_count_before_anything_was_learned() -> None:
    assert first(Reading(wait_s=QUEUE_S / 2)) == "a"
    assert first(Reading(wait_s=QUEUE_S * 2)) == "b"
    assert first(Reading(in_flight=3, silent_since=NOW - QUEUE_S / 2)) == "a"
    assert first(Reading(in_flight=3, silent_since=NOW - QUEUE_S * 2)) == "b"
    assert first(Reading(in_flight=3, silent_since=NOW - QUEUE_S * 2), own=False) == "a"


def test_what_is_old_makes_nobody_late() -> None:
    assert first(Reading(latency=learned(0.2, 0.1, age_s=61.0), in_flight=100)) == "a"
    assert first(Reading(latency=learned(DEADLINE_S + 1, age_s=61.0))) == "a"


def test_who_is_late_and_idle_is_probed_by_a_few() -> None:
    late = learned(DEADLINE_S + 1, age_s=5.0)
    plan_of = compile_plan(
        Policy(rules=[Rule(name="r", prefer=Prefer(order=["a", "b"]), limits=Limits(deadline_s=DEADLINE_S))]),
        catalogue(deployment("a", hosting=Hosting.SELF_HOSTED), deployment("b")), number=1, default_deadline_s=600.0,
    )  # fmt: skip
    for in_flight, least, most in ((0, 10, 80), (1, 0, 0)):
        world = Snapshot(NOW, {"a": Reading(latency=late, in_flight=in_flight)})
        found = [decide(plan_of, facts(), world, decision_id="d", seed=n * 7919).candidates[0] for n in range(2000)]
        assert least <= sum(one.tier is Tier.PROBE for one in found) <= most
