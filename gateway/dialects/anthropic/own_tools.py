"""Tools that Anthropic runs itself: as they are declared, called, and answered.

Source: the types of Anthropic's Python SDK 2.14 (WebSearchTool20250305Param, ServerToolUseBlock, WebSearchToolResultBlock
and its like).
"""

from typing import Any

import msgspec

from gateway.dialects.anthropic.marks import MAKER
from gateway.values.chat import ProviderCall, ProviderResult, ProviderTool, WebSearch

_WEB_SEARCH = "web_search_20250305"
_CALLS = frozenset({"server_tool_use", "mcp_tool_use"})
_RESULT = "_tool_result"
_NO_INPUT = msgspec.Raw(b"{}")


class _Declared(msgspec.Struct):
    type: str = ""
    name: str = ""
    max_uses: int | None = None
    allowed_domains: list[str] | None = None
    blocked_domains: list[str] | None = None
    user_location: dict[str, msgspec.Raw] | None = None


class Used(msgspec.Struct):
    """A block that tells of a call or its result, as far as it is read."""

    type: str = ""
    id: str | None = None
    name: str | None = None
    tool_use_id: str | None = None


_declared = msgspec.json.Decoder(_Declared).decode
_text = msgspec.json.Decoder(str).decode
_encode = msgspec.json.Encoder().encode


def tool_of(raw: bytes) -> ProviderTool | None:
    """One that Anthropic runs itself; None for one of which the caller runs each call, or that cannot be read."""
    try:
        one = _declared(raw)
        native = raw.decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not one.type.startswith("web_search_"):
        return ProviderTool(kind=one.name or one.type, native=native, maker=MAKER)
    place = [(name, _words(value)) for name, value in (one.user_location or {}).items() if name != "type"]
    search = WebSearch(
        max_uses=one.max_uses,
        allowed_domains=tuple(one.allowed_domains or ()),
        blocked_domains=tuple(one.blocked_domains or ()),
        location=tuple((name, value) for name, value in place if value),
    )
    return ProviderTool(kind="web_search", native=native, maker=MAKER, search=search)


def _words(raw: msgspec.Raw) -> str:
    try:
        return _text(raw)
    except msgspec.DecodeError:
        return ""


def tool_body(tool: ProviderTool) -> Any:
    """As it was declared here, or a search of the web; None for another one's."""
    if tool.native is not None and tool.maker == MAKER:
        return msgspec.Raw(tool.native.encode())
    if tool.search is None:
        return None
    search = tool.search
    said: dict[str, Any] = {"type": _WEB_SEARCH, "name": "web_search"}
    if search.max_uses is not None:
        said["max_uses"] = search.max_uses
    if search.allowed_domains:
        said["allowed_domains"] = list(search.allowed_domains)
    elif search.blocked_domains:
        said["blocked_domains"] = list(search.blocked_domains)
    if search.location:
        said["user_location"] = {"type": "approximate", **dict(search.location)}
    return said


def used_part(block: Used, native: str) -> ProviderCall | ProviderResult | None:
    """What such a tool was asked, or gave back; None for any other block. `native`: the block's JSON."""
    if block.type in _CALLS and block.id is not None:
        return ProviderCall(id=block.id, kind=block.name or "", native=native, maker=MAKER)
    if block.type.endswith(_RESULT) and block.type != "tool_result" and block.tool_use_id is not None:
        kind = block.type.removesuffix(_RESULT)
        return ProviderResult(call_id=block.tool_use_id, kind=kind, native=native, maker=MAKER)
    return None


def native_of(block: Any, arguments: str | None = None) -> str:
    """The JSON of a block of a stream, of what is read of it. `arguments`: of a call, which come after it began."""
    said: dict[str, Any] = {"type": block.type}
    if block.type in _CALLS:
        said |= {"id": block.id, "name": block.name, "input": msgspec.Raw((arguments or "{}").encode())}
    else:
        said |= {"tool_use_id": block.tool_use_id, "content": block.content}
    return _encode(said).decode()
