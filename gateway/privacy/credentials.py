"""JSON Web Tokens, private keys, and the names and passwords of HTTP's basic authentication."""

import json
import re
from collections.abc import Iterator

from gateway.privacy.charsets import is_text
from gateway.privacy.payload import decoded
from gateway.privacy.sighting import Sighting, Span
from gateway.values.finding import Kind

_JWT = re.compile(r"(?<![A-Za-z0-9_-])(eyJ[A-Za-z0-9_-]{8,4096})\.[A-Za-z0-9_-]{0,64}", re.ASCII)
# the head alone is what one writes about keys; with key material after it, it is one. Possessive: no way back in
_FILLER = r"(?:[\s\\\"',>|]|(?<=\\)[rn])"
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----"
    rf"{_FILLER}{{0,40}}+(?:[A-Za-z-]{{3,20}}: [^\r\n\\]{{1,80}}+{_FILLER}{{1,40}}+){{0,8}}+[A-Za-z0-9+/=]{{16}}"
    r"|PuTTY-User-Key-File-[0-9]: |AGE-SECRET-KEY-1[A-Z0-9]{20}|b3BlbnNzaC1rZXktdjE[A-Za-z0-9+/]{16}"
)
_BASIC = re.compile(r"\bbasic[ :]{1,3}([A-Za-z0-9+/_-]{8,1024}={0,2})(?![A-Za-z0-9+/_-])", re.IGNORECASE | re.ASCII)
_LOGIN = re.compile(r"(?!<|\$?\{)[^\s:][^\r\n:]{0,127}:(?!<|\$?\{)[^\r\n]{1,255}")  # no <user>, no ${PASSWORD}


def tokens(span: Span) -> Iterator[Sighting]:
    """JSON Web Tokens (RFC 7519), signed or encrypted: the header says its algorithm."""
    for match in _JWT.finditer(span.text, span.start):
        if match.start() >= span.end:
            return
        yield Sighting(Kind.JWT, match.start(), match.end(), _is_header(match.group(1)))


def _is_header(part: str) -> bool:
    try:
        header = json.loads(decoded(part))
    except (ValueError, RecursionError):
        return False
    return isinstance(header, dict) and "alg" in header


def private_keys(span: Span) -> Iterator[Sighting]:
    """PEM (PKCS 1, PKCS 8, EC, OpenSSH, PGP), PuTTY and age; a key in base64 by how OpenSSH's begins."""
    last = -1
    for match in _PRIVATE_KEY.finditer(span.text, span.start):
        if match.start() >= span.end:
            return
        if match.start() > last:
            last = match.end()
            yield Sighting(Kind.PRIVATE_KEY, match.start(), match.end(), valid=True)


def logins(span: Span) -> Iterator[Sighting]:
    """Basic authentication (RFC 7617): base64 of a name, a colon and a password."""
    for match in _BASIC.finditer(span.text, span.start):
        if match.start() >= span.end:
            return
        login = decoded(match.group(1))
        valid = is_text(login) and _LOGIN.fullmatch(login.decode("utf-8", "replace")) is not None
        yield Sighting(Kind.API_KEY, match.start(), match.end(), valid)
