"""The price lists that genai-prices ships, as our prices. Importing this loads them, which takes most of a second.

Nothing is fetched: the prices are those of the installed version, at a given time. What it has no price for stays
unknown. Prices by the page, and of what is heard and said live, are left out: usage does not say these. No list has prices by
the image or the search.
"""

import datetime as dt
import functools
from collections.abc import Iterable
from decimal import Decimal
from importlib.metadata import version
from typing import Any

import msgspec
from genai_prices.data import providers as _providers
from genai_prices.types import (
    ModelInfo,
    ModelPrice,
    PriceVariant,
    StartDateConstraint,
    TieredPrices,
    TimeOfDateConstraint,
)

from gateway.values.deployment import Price, PriceTier
from gateway.values.units import UnitPrices

_NAMES = {
    "input_mtok": "input_usd_per_mtok",
    "output_mtok": "output_usd_per_mtok",
    "cache_read_mtok": "cached_input_usd_per_mtok",
    "cache_write_mtok": "cache_write_usd_per_mtok",
    "cache_write_1h_mtok": "cache_write_1h_usd_per_mtok",
    "output_reasoning_mtok": "reasoning_usd_per_mtok",
    "input_audio_mtok": "input_audio_usd_per_mtok",
    "output_audio_mtok": "output_audio_usd_per_mtok",
    "input_image_mtok": "input_image_usd_per_mtok",
    "output_image_mtok": "output_image_usd_per_mtok",
}
_FEES = {"requests_kcount": "request_usd", "web_searches_kcount": "web_search_usd"}  # for a thousand


_UNITS = {"input_audio_hours": ("audio_minute_usd", 60), "input_mchars": ("input_usd_per_mchar", 1)}  # for so many


class NotListed(LookupError):
    """No such name in the lists: `field` is `provider` or `model`, `known` the names that there are."""

    def __init__(self, field: str, known: Iterable[str]) -> None:
        super().__init__(field)
        self.field = field
        self.known = tuple(known)


class ListPrice(msgspec.Struct, frozen=True):
    """A price, and where it stands. `changing` are the parts that change with the time of day."""

    price: Price
    source: str
    changing: frozenset[str]


class Edition(msgspec.Struct, frozen=True):
    """The installed lists. They carry no date of their own; `newest` is the day of the latest price change in them."""

    version: str
    newest: dt.date


def list_price(provider_name: str, model_name: str, at: dt.datetime) -> ListPrice:
    """The price of a model at a provider; `at` is aware of its time zone. Raises NotListed."""
    provider = next((one for one in _providers if one.id == provider_name), None)
    if provider is None:
        raise NotListed("provider", sorted(one.id for one in _providers))
    model = provider.find_model(model_name, all_providers=_providers)
    if model is None:
        lists = {provider.id, *(provider.fallback_model_providers or ())}
        raise NotListed("model", sorted({model.id for one in _providers if one.id in lists for model in one.models}))
    usual = model.get_prices(at)
    fees = _fees(usual, Price())
    standard = _price(usual, fees)
    is_own = any(one is model for one in provider.models)
    variants = model.price_variants if is_own else None  # another provider's do not hold here
    tiers = {
        name: _price(model.get_prices(at, variant.when), fees)
        for variant in variants or ()
        if _holds(variant, at) and (name := _service_tier(variant)) is not None
    }
    return ListPrice(
        msgspec.structs.replace(standard, service_tiers=tiers),
        f"{provider.id}/{model.id} in genai-prices {version('genai-prices')}",
        _changing(model, at),
    )


def edition(at: dt.datetime) -> Edition:
    """Which lists are installed."""
    dates = [
        one.constraint.start_date
        for provider in _providers
        for model in provider.models
        for one in (*(model.prices if isinstance(model.prices, list) else ()), *(model.price_variants or ()))
        if isinstance(one.constraint, StartDateConstraint) and one.constraint.active(at)
    ]
    return Edition(version("genai-prices"), max(dates))


