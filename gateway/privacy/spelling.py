"""Other ways to write the same text, undone: escapes, percent signs, HTML's entities, numbers that go over lines.

The first scan says which of them a text may hold (`RESPELLED`, by bits of `scan`); one that holds none is never here.
"""

import html
import re
from collections.abc import Callable
from urllib.parse import unquote

from gateway.privacy.folding import folded

_ESCAPE = re.compile(r"\\+(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_LETTER_OF = {"n": "\n", "t": "\t", "r": "\r", "b": " ", "f": " "}
_PLUS = re.compile(r"(?<=[0-9A-Za-z])\+(?=[0-9A-Za-z(])", re.ASCII)  # a space, in a form's fields
_BREAK = r"[ ]{0,3}(?:\t[ \t]{0,8}|\r?\n[ \t>]{0,16})"
_OVER_LINES = re.compile(
    rf"(?<![0-9A-Za-z])[0-9A-Z]{{1,32}}(?:(?:[ .\-/()]{{1,3}}|-?{_BREAK}[(]?)[0-9A-Z]{{1,32}})*+", re.ASCII
)
_ONE_BREAK = re.compile(_BREAK)
_MOST_BREAKS = 4  # a card in five pieces; more are a table's columns or rows
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}(?![0-9A-Z])")
_MOST_OF_IBAN = 8


def unescaped(text: str) -> str:
    """One level of backslashes undone. JSON in a string (a tool call's arguments) is one; so is what a program printed."""
    return _ESCAPE.sub(_letter, text)


def without_percent(text: str) -> str:
    """As a form or a URL says it."""
    return unquote(_PLUS.sub(" ", text))


def on_one_line(text: str) -> str:
    """Numbers that are cut by a few tabs or ends of lines, with spaces instead. A table stays as it is."""
    return _OVER_LINES.sub(_joined, text)


def respelled(text: str, ways: tuple[Callable[[str], str], ...]) -> str:
    """The text with these ways to write it undone, one after the other."""
    for way in ways:
        text = way(text)
    return text


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


def _joined(run: re.Match[str]) -> str:
    one_line, breaks = _ONE_BREAK.subn(" ", run.group())
    most = _MOST_OF_IBAN if _IBAN.match(one_line) else _MOST_BREAKS
    return one_line.replace("- ", "-") if 0 < breaks <= most else run.group()


WAYS: tuple[Callable[[str], str], ...] = (folded, unescaped, without_percent, html.unescape, on_one_line)
