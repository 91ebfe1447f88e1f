"""Who is calling: a key becomes a caller. Without keys the gateway serves its own machine only, and checks that it does.

A web page of another origin can reach a loopback address through the user's browser; such a request is refused.
"""

from collections.abc import Callable
from functools import lru_cache
from urllib.parse import urlsplit

from gateway.access import ConflictingCredentials, Keyring, parse_credentials
from gateway.http.errors import ApiError
from gateway.values.caller import Caller, Role

Identify = Callable[[dict[str, str]], Caller]
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def identify_by(keyring: Keyring) -> Identify:
    """How this gateway tells callers apart. The function raises ApiError 401 or 403."""
    if keyring.is_empty():
        return _local_only
    return lambda headers: _by_key(keyring, headers)


def visitors_of(keyring: Keyring) -> Identify:
    """How this gateway looks at those who need no key: without keys they have to be on its own machine."""
    return _local_only if keyring.is_empty() else lambda _: Caller(key=None, role=Role.APPLICATION)


def operator_only(identify: Identify) -> Identify:
    """The same for `/admin/`: an application's key is refused."""

    def identify_operator(headers: dict[str, str]) -> Caller:
        caller = identify(headers)
        if caller.key is None:
            _refuse_other_pages(headers)
        if not caller.has_role(Role.OPERATOR):
            raise ApiError(403, "operator_required", "This needs an operator's key.", kind="permission_error")
        return caller

    return identify_operator


def _by_key(keyring: Keyring, headers: dict[str, str]) -> Caller:
    try:
        token = parse_credentials(headers)
    except ConflictingCredentials:
        raise _unauthorized("two different keys were sent") from None
    if token is None:
        raise _unauthorized("no key was sent; use 'Authorization: Bearer KEY' or 'x-api-key: KEY'")
    caller = keyring.find(token)
    if caller is None:
        raise _unauthorized("the key is not known")
    return caller


def _unauthorized(why: str) -> ApiError:
    return ApiError(401, "invalid_api_key", f"Not authenticated: {why}.", kind="authentication_error")


def _local_only(headers: dict[str, str]) -> Caller:
    for name in ("host", "origin"):
        value = headers.get(name)
        if value is not None and _host(value) not in _LOOPBACK:
            raise ApiError(
                403,
                "local_only",
                f"Without keys the gateway serves this machine only; {name!r} names another.",
                kind="permission_error",
            )
    if _sent_from(headers, ("cross-site",)):
        raise ApiError(
            403,
            "local_only",
            "Without keys the gateway serves this machine only; a page of another site sent this.",
            kind="permission_error",
        )
    return Caller.anonymous()


def _refuse_other_pages(headers: dict[str, str]) -> None:
    """A browser says of which page a request is. Where no key is asked for, only the gateway's own may use `/admin/`."""
    origin = headers.get("origin")
    foreign = origin is not None and _authority(origin) != headers.get("host", "").lower()
    if foreign or _sent_from(headers, ("cross-site", "same-site")):
        raise ApiError(
            403,
            "local_only",
            "Without keys /admin/ is not open to pages of other origins, those of another port included.",
            kind="permission_error",
        )


def _sent_from(headers: dict[str, str], sites: tuple[str, ...]) -> bool:
    """True for what a page there sends by itself. A link that a user follows reads only, and for its user."""
    return headers.get("sec-fetch-site") in sites and headers.get("sec-fetch-mode") != "navigate"


def _authority(origin: str) -> str | None:
    """The host and port, where the scheme is one that the gateway is served by."""
    scheme, _, authority = origin.lower().partition("://")
    return authority if scheme in ("http", "https") else None


@lru_cache(maxsize=256)  # a few names are all that callers use
def _host(value: str) -> str | None:
    try:
        return urlsplit(value if "//" in value else f"//{value}").hostname
    except ValueError:
        return None
