"""What an attempt will cost: the most, what is expected, and a spill where hardware is full."""

import math
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.routing.cost import expected_usd, is_saturated, most_usd, with_spills
from gateway.values.deployment import Capability, Deployment, Hardware, Hosting, Price, PriceTier, Timeouts
from gateway.values.request import Facts
from gateway.values.sensitivity import Sensitivity
from gateway.values.snapshot import UNREAD, OwnCost, Reading
from gateway.values.surface import Surface
from gateway.values.usage import Usage, cost_usd

PRICE = Price(input_usd_per_mtok=1.0, output_usd_per_mtok=10.0, cached_input_usd_per_mtok=0.1)


def deployment(**fields: Any) -> Deployment:
    least: dict[str, Any] = {
        "name": "d", "provider": "openai", "model": "m", "base_url": "http://h/v1", "hosting": Hosting.COMMERCIAL,
        "region": None, "clearance": Sensitivity.PUBLIC, "capabilities": frozenset(), "context_tokens": None,
        "max_output_tokens": None, "price": PRICE, "timeouts": Timeouts(),
    }  # fmt: skip
    return Deployment(**{**least, **fields})


def facts(bound: int | None = 500, *, choices: int = 1, needs: frozenset[Capability] = frozenset()) -> Facts:
    return Facts(
        model="m", sensitivity=Sensitivity.PUBLIC, needs=needs, prompt_tokens=7, max_output_tokens=bound, stream=False,
        choices=choices,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("bound", "limit", "context", "output"),
    [
        (500, None, None, 500),
        (500, 800, 4000, 500),
        (None, 800, 4000, 800),
        (None, None, 4000, 3000),
        (None, None, 900, 0),
        (None, None, None, None),
    ],
)
def test_the_most_is_all_the_output_there_can_be(
    bound: int | None, limit: int | None, context: int | None, output: int | None
) -> None:
    one = deployment(max_output_tokens=limit, context_tokens=context)
    cost = most_usd(one, facts(bound, choices=3), UNREAD, 1000)
    assert cost == (None if output is None else pytest.approx((1000 * 1.0 + 3 * output * 10.0) / 1e6))
    assert expected_usd(one, facts(bound, choices=3), UNREAD, 1000) == cost


@pytest.mark.parametrize(("learned", "bound", "output"), [(50.5, 500, 50.5), (900.0, 500, 500), (900.0, None, 900.0)])
def test_expected_is_what_answers_lately_had(learned: float, bound: int | None, output: float) -> None:
    cost = expected_usd(deployment(), facts(bound, choices=2), Reading(output_tokens=learned), 1000)
    assert cost == pytest.approx((1000 * 1.0 + 2 * output * 10.0) / 1e6)


def test_unknown_stays_unknown() -> None:
    for one in (deployment(price=None), deployment(price=Price()), deployment(price=Price(input_usd_per_mtok=1.0))):
        assert most_usd(one, facts(), UNREAD, 10) is None
        assert expected_usd(one, facts(), UNREAD, 10) is None


def test_tiers_service_tiers_and_fees() -> None:
    tiers = (PriceTier(200, Price(input_usd_per_mtok=2.0, output_usd_per_mtok=20.0, request_usd=0.5)),)
    flex = Price(input_usd_per_mtok=0.5, output_usd_per_mtok=5.0)
    price = msgspec.structs.replace(PRICE, tiers=tiers, service_tiers={"flex": flex}, request_usd=0.25)
    for predict in (most_usd, expected_usd):
        one = deployment(price=price)
        assert predict(one, facts(10), UNREAD, 200) == pytest.approx(300e-6 + 0.25)
        assert predict(one, facts(10), UNREAD, 201) == pytest.approx(602e-6 + 0.5)
        assert predict(one, facts(10), UNREAD, 201, "flex") == pytest.approx(150.5e-6)
        assert predict(one, facts(10), UNREAD, 201, "priority") is None


def test_nothing_bounds_what_a_providers_own_tools_cost() -> None:
    asked = msgspec.structs.replace(facts(10), own_tools=True)
    theirs, none = deployment(own_tools=frozenset({Surface.CHAT})), deployment()
    assert most_usd(theirs, asked, UNREAD, 200) is None
    assert expected_usd(theirs, asked, UNREAD, 200) == pytest.approx(300e-6)
    assert most_usd(none, asked, UNREAD, 200) == most_usd(theirs, facts(10), UNREAD, 200) == pytest.approx(300e-6)


def test_the_most_takes_every_token_at_its_dearest() -> None:
    price = msgspec.structs.replace(PRICE, cache_write_usd_per_mtok=1.25, reasoning_usd_per_mtok=30.0)
    assert most_usd(deployment(price=price), facts(100), UNREAD, 100) == pytest.approx(3125e-6)
    assert expected_usd(deployment(price=price), facts(100), UNREAD, 100) == pytest.approx(1100e-6)


