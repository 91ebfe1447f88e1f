"""The order of those that are eligible: what is unknown comes second, and the quick way to a score is the slow one's."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.learning.readings import Readings
from gateway.routing.compile import compile_plan
from gateway.routing.decide import decide
from gateway.routing.document import Mix, Policy, Prefer, Rule, SloEntry, TargetEntry
from gateway.routing.scores import known_scores, total_scores
from gateway.values.deployment import Catalogue, Deployment, Hosting, Model, Price, Timeouts
from gateway.values.outcome import Outcome
from gateway.values.records import Attempt
from gateway.values.request import Facts
from gateway.values.sensitivity import Sensitivity
from gateway.values.snapshot import Latency, Line, Quantiles, Reading, Snapshot
from gateway.values.usage import Usage

PARTS = st.none() | st.just(0.0) | st.floats(1e-6, 1e3)
ROWS = st.lists(st.tuples(PARTS, PARTS, st.none() | st.floats(0, 1), st.integers(0, 90)), max_size=6)
MIXES = st.lists(st.integers(0, 3), min_size=4, max_size=4).filter(any)


@given(ROWS, MIXES)
def test_known_scores_are_total_scores(rows: list[tuple[float | None, ...]], weights: list[int]) -> None:
    by_cost, by_latency, by_quality, by_load = (weight / sum(weights) for weight in weights)
    mix = (by_cost, by_latency, by_quality, by_load)
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    known, total = known_scores(mix, columns), total_scores(mix, columns)
    weighed = [value for row in rows for value, weight in zip(row, weights, strict=True) if weight]
    if known is None:
        assert not rows or None in weighed or 0.0 in weighed
    else:
        assert known == pytest.approx(total)


@pytest.mark.parametrize("seed", range(8))
def test_one_that_was_not_read_comes_second(seed: int) -> None:
    """With an objective that its latency would be held against; whatever its price."""
    deployments = {
        name: Deployment(
            name=name, provider="openai", model="m", base_url=f"http://{name}/v1", hosting=Hosting.COMMERCIAL, region=None,
            clearance=Sensitivity.PUBLIC, capabilities=frozenset(), context_tokens=1000, max_output_tokens=None,
            price=Price(input_usd_per_mtok=usd, output_usd_per_mtok=usd), timeouts=Timeouts(),
        )
        for name, usd in {"cheap": 1.0, "dear": 9.0, "new": 4.0}.items()
    }  # fmt: skip
    catalogue = Catalogue(deployments=deployments, models={"m": Model(name="m", deployments=tuple(deployments))})
    slo = SloEntry(first_output=TargetEntry(under_s=1.0))
    rule = Rule(name="only", prefer=Prefer(objective="cost", explore=0.0), slo=slo)
    plan = compile_plan(Policy(rules=[rule]), catalogue, number=1, default_deadline_s=60)
    read = Reading(latency=Latency(9, 0.0, first_output=Line(0.1, 0.0, 0.0, Quantiles(1.0, 1.0, 1.0, 1.0))))
    world = Snapshot(0.0, {"cheap": read, "dear": read})
    facts = Facts(
        model="m", sensitivity=Sensitivity.PUBLIC, needs=frozenset(), prompt_tokens=9, max_output_tokens=9, stream=True
    )
    assert decide(plan, facts, world, decision_id="d", seed=seed).attempts == ("cheap", "new", "dear")


def unpriced(name: str, quality: float | None = None) -> Deployment:
    return Deployment(
        name=name, provider="openai", model="m", base_url=f"http://{name}/v1", hosting=Hosting.COMMERCIAL, region=None,
        clearance=Sensitivity.PUBLIC, capabilities=frozenset(), context_tokens=1000, max_output_tokens=None, price=None,
        timeouts=Timeouts(), quality=quality,
    )  # fmt: skip


def firsts(prefer: Prefer, takes_s: dict[str, float], *, stream: bool, quality: dict[str, float | None]) -> list[str]:
    """Who was asked first, of so many requests, each learned from before the next one."""
    deployments = {name: unpriced(name, quality[name]) for name in takes_s}
    catalogue = Catalogue(deployments=deployments, models={"m": Model(name="m", deployments=tuple(deployments))})
    plan = compile_plan(Policy(rules=[Rule(name="r", prefer=prefer)]), catalogue, number=1, default_deadline_s=60)
    facts = Facts(
        model="m",
        sensitivity=Sensitivity.PUBLIC,
        needs=frozenset(),
        prompt_tokens=9,
        max_output_tokens=9,
        stream=stream,
    )
    readings, found = Readings(), []
    for number in range(1000):
        now = 1000.0 + number
        decision = decide(plan, facts, readings.snapshot(now), decision_id="d", seed=number * 7919)
        (name, *_), seconds = decision.attempts, takes_s[decision.attempts[0]]
        hold = readings.began(name, now)
        attempt = Attempt(
            deployment=name, outcome=Outcome.OK, started_s=0.0, duration_s=seconds, first_output_s=seconds if stream else None,
            usage=Usage(prompt_tokens=9, completion_tokens=9), in_flight=hold.in_flight,
        )  # fmt: skip
        readings.ended(attempt, hold, decision, now + seconds)
        found.append(name)
    return found


@pytest.mark.parametrize("slow", ["a", "b", "c"])  # one of them is asked first
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("objective", ["latency", Mix(latency=1, load=1), Mix(latency=3, quality=1)])
def test_the_fastest_is_found_though_nobody_has_a_price(objective: Any, stream: bool, slow: str) -> None:
    """A price that the objective does not weigh is nothing that is lacking."""
    quality = dict.fromkeys("abc", 0.5)
    found = firsts(
        Prefer(objective=objective), dict.fromkeys("abc", 0.02) | {slow: 0.3}, stream=stream, quality=quality
    )
    assert found[-500:].count(slow) < 25
    assert found.count(slow) < 300


def test_what_no_answer_teaches_is_not_explored() -> None:
    """`a` has no quality, and none of its answers says it."""
    quality = {"a": None, "b": 0.5, "c": 0.4}
    prefer = Prefer(objective=Mix(quality=1, latency=1), explore=0.2)
    found = firsts(prefer, {"a": 0.02, "b": 0.02, "c": 0.02}, stream=True, quality=quality)
    assert found[50:].count("a") == 0
    assert found.count("c") > 0
