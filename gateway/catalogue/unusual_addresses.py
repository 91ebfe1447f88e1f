"""Addresses that are valid and probably a slip: a path is missing, or is that of an endpoint."""

from urllib.parse import urlsplit

from gateway.documents import Document
from gateway.values.deployment import Catalogue
from gateway.values.offer import Offers
from gateway.values.problem import Problem

_ENDPOINTS = ("/chat/completions", "/completions", "/embeddings", "/models", "/responses", "/messages")


def unusual_addresses(catalogue: Catalogue, document: Document, offers: Offers) -> list[Problem]:
    """What is probably not meant, at its place in the configuration. What is shown is the path alone."""
    found: list[Problem] = []
    for name, deployment in catalogue.deployments.items():
        path = f"deployments.{name}"
        offer = offers[deployment.provider]
        usual = offer.base_urls.values()
        are_several = "addresses" in ((document.data.get("deployments") or {}).get(name) or {})
        for index, address in enumerate(deployment.addresses):
            expected = _expected(urlsplit(address).path, has_root=not offer.is_aws)
            if expected is not None and address not in usual:
                place = f"{path}.addresses[{index}]" if are_several else f"{path}.base_url"
                found.append(document.problem(place, expected, repr(urlsplit(address).path or "no path")))
    return found


def _expected(path: str, *, has_root: bool) -> str | None:
    bare = path.rstrip("/")
    if not has_root:
        return "no path: requests go to BASE_URL/model/NAME/converse" if bare else None
    if not bare:
        return "a path, usually /v1: requests go to BASE_URL/chat/completions"
    ending = next((one for one in _ENDPOINTS if bare.endswith(one)), None)
    if ending is not None:
        return f"a path without {ending}, which the gateway adds itself"
    if bare.endswith("/v1/v1"):
        return "/v1 once"
    return None