def test_audio() -> None:
    needs = frozenset({Capability.AUDIO, Capability.TOOLS})
    price = msgspec.structs.replace(PRICE, input_audio_usd_per_mtok=40.0, output_audio_usd_per_mtok=80.0)
    for predict in (most_usd, expected_usd):
        assert predict(deployment(price=price), facts(10, needs=needs), UNREAD, 10) == pytest.approx(1200e-6)
        assert predict(deployment(price=price), facts(10, needs=needs - {Capability.AUDIO}), UNREAD, 10) == 110e-6
        assert predict(deployment(price=PRICE), facts(10, needs=needs), UNREAD, 10) is None


def test_own_hardware_costs_its_marginal_price() -> None:
    declared = deployment(price=None, own_cost=Hardware(gpu_hour_usd=3.6, tokens_per_s=1000.0))
    silent = deployment(price=None, own_cost=Hardware(gpu_hour_usd=3.6))
    read = Reading(output_tokens=50.0, own_cost=OwnCost(77.0, 4.0, 0.0))
    assert most_usd(declared, facts(100), UNREAD, 900) == pytest.approx(1000 * 1.0 / 1e6)
    assert most_usd(silent, facts(100), UNREAD, 900) is None
    assert expected_usd(silent, facts(100), Reading(own_cost=OwnCost(77.0, None, 0.0)), 900) is None
    for one in (declared, silent):
        assert most_usd(one, facts(100), read, 900) == pytest.approx(1000 * 4.0 / 1e6)
        assert expected_usd(one, facts(100), read, 900) == pytest.approx(950 * 4.0 / 1e6)


parts = st.none() | st.floats(0.01, 50)
prices = st.builds(
    Price, input_usd_per_mtok=st.floats(0.01, 50), output_usd_per_mtok=st.floats(0.01, 50),
    cached_input_usd_per_mtok=parts, cache_write_usd_per_mtok=parts, reasoning_usd_per_mtok=parts,
    request_usd=st.floats(0, 0.1),
)  # fmt: skip


@given(prices, st.integers(0, 5000), st.integers(1, 5000), st.floats(0, 6000), st.data())
def test_no_answer_within_its_bounds_costs_more_than_the_most(
    price: Price, prompt: int, bound: int, learned: float, data: st.DataObject
) -> None:
    cached = data.draw(st.integers(0, prompt))
    said = data.draw(st.integers(0, bound))
    usage = Usage(
        prompt_tokens=prompt, completion_tokens=said, cached_tokens=cached,
        cache_write_tokens=data.draw(st.integers(0, prompt - cached)), reasoning_tokens=data.draw(st.integers(0, said)),
    )  # fmt: skip
    one, asked = deployment(price=price), facts(bound)
    most, cost = most_usd(one, asked, UNREAD, prompt), cost_usd(price, usage)
    expected = expected_usd(one, asked, Reading(output_tokens=learned), prompt)
    assert most is not None
    assert expected is not None
    assert expected <= most * (1 + 1e-9)
    assert cost is None or cost <= most * (1 + 1e-9)


@pytest.mark.parametrize(("busy", "saturated"), [(None, False), (0.0, False), (0.999, False), (1.0, True)])
def test_saturated(busy: float | None, saturated: bool) -> None:
    assert is_saturated(Reading(own_cost=OwnCost(1.0, 1.0, busy))) is saturated


def test_never_read_is_not_saturated() -> None:
    assert not is_saturated(UNREAD)


@pytest.mark.parametrize(
    ("expected", "saturated", "resolved"),
    [
        ([0.1, 0.5, 0.9], [False, False, False], [0.1, 0.5, 0.9]),
        ([0.1, 0.5, 0.9], [True, False, False], [0.5, 0.5, 0.9]),
        ([0.1, 0.5, 0.9], [True, True, False], [0.9, 0.9, 0.9]),
        ([0.1, 0.5, 0.9], [True, True, True], [0.1, 0.5, 0.9]),
        ([0.7, 0.5, 0.9], [True, False, False], [0.7, 0.5, 0.9]),
        ([0.1, None, 0.9], [True, False, False], [0.9, None, 0.9]),
        ([0.1, None], [True, False], [None, None]),
        ([None, 0.5], [True, False], [None, 0.5]),
        ([0.1], [True], [0.1]),
        ([], [], []),
    ],
)
def test_spills(expected: list[float | None], saturated: list[bool], resolved: list[float | None]) -> None:
    assert with_spills(expected, saturated) == resolved


candidates = st.lists(st.tuples(st.none() | st.floats(0, 10), st.booleans()), max_size=8)


@given(candidates)
def test_to_be_full_makes_nothing_cheaper_and_touches_nobody_else(found: list[tuple[float | None, bool]]) -> None:
    assume(any(full for _, full in found))
    resolved = with_spills([usd for usd, _ in found], [full for _, full in found])
    for (usd, full), now in zip(found, resolved, strict=True):
        assert full or now == usd
        assert now is None or usd is None or now >= usd
        assert usd is not None or now is None
        assert now is None or math.isfinite(now)
