"""`citations` of a block of text.

Source: the types of Anthropic's Python SDK 2.14: char_location, page_location, content_block_location (of a document of the
prompt), search_result_location and web_search_result_location (of a page).
"""

from typing import Any

import msgspec

from gateway.dialects.anthropic.marks import MAKER
from gateway.values.chat import Citation

_WEB = "web_search_result_location"


class _Location(msgspec.Struct, gc=False):
    type: str = ""
    cited_text: str | None = None
    title: str | None = None
    document_title: str | None = None
    document_index: int | None = None
    file_id: str | None = None
    url: str | None = None
    source: str | None = None


_list = msgspec.json.Decoder(list[msgspec.Raw] | None).decode
_location = msgspec.json.Decoder(_Location).decode


def citations_of(raw: msgspec.Raw) -> tuple[Citation, ...]:
    """Of a whole block. What cannot be read says nothing: the text stands without it."""
    try:
        return tuple(one for each in _list(raw) or () if (one := citation_of(each)) is not None)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ()


def citation_of(raw: msgspec.Raw) -> Citation | None:
    """One of them."""
    try:
        one = _location(raw)
        native = bytes(raw).decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return Citation(
        url=one.url or one.source,
        title=one.title or one.document_title,
        quote=one.cited_text,
        document=one.document_index,
        file_id=one.file_id,
        native=native,
        maker=MAKER,
    )


def citation_body(one: Citation) -> Any:
    """For Anthropic, or a caller of its dialect: as it was written, or as of a page. None for one that has no form here."""
    if one.native is not None and one.maker == MAKER:
        return msgspec.Raw(one.native.encode())
    if one.url is None:
        return None
    return {
        "type": _WEB, "cited_text": one.quote or "", "encrypted_index": "", "title": one.title, "url": one.url,
    }  # fmt: skip
