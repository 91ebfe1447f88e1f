"""Charged plus idle equals what the hardware cost, whatever happens, in each hour."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.state.hardware_account import GRACE_S, HardwareAccount
from gateway.values.deployment import Hardware

GPU = Hardware(gpu_hour_usd=3.6)  # 0.001 USD a second
START = 1_790_000_000.0
HOUR = 3600.0


def test_an_idle_hour_is_idle() -> None:
    stands = HardwareAccount(GPU, START).account(START + HOUR)
    assert stands.hardware == pytest.approx(3.6)
    assert stands.charged == 0
    assert stands.idle == pytest.approx(3.6 - GRACE_S * 0.001)
    assert stands.unsettled == pytest.approx(GRACE_S * 0.001)


def test_a_full_machine_charges_all_that_it_costs_though_its_tokens_a_second_were_declared_at_half() -> None:
    one = HardwareAccount(GPU, START)
    for second in range(3600):
        one.began(second, START + second)
        one.charge(0.002, START + second + 1)
        one.ended(second, START + second + 1)
    stands = one.account(START + HOUR)
    assert stands.charged == pytest.approx(3.6, rel=0.01)
    assert stands.charged <= 3.6
    assert stands.idle == pytest.approx(0.0, abs=1e-9)


def test_a_lone_long_answer_pays_for_the_time_that_it_took() -> None:
    one = HardwareAccount(GPU, START)
    one.began(1, START + 1000)
    assert one.charge(0.29, START + 1300) == 0.29
    one.ended(1, START + 1300)
    assert one.account(START + 1300).idle == pytest.approx(1.0 - 0.03 + 0.01)


def test_answers_that_end_at_the_same_time_all_pay_something() -> None:
    one = HardwareAccount(GPU, START)
    paid = [one.charge(1.0, START + 10) for _ in range(5)]
    assert all(usd > 0 for usd in paid)
    assert sum(paid) <= 0.01


def test_a_clock_that_jumps_back_stands_still() -> None:
    one = HardwareAccount(GPU, START)
    was = one.account(START + 100)
    one.began(1, START - 10**6)
    one.charge(0.001, START - 10**6)
    one.ended(1, START - 10**6)
    assert one.account(START + 100).hardware == was.hardware


events = st.lists(
    st.tuples(st.floats(0, 7200), st.floats(0, 120), st.floats(0, 0.5)), max_size=80
)  # began after, took, should pay


@given(events)
def test_charged_and_idle_add_up_to_the_hardware_and_idle_is_never_negative(
    happened: list[tuple[float, float, float]],
) -> None:
    one = HardwareAccount(GPU, START)
    moments = sorted(
        [(began, 0, ticket, 0.0) for ticket, (began, _, _) in enumerate(happened)]
        + [(began + took, 1, ticket, usd) for ticket, (began, took, usd) in enumerate(happened)]
    )
    idle = 0.0
    for at, is_end, ticket, usd in moments:
        if is_end:
            assert 0 <= one.charge(usd, START + at) <= usd
            one.ended(ticket, START + at)
        else:
            one.began(ticket, START + at)
        stands = one.account(START + at)
        assert stands.hardware == pytest.approx(at * 0.001, abs=1e-6)
        assert stands.charged + stands.idle + stands.unsettled == pytest.approx(stands.hardware, abs=1e-9)
        assert stands.idle >= idle
        assert stands.unsettled >= 0
        idle = stands.idle
