"""What attempts are charged: own hardware by its share, never more than was said, and with idle all that it cost."""

import pytest
from msgspec.structs import replace

from gateway.learning.readings import Readings
from gateway.values.decision import Candidate
from gateway.values.deployment import Hardware, Price
from gateway.values.usage import Usage
from tests.learning.attempts import attempt, decision, machine, used


def test_an_answer_of_own_hardware_is_charged_its_share_of_the_full_hardware() -> None:
    hardware = Hardware(gpu_hour_usd=3.6, tokens_per_s=1000.0)
    readings, one = Readings(), machine(hardware)
    readings.declare({"a": hardware}, 0.0)
    usage = Usage(prompt_tokens=300, completion_tokens=100, cached_tokens=200, reasoning_tokens=50, service_tier="x")
    assert readings.settled_usd(one, usage, decision(), 100.0) == pytest.approx(400 * 0.001 / 1000)
    assert readings.settled_usd(one, None, decision(), 100.0) is None


def test_an_answer_of_own_hardware_is_never_charged_more_than_the_decision_said() -> None:
    hardware = Hardware(gpu_hour_usd=3.6, tokens_per_s=1000.0)
    readings, one = Readings(), machine(hardware)
    readings.declare({"a": hardware}, 0.0)
    said = replace(decision(), candidates=(Candidate("b", most_usd=1e-9), Candidate("a", rank=0, most_usd=0.0003)))
    assert readings.settled_usd(one, used(300, 100), said, 100.0) == 0.0003


def test_an_answer_of_own_hardware_whose_rate_nobody_knows_costs_something_unknown() -> None:
    readings = Readings()
    readings.declare({"a": Hardware(gpu_hour_usd=3.6)}, 0.0)
    assert readings.settled_usd(machine(Hardware(gpu_hour_usd=3.6)), used(300, 100), decision(), 10.0) is None


def test_a_priced_deployment_charges_its_price() -> None:
    price, readings = Price(input_usd_per_mtok=1.0, output_usd_per_mtok=2.0), Readings()
    assert readings.settled_usd(machine(None, price), used(300, 100), decision(), 1.0) == pytest.approx(500e-6)
    assert readings.settled_usd(machine(None), used(300, 100), decision(), 1.0) is None


@pytest.mark.parametrize("declared", [None, 500.0, 2000.0, 20_000.0])
def test_charged_and_idle_are_what_the_hardware_cost_in_each_hour_and_charges_stay_as_they_were(
    declared: float | None,
) -> None:
    """A machine that serves 2,000 tokens a second when full: quiet, busy and full by turns, for three hours."""
    hardware = Hardware(gpu_hour_usd=5.0, tokens_per_s=declared)
    readings, one = Readings(), machine(hardware)
    readings.declare({"a": hardware}, 0.0)
    charged, now = 0.0, 0.0
    was = readings.accounts(0.0)["a"]
    for hour in range(3):
        while now < (hour + 1) * 3600.0:
            pause_s = (0.5, 5.0, 60.0)[int(now / 600) % 3]
            hold = readings.began("a", now)
            usd = readings.settled_usd(one, used(600, 400), decision(), now + 0.5)
            charged += usd or 0.0
            readings.ended(attempt(usage=used(600, 400)), hold, decision(), now + 0.5)
            now += pause_s
        is_now = readings.accounts((hour + 1) * 3600.0)["a"]
        assert is_now.charged == pytest.approx(charged)
        cost = is_now.charged - was.charged + is_now.idle - was.idle
        assert cost == pytest.approx(5.0, rel=0.01)
        assert is_now.idle >= was.idle
        was = is_now
