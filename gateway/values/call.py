"""A call to a provider as plain data: what a translator encodes and the transport sends."""

import msgspec

from gateway.values.upload import Piece


class Call(msgspec.Struct, frozen=True):
    """One HTTP request. `path` is appended to the deployment's base URL; credentials are not in it: they sign last.

    `beside_api`: to the base URL without its last `/v1`, where servers keep what is not of the API.
    `headers` are (lower-case name, value) and hold neither host, length nor authorization. `more` follows the body.
    """

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    beside_api: bool = False
    more: tuple[bytes | Piece, ...] = ()
