"""Failure domains: what is away at the same time. A provider's host is one, and so is a machine of your own."""

from urllib.parse import urlsplit

from gateway.values.deployment import Deployment

_THIS_MACHINE = frozenset({"this machine"})


def domain_of(deployment: Deployment) -> frozenset[str]:
    """The hosts of its addresses. An embedded one runs on the gateway's own."""
    return frozenset(urlsplit(address).hostname or address for address in deployment.addresses) or _THIS_MACHINE


def named(domain: frozenset[str]) -> str:
    """For a sentence."""
    return " and ".join(sorted(domain))
