"""What usage costs: parts add up, what is unknown stays so, more of a part never costs less."""

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.values.deployment import Price, PriceTier
from gateway.values.usage import Usage, cost_usd

PARTS = (
    "input_usd_per_mtok", "output_usd_per_mtok", "cached_input_usd_per_mtok", "cache_write_usd_per_mtok",
    "reasoning_usd_per_mtok", "input_audio_usd_per_mtok", "output_audio_usd_per_mtok", "cache_write_1h_usd_per_mtok",
)  # fmt: skip
TOKENS = ("fresh", "text", "cached", "written", "reasoning", "heard", "spoken", "kept")  # in the order of PARTS
usd = st.floats(0, 100)
full_prices = st.builds(Price, **dict.fromkeys(PARTS, usd), request_usd=st.floats(0, 1))
counts = st.integers(0, 10**6)


@st.composite
def splits(draw: st.DrawFn) -> dict[str, int]:
    """Disjoint parts; audio in a prompt excludes cached and written tokens, as usage cannot tell them apart."""
    found = {name: draw(counts) for name in TOKENS}
    for name in ("cached", "written", "kept") if draw(st.booleans()) else ("heard",):
        found[name] = 0
    return found


def usage_of(split: dict[str, int]) -> Usage:
    return Usage(
        prompt_tokens=split["fresh"] + split["cached"] + split["written"] + split["kept"] + split["heard"],
        completion_tokens=split["text"] + split["reasoning"] + split["spoken"],
        cached_tokens=split["cached"], cache_write_tokens=split["written"] + split["kept"], audio_prompt_tokens=split["heard"],
        cache_write_1h_tokens=split["kept"], reasoning_tokens=split["reasoning"], audio_completion_tokens=split["spoken"],
    )  # fmt: skip


@given(full_prices, splits())
def test_parts_add_up(price: Price, split: dict[str, int]) -> None:
    told = sum(split[name] * getattr(price, part) for name, part in zip(TOKENS, PARTS, strict=True))
    assert cost_usd(price, usage_of(split)) == pytest.approx(told / 1e6 + price.request_usd)


@given(full_prices, splits(), st.sampled_from(PARTS))
def test_a_part_without_a_price_is_unknown_if_it_was_used(price: Price, split: dict[str, int], part: str) -> None:
    without = msgspec.structs.replace(price, **{part: None})
    cost, used = cost_usd(without, usage_of(split)), split[TOKENS[PARTS.index(part)]]
    if part == "reasoning_usd_per_mtok":
        as_output = msgspec.structs.replace(price, reasoning_usd_per_mtok=price.output_usd_per_mtok)
        assert cost == pytest.approx(cost_usd(as_output, usage_of(split)))
    elif used:
        assert cost is None
    else:
        assert cost == pytest.approx(cost_usd(price, usage_of(split)))


@given(full_prices, splits(), st.sampled_from(TOKENS), st.integers(1, 10**6))
def test_more_of_a_part_never_costs_less(price: Price, split: dict[str, int], name: str, more: int) -> None:
    before, after = cost_usd(price, usage_of(split)), cost_usd(price, usage_of({**split, name: split[name] + more}))
    assert before is not None
    assert after is None or after >= before * (1 - 1e-12)
    assert after is not None or name in ("heard", "cached", "written", "kept")


@given(full_prices, st.integers(1, 100), st.integers(0, 100), st.integers(0, 100), st.integers(1, 100))
def test_which_of_the_audio_was_cached_is_not_known(
    price: Price, heard: int, cached: int, written: int, fresh: int
) -> None:
    assume(cached or written)
    split = {**dict.fromkeys(TOKENS, 0), "heard": heard, "cached": cached, "written": written, "fresh": fresh}
    assert cost_usd(price, usage_of(split)) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"cached_tokens": 11},
        {"cache_write_tokens": 11},
        {"audio_prompt_tokens": 11},
        {"audio_completion_tokens": 6},
        {"reasoning_tokens": 6},
        {"cached_tokens": 6, "cache_write_tokens": 5},
        {"cache_write_tokens": 5, "cache_write_1h_tokens": 6},
        {"cached_tokens": -1},
        {"reasoning_tokens": -1},
    ],
)
def test_parts_that_exceed_the_whole_make_no_sense(fields: dict[str, int]) -> None:
    price = Price(**dict.fromkeys(PARTS, 1.0))
    assert cost_usd(price, Usage(prompt_tokens=10, completion_tokens=5)) == pytest.approx(15e-6)
    assert cost_usd(price, Usage(prompt_tokens=10, completion_tokens=5, **fields)) is None


