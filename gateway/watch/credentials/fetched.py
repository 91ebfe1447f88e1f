"""What a source of credentials gives, and how it is asked over HTTP."""

import math
import re
from collections.abc import Mapping
from typing import Any

import httpx2
import msgspec

from gateway.documents import Secret
from gateway.transport.sigv4 import AwsKeys

TIMEOUT_S = 10.0
_MOST_BYTES = 256 * 1024
_CODES = re.compile(rb'"(?:error|code|Code|__type)"\s*:\s*"([A-Za-z0-9_.#-]{1,64})"|<Code>([A-Za-z0-9_.]{1,64})</Code>')


class CannotRefresh(Exception):
    """In words that hold nothing secret."""


class Fetched(msgspec.Struct, frozen=True):
    """A credential. `ends_at`: seconds since the epoch; `look_again_s`: of one that may change before that, or never ends."""

    material: Secret | AwsKeys
    ends_at: float = math.inf
    look_again_s: float = math.inf


class _Token(msgspec.Struct):
    access_token: str
    expires_in: int | float | str | None = None
    expires_on: int | float | str | None = None


_decode_token = msgspec.json.Decoder(_Token).decode


async def asked(
    client: httpx2.AsyncClient, method: str, url: str, headers: Mapping[str, str], form: Mapping[str, str] | None = None
) -> bytes:
    """The body of a 2xx. Raises CannotRefresh; of what was refused only the code is told."""
    host = httpx2.URL(url).host
    try:
        async with client.stream(
            method, url, headers=dict(headers), data=None if form is None else dict(form)
        ) as answer:
            body = b""
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > _MOST_BYTES:
                    raise CannotRefresh(f"{host} answered with more than a credential")
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as problem:
        raise CannotRefresh(f"{host} could not be asked: {type(problem).__name__}") from None
    if not answer.is_success:
        code = _CODES.search(body)
        named = "" if code is None else f" ({(code[1] or code[2]).decode()})"
        raise CannotRefresh(f"{host} answered HTTP {answer.status_code}{named}")
    return body


def token_of(body: bytes, now: float) -> Fetched:
    """A token as OAuth 2.0 has it (RFC 6749, 5.1). Raises CannotRefresh."""
    try:
        found = _decode_token(body)
        ends_at = now + float(found.expires_in) if found.expires_in else float(found.expires_on or 0)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        raise CannotRefresh("the answer holds no token") from None
    if not header_safe(found.access_token) or not now < ends_at < math.inf:
        raise CannotRefresh("the answer holds no token that is valid")
    return Fetched(Secret(found.access_token), ends_at)


def header_safe(text: Any) -> bool:
    """Whether a header can carry it."""
    return isinstance(text, str) and bool(text) and text.isascii() and text.isprintable() and " " not in text
