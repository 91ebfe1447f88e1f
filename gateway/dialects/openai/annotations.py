"""`annotations` of a message: where its text has something from.

Source: OpenAI's OpenAPI description 2.3.0 (ChatCompletionResponseMessage, `url_citation`): the indices count the characters
of the message, and have to be there.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.values.chat import Citation, Text


class _Url(msgspec.Struct, gc=False):
    url: str
    title: str | None = None
    start_index: int | None = None
    end_index: int | None = None
    content: str | None = None  # OpenRouter's: what the page says


class _Annotation(msgspec.Struct, gc=False):
    url_citation: _Url | None = None


_decode = msgspec.json.Decoder(list[_Annotation] | None).decode


def citations_of(annotations: msgspec.Raw) -> tuple[Citation, ...]:
    """Those that name a page. What cannot be read says nothing: the text stands without it."""
    try:
        found = _decode(annotations) or []
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ()
    urls = [one.url_citation for one in found if one.url_citation is not None]
    return tuple(
        Citation(url=one.url, title=one.title, quote=one.content, start=one.start_index, end=one.end_index)
        for one in urls
    )


def annotations_body(texts: Sequence[Text]) -> list[dict[str, Any]]:
    """Of the texts of a message, one after the other. A citation without a page has no form here."""
    found: list[dict[str, Any]] = []
    at = 0
    for text in texts:
        found += [one for citation in text.citations if (one := annotation(citation, at, at + len(text.text)))]
        at += len(text.text)
    return found


def annotation(citation: Citation, start: int, end: int) -> dict[str, Any] | None:
    """`start` and `end`: of the text that it belongs to, where it does not say itself which characters it is about."""
    if citation.url is None:
        return None
    where = {
        "start_index": start if citation.start is None else citation.start,
        "end_index": end if citation.end is None else citation.end,
    }
    return {"type": "url_citation", "url_citation": {"url": citation.url, "title": citation.title or "", **where}}
