"""What self-hosted deployments really served: every number against a plain list of what happened."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.state.served import SLICES, Served
from gateway.values.deployment import Hardware
from gateway.values.snapshot import OwnCost

GPU = Hardware(gpu_hour_usd=3.6, gpus=2.0)  # 0.002 USD a second; slices of a minute
START = 1_790_000_000.0


def served(hardware: Hardware) -> Served:
    one = Served()
    one.declare({"d": hardware}, START)
    return one


def read(one: Served, after_s: float, in_flight: int = 0) -> OwnCost:
    cost = one.own_cost("d", in_flight, START + after_s)
    assert cost is not None
    return cost


def test_nothing_is_known_at_first() -> None:
    one = served(GPU)
    assert read(one, 0) == OwnCost(None, None, None)
    one.count("d", 1000, START + 1)
    assert read(one, 59) == OwnCost(None, None, None)
    assert read(one, 60) == OwnCost(
        pytest.approx(0.002 * 60 / 1000 * 1e6), pytest.approx(0.002 * 60 / 1000 * 1e6), None
    )


def test_the_example_in_the_documentation() -> None:
    one = served(Hardware(gpu_hour_usd=2.5, gpus=1.0, tokens_per_s=2500.0, concurrent=64))
    for minute in range(60):
        one.count("d", 20_000, START + minute * 60 + 30)
    cost = read(one, 3599.9, in_flight=16)
    assert cost.average_usd_per_mtok == pytest.approx(2.5 / 1.2, rel=1e-3)
    assert cost.marginal_usd_per_mtok == pytest.approx(0.2778, rel=1e-3)
    assert cost.busy == 0.25


def test_unasked_hardware_is_paid_by_the_tokens_that_were_served() -> None:
    one = served(GPU)
    one.count("d", 1000, START + 1)
    costs = [read(one, minute * 60).average_usd_per_mtok or 0.0 for minute in range(1, SLICES)]
    assert costs == pytest.approx([0.002 * minute * 60 / 1000 * 1e6 for minute in range(1, SLICES)])


def test_after_a_window_without_tokens_nothing_is_known_again_but_how_fast_it_was() -> None:
    one = served(GPU)
    one.count("d", 6000, START + 1)
    assert read(one, 3599).average_usd_per_mtok is not None
    later = read(one, 3600)
    assert later.average_usd_per_mtok is None
    assert later.marginal_usd_per_mtok == pytest.approx(0.002 / (6000 / 60) * 1e6)
    assert read(one, 10**7) == later


def test_marginal_is_what_was_declared_or_else_the_best_whole_slice() -> None:
    declared, observed = served(Hardware(gpu_hour_usd=3.6, tokens_per_s=500.0)), served(Hardware(gpu_hour_usd=3.6))
    for one in (declared, observed):
        for second, tokens in ((10, 600), (70, 6000), (130, 60), (190, 10**6)):
            one.count("d", tokens, START + second)
    assert read(declared, 200).marginal_usd_per_mtok == pytest.approx(0.001 / 500 * 1e6)
    assert read(observed, 200).marginal_usd_per_mtok == pytest.approx(0.001 / 100 * 1e6)


@pytest.mark.parametrize(("in_flight", "busy"), [(0, 0.0), (4, 0.5), (8, 1.0), (9, 1.0)])
def test_busy_by_requests_in_flight(in_flight: int, busy: float) -> None:
    one = served(Hardware(gpu_hour_usd=1.0, concurrent=8, tokens_per_s=1.0))
    one.count("d", 10**9, START + 1)
    assert read(one, 5, in_flight).busy == busy


def test_busy_by_tokens() -> None:
    one = served(Hardware(gpu_hour_usd=1.0, tokens_per_s=100.0))
    assert read(one, 59).busy is None
    one.count("d", 3000, START + 59)
    assert read(one, 60).busy == pytest.approx(0.5)
    one.count("d", 1500, START + 90)
    assert read(one, 90).busy == pytest.approx(0.5)
    assert read(one, 120).busy == pytest.approx(0.25)
    one.count("d", 10**6, START + 120)
    assert read(one, 120).busy == 1.0
    assert read(one, 300).busy == 0.0


def test_busy_is_unknown_if_nothing_was_declared() -> None:
    one = served(GPU)
    one.count("d", 10**6, START + 1)
    assert read(one, 90, 1000).busy is None


def test_deployments_without_hardware() -> None:
    one = served(GPU)
    one.count("other", 5, START)
    assert one.own_cost("other", 0, START + 100) is None
    assert read(one, 100).average_usd_per_mtok is None


def test_a_new_declaration_keeps_what_did_not_change() -> None:
    one = Served()
    one.declare({"a": GPU, "b": GPU, "c": GPU}, START)
    for name in "abc":
        one.count(name, 100, START + 1)
    one.declare({"a": GPU, "b": Hardware(gpu_hour_usd=1.0)}, START + 100)
    known = [one.own_cost(name, 0, START + 120) for name in "abc"]
    assert known[0] is not None
    assert known[0].average_usd_per_mtok is not None
    assert known[1:] == [OwnCost(None, None, None), None]


def test_a_clock_that_jumps_back_stands_still() -> None:
    one = served(GPU)
    one.count("d", 100, START + 120)
    was = read(one, 120)
    one.count("d", 100, START - 10**6)
    now = read(one, 60)
    assert was.average_usd_per_mtok is not None
    assert now.average_usd_per_mtok == pytest.approx(was.average_usd_per_mtok / 2)


events = st.lists(st.tuples(st.floats(0, 400), st.integers(0, 10**6)), max_size=60)


@given(events, st.floats(0, 500), st.sampled_from([60.0, 90.0, 600.0]))
def test_tokens_of_the_window_pay_for_the_hardware_of_the_window(
    happened: list[tuple[float, int]], more_s: float, window_s: float
) -> None:
    hardware = Hardware(gpu_hour_usd=7.2, window_s=window_s)
    one = served(hardware)
    happened.sort()
    for at, tokens in happened:
        one.count("d", tokens, START + at)
    end = (happened[-1][0] if happened else 0.0) + more_s
    cost = read(one, end)
    length = window_s / SLICES
    oldest = max(slice_at(end, length) - SLICES + 1, 0)
    inside = sum(tokens for at, tokens in happened if slice_at(at, length) >= oldest)
    if slice_at(end, length) == 0 or inside == 0:
        assert cost.average_usd_per_mtok is None
    else:
        paid = cost.average_usd_per_mtok * inside / 1e6
        assert paid == pytest.approx(0.002 * (end - oldest * length), abs=1e-8)
        assert paid <= 0.002 * window_s + 1e-8


def slice_at(after_s: float, length: float) -> int:
    """Rounded as wall-clock seconds are: a boundary may be a microsecond off."""
    return int((START + after_s - START) / length)