def test_unknown_is_not_zero() -> None:
    usage = Usage(prompt_tokens=1, completion_tokens=1)
    assert cost_usd(None, usage) is None
    assert cost_usd(Price(input_usd_per_mtok=1, output_usd_per_mtok=1), None) is None
    assert cost_usd(Price(), usage) is None
    assert cost_usd(Price(), Usage(prompt_tokens=0, completion_tokens=0)) == 0.0
    assert cost_usd(Price(input_usd_per_mtok=2.0), Usage(prompt_tokens=3, completion_tokens=0)) == pytest.approx(6e-6)


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=4, unique=True), st.integers(0, 1100))
def test_the_highest_tier_that_a_prompt_exceeds_prices_all_of_it(above: list[int], prompt: int) -> None:
    above.sort()
    tiers = tuple(PriceTier(start, Price(input_usd_per_mtok=2.0 + at)) for at, start in enumerate(above))
    cost = cost_usd(Price(input_usd_per_mtok=1.0, tiers=tiers), Usage(prompt_tokens=prompt, completion_tokens=0))
    assert cost == pytest.approx(prompt * (1.0 + sum(prompt > start for start in above)) / 1e6)


def test_service_tiers() -> None:
    long = Price(input_usd_per_mtok=3.0)
    flex = Price(input_usd_per_mtok=0.5, tiers=(PriceTier(100, long),))
    price = Price(input_usd_per_mtok=1.0, service_tiers={"flex": flex})

    def cost(prompt: int, tier: str | None) -> float | None:
        return cost_usd(price, Usage(prompt_tokens=prompt, completion_tokens=0, service_tier=tier))

    assert cost(100, None) == pytest.approx(100e-6)
    assert cost(100, "flex") == pytest.approx(50e-6)
    assert cost(101, "flex") == pytest.approx(303e-6)
    assert cost(100, "priority") is None


@given(full_prices, splits())
def test_no_part_turns_out_dearer_than_the_dearest(price: Price, split: dict[str, int]) -> None:
    usage = usage_of(split)
    rates = price.dearest_with_audio if split["heard"] or split["spoken"] else price.dearest
    cost = cost_usd(price, usage)
    assert rates is not None
    assert cost is not None
    most = usage.prompt_tokens * rates[0] + usage.completion_tokens * rates[1] + price.request_usd
    assert cost <= most * (1 + 1e-9)
    assert price.usual == pytest.approx((price.input_usd_per_mtok / 1e6, price.output_usd_per_mtok / 1e6))


@pytest.mark.parametrize("missing", ["input_usd_per_mtok", "output_usd_per_mtok"])
def test_rates_without_a_price_are_unknown(missing: str) -> None:
    price = Price(**{**dict.fromkeys(PARTS, 1.0), missing: None})
    assert (price.usual, price.dearest, price.dearest_with_audio) == (None, None, None)
    no_audio = Price(input_usd_per_mtok=1.0, output_usd_per_mtok=1.0)
    assert (no_audio.dearest, no_audio.dearest_with_audio) == ((1e-6, 1e-6), None)
    no_speech = Price(input_usd_per_mtok=1.0, output_usd_per_mtok=1.0, input_audio_usd_per_mtok=9.0)
    assert no_speech.dearest_with_audio == (9e-6, 1e-6)


def test_searches_cost_what_each_does_or_are_unknown() -> None:
    usage = Usage(prompt_tokens=10, completion_tokens=0, web_searches=3)
    assert cost_usd(Price(input_usd_per_mtok=1.0), usage) is None
    assert cost_usd(Price(input_usd_per_mtok=1.0, web_search_usd=0.01), usage) == pytest.approx(0.03 + 10e-6)
    assert cost_usd(Price(input_usd_per_mtok=1.0, web_search_usd=0.0), usage) == pytest.approx(10e-6)


def test_what_no_price_is_of_is_unknown() -> None:
    price = Price(**dict.fromkeys(PARTS, 1.0))
    assert cost_usd(price, Usage(prompt_tokens=10, completion_tokens=5, unpriced=True)) is None


@given(st.integers(1, 500), st.integers(2, 4))
def test_rounds_are_priced_where_all_of_them_are_of_the_lowest_tier(prompt: int, rounds: int) -> None:
    price = Price(input_usd_per_mtok=1.0, tiers=(PriceTier(200, Price(input_usd_per_mtok=2.0)),))
    cost = cost_usd(price, Usage(prompt_tokens=prompt, completion_tokens=0, rounds=rounds))
    assert cost == (pytest.approx(prompt / 1e6) if prompt <= 200 else None)
