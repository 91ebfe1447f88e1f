"""What own machines cost: an answer pays its share of the full machine, and never more than the decision said."""

import time

import pytest

from tests.support.example import Example

EXAMPLE = "latency-first"
USD_PER_S = 2.0 / 3600
USD_PER_TOKEN = USD_PER_S / 2500


def own_hardware(example: Example) -> tuple[float, float, float]:
    """US dollars since the start: cost, charged, idle."""
    series = dict(line.rsplit(" ", 1) for line in example.metrics().splitlines() if not line.startswith("#"))
    names = ("own_hardware_cost_usd", "cost_usd", "own_hardware_idle_usd")
    return tuple(float(series.get(f'gateway_{name}_total{{deployment="near"}}', 0.0)) for name in names)  # type: ignore[return-value]


def test_an_answer_costs_its_share_of_the_full_machine(example: Example) -> None:
    charged = own_hardware(example)[1]
    for _ in range(10):
        answer = example.ask(model="near")
        usage = answer.last["usage"]
        usd = (usage["prompt_tokens"] + usage["completion_tokens"]) * USD_PER_TOKEN
        charged += answer.last["cost_usd"]
        assert 0 < answer.last["cost_usd"] <= usd * (1 + 1e-9)
        assert answer.last["cost_usd"] <= answer.candidate("near").get("most_usd", usd)
        assert float(answer.headers["x-gateway-cost-usd"]) == pytest.approx(answer.last["cost_usd"], abs=1e-9)
        own = answer.candidate("near")["reading"]["own_cost"]
        assert own["marginal_usd_per_mtok"] == pytest.approx(USD_PER_TOKEN * 1e6)
    cost, counted, idle = own_hardware(example)
    assert counted == pytest.approx(charged)
    assert counted + idle <= cost


def test_a_request_is_charged_at_most_what_its_ceiling_says(example: Example) -> None:
    """Also where the machine was idle for long before."""
    example.wait_for(lambda: time.time() > example.started + 1, within_s=5)
    answer = example.ask(model="near", max_tokens=20, headers={"x-gateway-max-cost-usd": "0.00005"})
    assert answer.by == "near"
    assert float(answer.headers["x-gateway-cost-usd"]) <= 0.00005
    assert answer.candidate("near")["most_usd"] <= 0.00005
