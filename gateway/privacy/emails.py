"""E-mail addresses, in any script, with Chinese or other text right beside them."""

import re
from collections.abc import Iterator

from gateway.privacy.sighting import Sighting, Span
from gateway.values.finding import SensitiveKind

_DOMAIN = re.compile(
    r"@((?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}(?:xn--[a-z0-9-]{2,59}|[^\W\d_]{2,63}))(?![^\W_]*@)", re.IGNORECASE
)
_LOCAL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{0,63}[\w+~-]\Z")
_QUOTED = re.compile(r'"[^"\n]{1,60}"\Z')
_LONGEST = 64
# icon@2x.png is a file
_FILES = frozenset(
    {"png", "jpg", "jpeg", "gif", "svg", "webp", "ico", "css", "js", "mjs", "ts", "tsx", "json", "html", "whl"}
)


def addresses(span: Span) -> Iterator[Sighting]:
    """Addresses whose @ is in the span."""
    for match in _DOMAIN.finditer(span.text, span.start):
        if match.start() >= span.end:
            return
        before = span.text[max(0, match.start() - _LONGEST) : match.start()]
        local = _LOCAL.search(before) or _QUOTED.search(before)
        valid = local is not None and local.group() != "git" and match.group(1).rpartition(".")[2].lower() not in _FILES
        start = match.start() - len(local.group() if local else "")
        yield Sighting(SensitiveKind.EMAIL, start, match.end(), valid)
