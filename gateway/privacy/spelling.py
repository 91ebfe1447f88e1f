"""Other ways to write the same text, undone: escapes, percent signs, HTML's entities, numbers that go over lines.

The first scan says which of them a text may hold (`RESPELLED`, by bits of `scan`); one that holds none is never here.
"""

import html
import re
from collections.abc import Callable
from urllib.parse import unquote

from gateway.privacy.folding import folded

_ESCAPE = re.compile(r"\\+(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_END_OF_LINE, _INDENT = re.compile(r"\s*[\t\r\n]\s*\Z"), re.compile(r"\A[ ]*[\t\r\n][\s>]*|\A(?:>[ ]?)+")
_LETTER_OF = {"n": "\n", "t": "\t", "r": "\r", "b": " ", "f": " "}
_PLUS = re.compile(r"(?<=[0-9A-Za-z])\+(?=[0-9A-Za-z(])", re.ASCII)  # a space, in a form's fields
_BREAK = r"[ ]{0,3}(?:\t[ \t]{0,8}|(?:\r?\n[ \t>]{0,16}){1,4})"
_OVER_LINES = re.compile(
    rf"(?<![0-9A-Za-z])[0-9A-Z]{{1,32}}(?:(?:[ .\-/()]{{1,3}}|-?{_BREAK}[(]?)[0-9A-Z]{{1,32}})*+", re.ASCII
)
_ONE_BREAK = re.compile(_BREAK)
_MOST_BREAKS = 4  # a card in five pieces; more are a table's columns or rows
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}(?![0-9A-Z])")
_MOST_OF_IBAN = 8
_TAG = r"(?:<!--[^<>]{0,200}-->|</?[A-Za-z][^<>]{0,200}>)"
_TAGS = re.compile(rf"\s{{0,8}}{_TAG}(?:\s{{0,8}}{_TAG}){{0,8}}\s{{0,8}}", re.ASCII)
_INLINE = re.compile(
    r"\s*(?:<!--[^<>]*-->|</?(?:a|abbr|b|bdi|bdo|big|code|del|em|font|i|ins|kbd|mark|q|s|small|span|strong|sub|sup|tt|u|wbr)\b[^<>]*>)",
    re.ASCII | re.IGNORECASE,
)
# groups as cards and Chinese ids are cut into, by whatever is no letter and no digit: quotes and commas of a list, bars, stars
_SIGNS = r"(?:[^\w\r\n]|_){1,12}"
_GROUPED = re.compile(
    rf"(?<![0-9A-Za-z])[0-9]{{4}}(?:{_SIGNS})(?:[0-9]{{4}}(?:{_SIGNS})[0-9]{{4}}(?:{_SIGNS})[0-9]{{4}}|[0-9]{{6}}(?:{_SIGNS})[0-9]{{4,5}})"
    rf"(?![0-9A-Za-z])|(?<![0-9A-Za-z])[0-9]{{6}}(?:{_SIGNS})[0-9]{{8}}(?:{_SIGNS})[0-9]{{3}}[0-9Xx](?![0-9A-Za-z])"
    rf"|(?<![0-9A-Za-z])[0-9]{{8}}(?:{_SIGNS})[0-9]{{8}}(?![0-9A-Za-z])"
)
_ONE_SIGN = re.compile(r"[\W_]+")
_GOES_ON, _WENT_ON = re.compile(r"[\W_]{1,12}[0-9]"), re.compile(r"[0-9][\W_]{1,12}\Z")
_LATIN = {
    0xDC00 + byte: chr(byte) for byte in range(0x80, 0x100)
}  # bytes that are no UTF-8, as `surrogateescape` has them


def unescaped(text: str) -> str:
    """One level of backslashes undone. JSON in a string (a tool call's arguments) is one; so is what a program printed."""
    return _PAIR.sub(_whole, _ESCAPE.sub(_letter, text))


def without_percent(text: str) -> str:
    """As a form or a URL says it."""
    return unquote(_PLUS.sub(" ", text), errors="surrogateescape").translate(_LATIN)


def on_one_line(text: str) -> str:
    """Numbers that are cut by a few tabs or ends of lines, with spaces instead. A table stays as it is."""
    return _OVER_LINES.sub(_joined, text)


def without_markup(text: str) -> str:
    """Without HTML's tags: those within a line leave nothing, others cut the text like a tab."""
    return _TAGS.sub(_tags_as_shown, text)


def grouped(text: str) -> str:
    """Four groups of digits, as cards and ids are cut, with spaces between them. A longer list is a table and stays as it is."""
    return _GROUPED.sub(_with_spaces, text)


def at_a_seam(text: str) -> str:
    """Without lines and quotation marks at its ends, where it may go on from another text."""
    return _INDENT.sub(" ", _END_OF_LINE.sub(" ", text))


def respelled(text: str, ways: tuple[Callable[[str], str], ...]) -> str:
    """The text with these ways to write it undone, one after the other."""
    for way in ways:
        text = way(text)
    return text


def _tags_as_shown(tags: re.Match[str]) -> str:
    return "" if not _INLINE.sub("", tags.group()).strip() else "\t"


def _with_spaces(groups: re.Match[str]) -> str:
    text, (start, end) = groups.string, groups.span()
    if _GOES_ON.match(text, end) or _WENT_ON.search(text[max(0, start - 13) : start]):
        return groups.group()
    return _ONE_SIGN.sub(" ", groups.group())


def _letter(escape: re.Match[str]) -> str:
    rest = escape.group(0).lstrip("\\")
    slashes = len(escape.group(0)) - len(rest)
    kept = "\\" * (slashes // 2)
    if slashes % 2 == 0:
        return kept + rest
    code = escape.group(1) or escape.group(2)
    if code:
        return kept + chr(int(code, 16))
    return kept + _LETTER_OF.get(escape.group(3), escape.group(3))


def _whole(pair: re.Match[str]) -> str:
    return pair.group().encode("utf-16", "surrogatepass").decode("utf-16")


def _joined(run: re.Match[str]) -> str:
    one_line, breaks = _ONE_BREAK.subn(" ", run.group())
    most = _MOST_OF_IBAN if _IBAN.match(one_line) else _MOST_BREAKS
    return one_line.replace("- ", "-") if 0 < breaks <= most else run.group()


WAYS: tuple[Callable[[str], str], ...] = (
    folded,
    unescaped,
    without_percent,
    html.unescape,
    without_markup,
    on_one_line,
    grouped,
)
