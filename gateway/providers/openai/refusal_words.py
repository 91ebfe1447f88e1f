"""What a refusal says where it has no error object: FastAPI's `detail`, a list of `errors`, text, a page, an event."""

import contextlib
import html
import re
from typing import Any, NamedTuple

import msgspec

_MOST = 8 * 1024  # bytes of text that are looked at
_NAMES = ("message", "msg", "detail", "error", "errors", "title", "description", "error_description", "reason")
_DATA = re.compile(rb"^data: ?(.*)$", re.MULTILINE)
_UNSEEN = re.compile(r"<(script|style|head)\b.*?</\1\s*>|<!--.*?-->", re.DOTALL | re.IGNORECASE)
_TITLE = re.compile(r"<title\b[^>]*>(.*?)</title", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_PAGE = re.compile(r"\s*<(!doctype|html|head|body|\?xml)\b", re.IGNORECASE)


class Words(NamedTuple):
    """What was said, and the field that it was said of."""

    message: str | None = None
    param: str | None = None


def unframed(body: bytes) -> bytes:
    """The data of a body that is an event stream though it was refused: itself where it is none."""
    if not body.lstrip().startswith((b"data:", b"event:", b":")):
        return body
    events = [data for data in _DATA.findall(body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")) if data != b"[DONE]"]
    return events[0] if events else body


def words_of(body: bytes) -> Words:
    """Of a body that is not as OpenAI's."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Words(_plain(body[:_MOST].decode("utf-8", "replace")) or None)
    with contextlib.suppress(RecursionError):
        return _of(found)
    return Words()


def _of(value: Any) -> Words:
    if isinstance(value, str):
        return Words(_plain(value[:_MOST]) or None)
    if isinstance(value, list):
        said = [words for words in map(_of, value[:10]) if words.message]
        param = said[0].param if said else None
        return Words("; ".join(words.message for words in said if words.message) or None, param)
    if not isinstance(value, dict):
        return Words()
    found = next((words for name in _NAMES if name in value and (words := _of(value[name])).message), Words())
    path = _path(value.get("loc") or value.get("param"))
    if path is None or found.message is None:
        return found
    return Words(f"{path}: {found.message}" if "loc" in value else found.message, path)


def _path(where: Any) -> str | None:
    """FastAPI's `["body", "messages", 0, "role"]` as `messages.0.role`."""
    if isinstance(where, str):
        return where
    if not isinstance(where, list):
        return None
    return ".".join(str(step) for step in where[:10] if step != "body") or None


def _plain(text: str) -> str:
    """A page's text, or a text's, on one line."""
    if _PAGE.match(text):
        title = _TITLE.search(text)
        rest = _TAG.sub(" ", _UNSEEN.sub(" ", text))
        text = html.unescape(rest if rest.strip() or title is None else title[1])
    return " ".join(text.split())
