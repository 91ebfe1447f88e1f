"""Compile: entries become values; what their shape cannot show is checked here, and all of it is reported."""

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

import msgspec

from gateway.catalogue.credential_document import CredentialEntry
from gateway.catalogue.credentials import credential_problems
from gateway.catalogue.document import DeploymentEntry, ModelEntry
from gateway.catalogue.prices import CompiledPrice, compile_price
from gateway.documents import Document, SecretReference, parse_reference
from gateway.values.deployment import Catalogue, Deployment, EmbeddedServer, Hardware, Hosting, Model, Timeouts
from gateway.values.offer import Offer, Offers
from gateway.values.problem import Problem
from gateway.values.sensitivity import Sensitivity
from gateway.values.surface import SURFACES

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}")
_NOTHING_OFFERED = Offer(frozenset(), frozenset())
_NAME_EXPECTED = "a name of letters, digits and . _ : / - , at most 128"


class CompiledCatalogue(msgspec.Struct, frozen=True):
    """The catalogue, and by deployment the reference of its key, its credential and the list that its price was looked up in."""

    catalogue: Catalogue
    api_keys: dict[str, SecretReference]
    price_sources: dict[str, str] = {}
    credentials: dict[str, CredentialEntry] = {}


def compile_catalogue(
    deployments: Mapping[str, DeploymentEntry],
    models: Mapping[str, ModelEntry],
    offers: Offers,
    document: Document,
    at: dt.datetime | None = None,
) -> tuple[CompiledCatalogue, list[Problem]]:
    """The catalogue, and all that is wrong with it; use it only if that is nothing.

    Prices that are looked up are those of the time `at`, aware of its time zone; None is now.
    """
    at = at or dt.datetime.now(dt.UTC)
    problems: list[Problem] = []
    if not deployments:
        problems.append(document.problem("deployments", "at least one deployment", "none"))
    for name, entry in deployments.items():
        problems += _deployment_problems(name, entry, offers, document)
    for name, model in models.items():
        problems += _model_problems(name, model, deployments, document)
    keys = {name: parse_reference(entry.api_key) for name, entry in deployments.items() if entry.api_key}
    prices = {name: compile_price(name, entry, document, at) for name, entry in deployments.items()}
    problems += [problem for price in prices.values() for problem in price.problems]
    catalogue = Catalogue(
        deployments={name: _deployment(name, entry, prices[name], offers) for name, entry in deployments.items()},
        models={name: Model(name=name, deployments=tuple(entry.deployments)) for name, entry in models.items()},
        speaks_of_sensitivity=any(
            entry.clearance is not None or entry.hosting is Hosting.SELF_HOSTED for entry in deployments.values()
        ),
    )
    sources = {name: price.source for name, price in prices.items() if price.source is not None}
    credentials = {name: entry.credential for name, entry in deployments.items() if entry.credential is not None}
    return CompiledCatalogue(
        catalogue, {name: key for name, key in keys.items() if key}, sources, credentials
    ), problems


def _deployment_problems(name: str, entry: DeploymentEntry, offers: Offers, document: Document) -> Iterable[Problem]:
    path = f"deployments.{name}"
    if not _NAME.fullmatch(name):
        yield document.problem(path, _NAME_EXPECTED, repr(name))
    offer = offers.get(entry.provider)
    if offer is None:
        expected = f"one of {', '.join(sorted(offers))}"
        yield document.problem(f"{path}.provider", expected, repr(entry.provider), sorted(offers))
    for at, one in enumerate(entry.surfaces or ()):
        if offer is not None and one not in offer.possible:
            expected = f"one of {', '.join(sorted(known.value for known in offer.possible))} of {entry.provider}"
            yield document.problem(f"{path}.surfaces[{at}]", expected, repr(one.value))
    yield from _place_problems(path, entry, offer or _NOTHING_OFFERED, document)
    if entry.embedded is not None and entry.hosting is not Hosting.SELF_HOSTED:
        yield document.problem(f"{path}.hosting", "self_hosted for an embedded model", entry.hosting.value)
    if entry.api_version is not None and offer is not None and offer.api_version is None:
        expected = f"no 'api_version': addresses of {entry.provider} carry none"
        yield document.problem(f"{path}.api_version", expected, repr(entry.api_version))
    if entry.api_key is not None and parse_reference(entry.api_key) is None:
        expected = "a reference like ${env:NAME} or ${file:PATH}; a key itself never stands in a file"
        yield document.problem(f"{path}.api_key", expected, "a value that is not shown")
    if entry.credential is not None and offer is not None:
        has_key = entry.api_key is not None
        yield from credential_problems(path, entry.credential, offer, document, has_key=has_key)


