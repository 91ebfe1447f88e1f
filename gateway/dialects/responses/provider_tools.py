"""Tools that the provider runs itself: a search of the web is said in every dialect, all others only by their maker.

Source: WebSearchTool of OpenAI's OpenAPI description 2.3.0.
"""

from typing import Any

import msgspec

from gateway.dialects.contract import Adapted, Deviation
from gateway.dialects.responses.sealed import MAKER
from gateway.values.chat import ProviderTool, WebSearch

_SEARCH = "web_search"
_PLACE = ("city", "region", "country", "timezone")


class _Location(msgspec.Struct):
    city: str | None = None
    region: str | None = None
    country: str | None = None
    timezone: str | None = None


class _Filters(msgspec.Struct):
    allowed_domains: list[str] | None = None
    blocked_domains: list[str] | None = None


class _Declared(msgspec.Struct):
    type: str
    search_context_size: str | None = None
    user_location: _Location | None = None
    filters: _Filters | None = None


_declared = msgspec.json.Decoder(_Declared)


def read_provider_tool(kind: str, raw: msgspec.Raw) -> ProviderTool:
    """One that a caller declared."""
    native = bytes(raw).decode()
    if not kind.startswith(_SEARCH):
        return ProviderTool(kind=kind, native=native, maker=MAKER)
    try:
        told = _declared.decode(raw)
    except msgspec.DecodeError:
        return ProviderTool(kind=kind, native=native, maker=MAKER)
    place, filters = told.user_location or _Location(), told.filters or _Filters()
    words = ((name, getattr(place, name)) for name in _PLACE)
    search = WebSearch(
        allowed_domains=tuple(filters.allowed_domains or ()),
        blocked_domains=tuple(filters.blocked_domains or ()),
        location=tuple((name, word) for name, word in words if word),
        context_size=told.search_context_size,
    )
    return ProviderTool(kind=_SEARCH, native=native, maker=MAKER, search=search)


def provider_tool(tool: ProviderTool, path: str, lost: dict[Deviation, None]) -> dict[str, Any] | msgspec.Raw | None:
    """As it is declared; None for one that has no form here."""
    if tool.maker == MAKER and tool.native is not None:
        return msgspec.Raw(tool.native.encode())
    if tool.kind != _SEARCH:
        lost[path] = None
        return None
    search = tool.search or WebSearch()
    if search.max_uses is not None:
        lost[f"{path}.max_uses"] = None
    if tool.maker is not None:
        lost[Adapted(path, "web_search, the provider's own")] = None
    filters = {
        name: list(domains)
        for name, domains in (("allowed_domains", search.allowed_domains), ("blocked_domains", search.blocked_domains))
        if domains
    }
    said: dict[str, Any] = {"type": _SEARCH}
    if filters:
        said["filters"] = filters
    if search.location:
        said["user_location"] = {"type": "approximate", **dict(search.location)}
    return said if search.context_size is None else {**said, "search_context_size": search.context_size}