def listed_range(part: str) -> tuple[float, float]:
    """The cheapest and the dearest of a part of `Price`, in all lists, above 0; US dollars as there."""
    return _ranges()[part]


@functools.cache
def _ranges() -> dict[str, tuple[float, float]]:
    at = dt.datetime.now(dt.UTC)
    found: dict[str, list[float]] = {}
    for provider in _providers:
        for model in provider.models:
            price = _price(model.get_prices(at), Price())
            for one in (price, *(tier.price for tier in price.tiers)):
                for part in (*_NAMES.values(), *_FEES.values()):
                    if usd := getattr(one, part):
                        found.setdefault(part, []).append(usd)
            for part, _ in _UNITS.values():
                if usd := getattr(price.units, part):
                    found.setdefault(part, []).append(usd)
    return {part: (min(all_usd), max(all_usd)) for part, all_usd in found.items()}


def _price(listed: ModelPrice, usual: Price) -> Price:
    """`usual`: fees that hold where this one says none."""
    values = {ours: getattr(listed, theirs) for theirs, ours in _NAMES.items()}
    fees = _fees(listed, usual)
    starts = {tier.start for value in values.values() if isinstance(value, TieredPrices) for tier in value.tiers}
    tiers = tuple(PriceTier(start, _of_size(fees, values, start + 1)) for start in sorted(starts))
    return msgspec.structs.replace(_of_size(fees, values, 0), tiers=tiers)


def _fees(listed: ModelPrice, usual: Price) -> Price:
    said = {ours: listed.__dict__.get(theirs) for theirs, ours in _FEES.items()}
    found = {ours: float(fee) / 1000 for ours, fee in said.items() if isinstance(fee, Decimal)}
    return msgspec.structs.replace(usual, **found, units=_units(listed, usual.units))


def _units(listed: ModelPrice, usual: UnitPrices) -> UnitPrices:
    said = ((ours, listed.__dict__.get(theirs), many) for theirs, (ours, many) in _UNITS.items())
    found: dict[str, Any] = {ours: float(usd / many) for ours, usd, many in said if isinstance(usd, Decimal)}
    return msgspec.structs.replace(usual, **found)


def _of_size(fees: Price, values: dict[str, Decimal | TieredPrices | None], prompt_tokens: int) -> Price:
    parts = {name: _part(value, prompt_tokens) for name, value in values.items()}
    return msgspec.structs.replace(fees, **parts)


def _part(value: Decimal | TieredPrices | None, prompt_tokens: int) -> float | None:
    if isinstance(value, TieredPrices):
        higher = [tier.price for tier in value.tiers if prompt_tokens > tier.start]
        value = higher[-1] if higher else value.base
    return None if value is None else float(value)


def _service_tier(variant: PriceVariant) -> str | None:
    """The word of the provider's answer for it; None for a variant that depends on something else. OpenAI and Google speak
    of service tiers, Anthropic of speeds.
    """
    if variant.when == {"processing": "batch"}:
        return "batch"
    word = variant.when.get("service_tier", variant.when.get("speed")) if len(variant.when) == 1 else None
    return None if word == "default" else word


def _holds(variant: PriceVariant, at: dt.datetime) -> bool:
    return variant.constraint is None or variant.constraint.active(at)


def _changing(model: ModelInfo, at: dt.datetime) -> frozenset[str]:
    listed = model.prices if isinstance(model.prices, list) else []
    hours = [one.constraint for one in listed if isinstance(one.constraint, TimeOfDateConstraint)]
    times = [
        dt.datetime.combine(at, time, time.tzinfo or dt.UTC)
        for hour in hours
        for time in (hour.start_time, hour.end_time)
    ]
    prices = [model.get_prices(time) for time in (at, *times)]
    return frozenset(ours for theirs, ours in _NAMES.items() if len({str(getattr(one, theirs)) for one in prices}) > 1)