def _place_problems(path: str, entry: DeploymentEntry, offer: Offer, document: Document) -> Iterable[Problem]:
    places = {"base_url": entry.base_url, "addresses": entry.addresses, "embedded": entry.embedded}
    given = [f"'{name}'" for name, place in places.items() if place is not None]
    if len(given) > 1 or not (given or _usual_place(offer)):
        expected = "exactly one of 'base_url', 'addresses' and 'embedded'"
        if not given and offer.base_urls:
            known = ", ".join(f"{url} ({region})" for region, url in offer.base_urls.items())
            expected = f"'base_url': {entry.provider} is at {known}"
        yield document.problem(path, expected, " and ".join(given) or "none of them")
    if entry.base_url is not None and (wrong := _wrong_address(entry.base_url)):
        yield document.problem(f"{path}.base_url", wrong, "another form of address")
    addresses = [address.rstrip("/") for address in entry.addresses or ()]
    for index, address in enumerate(addresses):
        if wrong := _wrong_address(address):
            yield document.problem(f"{path}.addresses[{index}]", wrong, "another form of address")
        elif address in addresses[:index]:
            yield document.problem(f"{path}.addresses[{index}]", "each address once", f"{address!r} again")


def _usual_place(offer: Offer) -> str | None:
    """Where a deployment is that does not say; None where its vendor is at no one place."""
    return next(iter(offer.base_urls.values())) if len(offer.base_urls) == 1 else None


def _wrong_address(base_url: str) -> str | None:
    """What was expected instead, or None if the address is good. What is wrong may hold a password: it is not shown."""
    if not (base_url.isascii() and base_url.isprintable()) or " " in base_url:
        return "an address of ASCII characters without spaces"
    try:
        parts = urlsplit(base_url)
        _ = parts.port
    except ValueError:
        return "an address with a port from 0 to 65535"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "an address like http://HOST:PORT/v1 or https://HOST/v1"
    if parts.username is not None or parts.password is not None:
        return "an address without user and password; use 'api_key'"
    return "an address without query and fragment" if parts.query or parts.fragment else None


def _model_problems(
    name: str, model: ModelEntry, deployments: Mapping[str, DeploymentEntry], document: Document
) -> Iterable[Problem]:
    path = f"models.{name}"
    if not _NAME.fullmatch(name):
        yield document.problem(path, _NAME_EXPECTED, repr(name))
    if name in deployments:
        yield document.problem(path, "a name that no deployment has", repr(name))
    for index, pooled in enumerate(model.deployments):
        place = f"{path}.deployments[{index}]"
        if pooled not in deployments:
            yield document.problem(place, "the name of a deployment", repr(pooled), deployments)
        elif pooled in model.deployments[:index]:
            yield document.problem(place, "each deployment once", f"{pooled!r} again")


def _deployment(name: str, entry: DeploymentEntry, price: CompiledPrice, offers: Offers) -> Deployment:
    own = Sensitivity.RESTRICTED if entry.hosting is Hosting.SELF_HOSTED else Sensitivity.PUBLIC
    embedded, own_cost = entry.embedded, entry.own_cost
    offer = offers.get(entry.provider, _NOTHING_OFFERED)  # that it is unknown was said
    usual = _usual_place(offer) if embedded is None else None
    place = entry.base_url or usual
    addresses = tuple(address.rstrip("/") for address in entry.addresses or ([place] if place else []))
    serves = offer.usual if entry.surfaces is None else frozenset(entry.surfaces)
    return Deployment(
        name=name,
        provider=entry.provider,
        model=entry.model,
        base_url=addresses[0] if addresses else None,
        addresses=addresses,
        scrape_s=entry.scrape_s,
        hosting=entry.hosting,
        region=entry.region,
        clearance=entry.clearance or own,
        capabilities=offer.capabilities if entry.capabilities is None else frozenset(entry.capabilities),
        context_tokens=entry.context_tokens,
        max_output_tokens=entry.max_output_tokens,
        price=price.price,
        quality=entry.quality,
        max_in_flight=entry.limits.max_in_flight,
        gauges=offer.gauges,
        own_tools=offer.own_tools,
        api_version=entry.api_version or offer.api_version,
        continues=offer.continues,
        surfaces=frozenset().union(*(SURFACES[one] for one in serves)),
        timeouts=msgspec.convert(entry.timeouts, Timeouts, from_attributes=True),
        embedded=msgspec.convert(embedded, EmbeddedServer, from_attributes=True) if embedded else None,
        own_cost=msgspec.convert(own_cost, Hardware, from_attributes=True) if own_cost else None,
    )
