"""The optional `x-gateway-*` request headers: what a caller declares or bounds. A bad value is 400, never ignored."""

import difflib
import hashlib
import math
import re

from gateway.documents.reading import nearest
from gateway.http.errors import ApiError
from gateway.values.request import TAG
from gateway.values.sensitivity import Sensitivity

KNOWN = (
    "x-gateway-sensitivity", "x-gateway-tags", "x-gateway-session", "x-gateway-deadline-ms", "x-gateway-max-cost-usd",
    "x-gateway-strict",
)  # fmt: skip
_OURS = ("x-gateway", "x_gateway")
_LIKE_OURS = 0.85  # of the letters: `x-gatway-sensitivity`, not `x-google-anything`
_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_MILLISECONDS = re.compile(r"[0-9]{1,8}")
_USD = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_MAX_TAGS = 16
_MAX_SESSION = 256


def _bad(name: str, expected: str) -> ApiError:
    return ApiError(400, "invalid_header", f"Invalid header {name!r}: expected {expected}.", param=name)


def refuse_unknown(headers: dict[str, str]) -> None:
    """Raises ApiError 400 for a name that is meant for the gateway and is none of these: what it says would be lost."""
    for name in headers:
        if name[:3] in ("x-g", "x_g") and name not in KNOWN and _is_meant_for_us(name):
            hint = nearest(name, KNOWN)
            message = f"Unknown header {name!r}{f': {hint}' if hint else '.'} Known are {', '.join(KNOWN)}."
            raise ApiError(400, "invalid_header", message, param=name)


def _is_meant_for_us(name: str) -> bool:
    return name.startswith(_OURS) or bool(difflib.get_close_matches(name, KNOWN, n=1, cutoff=_LIKE_OURS))


def declared_sensitivity(headers: dict[str, str]) -> Sensitivity:
    """`x-gateway-sensitivity`; public where the caller declares nothing."""
    value = headers.get("x-gateway-sensitivity")
    if value is None:
        return Sensitivity.PUBLIC
    try:
        return Sensitivity(value.strip().lower())
    except ValueError:
        known = ", ".join(member.value for member in Sensitivity)
        raise _bad("x-gateway-sensitivity", f"one of {known}") from None


def tags(headers: dict[str, str]) -> dict[str, str]:
    """`x-gateway-tags: name=value, name=value`."""
    value = headers.get("x-gateway-tags")
    if value is None:
        return {}
    found: dict[str, str] = {}
    for pair in value.split(","):
        name, equals, tag = pair.strip().partition("=")
        if not equals or not TAG.fullmatch(name) or not TAG.fullmatch(tag):
            raise _bad("x-gateway-tags", "name=value pairs of letters, digits and ._/- with commas between")
        found[name] = tag
    if len(found) > _MAX_TAGS:
        raise _bad("x-gateway-tags", f"at most {_MAX_TAGS} tags")
    return found


def session(headers: dict[str, str]) -> str | None:
    """`x-gateway-session` as a digest: what a caller calls its session is its own."""
    value = headers.get("x-gateway-session")
    if value is None:
        return None
    if not 0 < len(value) <= _MAX_SESSION:
        raise _bad("x-gateway-session", f"at most {_MAX_SESSION} characters, and at least one")
    return hashlib.blake2b(value.encode(), digest_size=8).hexdigest()


def deadline_s(headers: dict[str, str]) -> float | None:
    """`x-gateway-deadline-ms`, in seconds."""
    value = headers.get("x-gateway-deadline-ms")
    if value is None:
        return None
    if not _MILLISECONDS.fullmatch(value) or not 0 < int(value) <= 86_400_000:
        raise _bad("x-gateway-deadline-ms", "a whole number of milliseconds from 1 to 86400000")
    return int(value) / 1e3


def max_cost_usd(headers: dict[str, str]) -> float | None:
    """`x-gateway-max-cost-usd`."""
    value = headers.get("x-gateway-max-cost-usd")
    if value is None:
        return None
    cost = float(value) if _USD.fullmatch(value) else math.nan
    if not 0 < cost < math.inf:
        raise _bad("x-gateway-max-cost-usd", "a number of US dollars above 0")
    return cost


def strict(headers: dict[str, str]) -> bool:
    """`x-gateway-strict: true`: nothing of the request may be lost in a translation."""
    value = headers.get("x-gateway-strict")
    if value is None:
        return False
    if value.strip().lower() not in ("true", "false"):
        raise _bad("x-gateway-strict", "true or false")
    return value.strip().lower() == "true"


def request_id(headers: dict[str, str], otherwise: str) -> str:
    """The caller's own `x-request-id` where it is a plain token, for the answer alone: nobody has looked at what it is."""
    value = headers.get("x-request-id")
    return value if value is not None and _ID.fullmatch(value) else otherwise
