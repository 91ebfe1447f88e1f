"""JSON Web Tokens and private keys."""

import binascii
import json
import re
from collections.abc import Iterator

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


def tokens(span: Span) -> Iterator[Sighting]:
    """JSON Web Tokens (RFC 7519), signed or encrypted: the header says its algorithm."""
    for match in _JWT.finditer(span.text, span.start):
        if match.start() >= span.end:
            return
        yield Sighting(Kind.JWT, match.start(), match.end(), _is_header(match.group(1)))


def _is_header(part: str) -> bool:
    try:
        header = json.loads(binascii.a2b_base64(part.translate(_STANDARD) + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return False
    return isinstance(header, dict) and "alg" in header


_STANDARD = str.maketrans("-_", "+/")


def private_keys(span: Span) -> Iterator[Sighting]:
    """PEM (PKCS 1, PKCS 8, EC, OpenSSH, PGP), PuTTY and age; a key in base64 by how OpenSSH's begins."""
    last = -1
    for match in _PRIVATE_KEY.finditer(span.text, span.start):
        if match.start() >= span.end:
            return
        if match.start() > last:
            last = match.end()
            yield Sighting(Kind.PRIVATE_KEY, match.start(), match.end(), valid=True)
