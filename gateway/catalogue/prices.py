"""The price of a deployment: what is written, over what was looked up; or all that is wrong with it."""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from gateway.catalogue.document import UNITS, DeploymentEntry, PriceEntry, PriceTierEntry
from gateway.documents import Document
from gateway.values.deployment import Hosting, Price, PriceTier
from gateway.values.problem import Problem
from gateway.values.units import NO_UNIT_PRICES

if TYPE_CHECKING:
    from gateway.catalogue.list_prices import ListPrice

_FEES = ("request_usd", "web_search_usd")
_PARTS = tuple(name for name in PriceTierEntry.__struct_fields__ if name.endswith("_usd_per_mtok"))


class CompiledPrice(msgspec.Struct, frozen=True):
    """`price` is None where it is unknown; `source` says which list it was looked up in, if it was."""

    price: Price | None
    source: str | None
    problems: tuple[Problem, ...]


def compile_price(name: str, entry: DeploymentEntry, document: Document, at: dt.datetime) -> CompiledPrice:
    """The price of the deployment of this name, at this time; use it only if there are no problems."""
    path = f"deployments.{name}"
    problems = list(_own_cost_problems(path, entry, document))
    if entry.price is None:
        return CompiledPrice(None, None, tuple(problems))
    written, path = entry.price, f"{path}.price"
    problems += _tier_problems(path, written.tiers or (), document)
    if written.provider is None:
        if written.model is not None:
            problems.append(document.problem(f"{path}.model", "'provider' beside it: whose list it stands in", "none"))
        return CompiledPrice(_price(written, Price()), None, tuple(problems))
    listed, wrong = _looked_up(path, written.provider, written.model or entry.model, document, at)
    if listed is None:
        return CompiledPrice(None, None, (*problems, *wrong))
    price = _price(written, listed.price)
    problems += _lookup_problems(path, written, listed, price, document)
    return CompiledPrice(price, listed.source, tuple(problems))


def _own_cost_problems(path: str, entry: DeploymentEntry, document: Document) -> Iterable[Problem]:
    if entry.own_cost is None:
        return
    if entry.hosting is not Hosting.SELF_HOSTED:
        yield document.problem(
            f"{path}.own_cost", "'price': only what is self-hosted has a cost of its own", "own_cost"
        )
    if entry.price is not None:
        yield document.problem(f"{path}.own_cost", "at most one of 'price' and 'own_cost'", "both")


def _tier_problems(path: str, tiers: Sequence[PriceTierEntry], document: Document) -> Iterable[Problem]:
    below = 0
    for index, tier in enumerate(tiers):
        if tier.above_prompt_tokens <= below:
            place = f"{path}.tiers[{index}].above_prompt_tokens"
            yield document.problem(place, f"more than {below}, that of the tier before", str(tier.above_prompt_tokens))
        below = tier.above_prompt_tokens


def _looked_up(
    path: str, provider: str, model: str, document: Document, at: dt.datetime
) -> tuple["ListPrice | None", list[Problem]]:
    from gateway.catalogue.list_prices import NotListed, list_price  # noqa: PLC0415 - half a second, and 30 MiB

    try:
        return list_price(provider, model, at), []
    except NotListed as missing:
        found = provider if missing.field == "provider" else model
        expected = f"a {missing.field} that genai-prices lists"
        if missing.field == "model":
            expected += f" for {provider}"
        return None, [document.problem(f"{path}.{missing.field}", expected, repr(found), missing.known)]


def _lookup_problems(
    path: str, written: PriceEntry, listed: "ListPrice", price: Price, document: Document
) -> Iterable[Problem]:
    if price.input_usd_per_mtok is None and price.units == NO_UNIT_PRICES:
        expected = "a model that is priced by the token, the minute of sound or the character"
        yield document.problem(f"{path}.model", expected, listed.source)
    changing = sorted(part for part in listed.changing if getattr(written, part) is None)
    if changing:
        found = f"{listed.source}, whose price changes with the time of day"
        yield document.problem(path, f"{', '.join(changing)} beside 'provider'", found)


def _price(written: PriceEntry, listed: Price) -> Price:
    """What is written holds in all of the list's tiers. How other service tiers change with it, no list says."""
    parts = _written_parts(written)
    fees: dict[str, Any] = {name: usd for name in _FEES if (usd := getattr(written, name)) is not None}
    units = msgspec.structs.replace(listed.units, **_written_units(written))
    base = msgspec.structs.replace(listed, **parts, **fees, units=units, tiers=(), service_tiers={})
    if written.tiers is None:
        tiers = tuple(
            PriceTier(tier.above_prompt_tokens, msgspec.structs.replace(tier.price, **parts, **fees))
            for tier in listed.tiers
        )
    else:
        tiers = _written_tiers(base, written.tiers)
    standard = msgspec.structs.replace(base, tiers=tiers)
    if written.service_tiers is not None:
        service_tiers = {name: _times(standard, factor) for name, factor in written.service_tiers.items()}
    else:
        is_listed = not parts and not fees and written.tiers is None
        service_tiers = listed.service_tiers if is_listed else {}
    return msgspec.structs.replace(standard, service_tiers=service_tiers)


def _written_tiers(base: Price, tiers: Sequence[PriceTierEntry]) -> tuple[PriceTier, ...]:
    found: list[PriceTier] = []
    price = base
    for tier in tiers:
        price = msgspec.structs.replace(price, **_written_parts(tier))
        found.append(PriceTier(tier.above_prompt_tokens, price))
    return tuple(found)


def _written_parts(entry: PriceEntry | PriceTierEntry) -> dict[str, float]:
    return {part: usd for part in _PARTS if (usd := getattr(entry, part)) is not None}


def _written_units(entry: PriceEntry) -> dict[str, Any]:
    return {name: usd for name in UNITS if (usd := getattr(entry, name)) is not None}


def _times(price: Price, factor: float) -> Price:
    parts = {part: usd * factor for part in _PARTS if (usd := getattr(price, part)) is not None}
    tiers = tuple(PriceTier(tier.above_prompt_tokens, _times(tier.price, factor)) for tier in price.tiers)
    return msgspec.structs.replace(price, **parts, tiers=tiers)
