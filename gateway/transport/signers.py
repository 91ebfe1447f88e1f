"""Signers put a deployment's credential on its calls, last, and say what of it must never be repeated."""

from collections.abc import Callable
from urllib.parse import quote

import msgspec

from gateway.values.auth import Auth


class Signature(msgspec.Struct, frozen=True):
    """What is added to each call: header fields by lower-case name, and what follows the path's `?`. `secrets`: what is taken
    out of all that a provider says.
    """

    headers: dict[str, str] = {}
    query: str = ""
    secrets: tuple[str, ...] = ()


UNSIGNED = Signature()
Signer = Callable[[str], Signature]


def bearer(key: str) -> Signature:
    """`Authorization: Bearer KEY` (RFC 6750), as most take it."""
    value = f"Bearer {key}"
    return Signature({"authorization": value}, secrets=(value, key))


def in_header(name: str) -> Signer:
    """The key alone, in a header of its own: Anthropic's `x-api-key`, Azure's `api-key`, Google's `x-goog-api-key`."""
    return lambda key: Signature({name: key}, secrets=(key,))


def in_query(name: str) -> Signer:
    """The key in the address, where nothing else is taken."""
    return lambda key: Signature(query=f"{name}={quote(key, safe='')}", secrets=(key, quote(key, safe="")))


# by the word of a vendor's row
SIGNERS: dict[Auth, Signer] = {
    Auth.BEARER: bearer,
    Auth.X_API_KEY: in_header("x-api-key"),
    Auth.API_KEY: in_header("api-key"),
    Auth.X_GOOG_API_KEY: in_header("x-goog-api-key"),
    Auth.AWS: bearer,
}
