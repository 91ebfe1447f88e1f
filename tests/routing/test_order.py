"""The order of those that are eligible: what is unknown comes second, and the quick way to a score is the slow one's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.routing.compile import compile_plan
from gateway.routing.decide import decide
from gateway.routing.document import Policy, Prefer, Rule, SloEntry, TargetEntry
from gateway.routing.scores import known_scores, total_scores
from gateway.values.deployment import Catalogue, Deployment, Hosting, Model, Price, Timeouts
from gateway.values.request import Facts
from gateway.values.sensitivity import Sensitivity
from gateway.values.snapshot import Latency, Line, Quantiles, Reading, Snapshot

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
