"""What own machines cost: their price by the hour over the tokens that they served, shown with each answer.

The window is half a minute instead of an hour, so that its first slice is over after half a second.
"""

import time
from typing import Any

import pytest

from tests.support.example import Example, wait_for

EXAMPLE = "latency-first"
USD_PER_S = 2.0 / 3600
SLICE_S = 0.5


def PATCH(document: dict[str, Any]) -> None:  # noqa: N802 - read by the fixture
    document["deployments"]["near"]["own_cost"]["window_s"] = 60 * SLICE_S


def test_an_answer_costs_its_share_of_what_the_machine_cost(example: Example) -> None:
    wait_for(lambda: time.time() > example.started + SLICE_S, within_s=5)
    served = 0
    for _ in range(10):
        answer = example.ask(model="near")
        usage = answer.last["usage"]
        tokens = usage["prompt_tokens"] + usage["completion_tokens"]
        served += tokens
        at = answer.decision["at"]
        lowest = USD_PER_S * (at - example.started) * tokens / served
        highest = USD_PER_S * (time.time() - example.began) * tokens / served
        assert lowest <= answer.last["cost_usd"] <= highest
        assert float(answer.headers["x-gateway-cost-usd"]) == pytest.approx(answer.last["cost_usd"], abs=1e-9)
        assert answer.candidate("near")["reading"]["own_cost"]["marginal_usd_per_mtok"] == pytest.approx(
            USD_PER_S / 2500 * 1e6
        )


def test_before_anything_is_known_its_cost_is_unknown_and_not_0(example: Example) -> None:
    reading = example.ask(model="near").candidate("near")["reading"]["own_cost"]
    assert 0 <= reading["busy"] < 0.1
    assert reading["average_usd_per_mtok"] > reading["marginal_usd_per_mtok"]
