"""One spelling for what reads the same: full-width and other digits, spaces, hyphens, letters; and no escapes.

A text is folded only where it holds a character of `ODD`, which the first scan looks for: clean text pays nothing.
"""

import re
import unicodedata
from collections.abc import Iterator
from itertools import count

from gateway.privacy.budget import Meter

_HIDDEN = {*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0x00AD, 0x034F, 0x061C, 0xFEFF}
_HIDDEN |= {0x180E, *range(0xFE00, 0xFE10), *range(0xE0020, 0xE0080)}
_DASHES = {*range(0x2010, 0x2016), 0x2043, 0x2212, 0xFE58, 0xFE63, 0xFF0D, 0x2E3A}
# full-width comma, colon and brackets are Chinese punctuation, not a spelling of ours
_LETTERS = [*range(0xFF10, 0xFF1A), *range(0xFF20, 0xFF3B), *range(0xFF41, 0xFF5B), 0xFF0B, 0xFF0E, 0xFF0F, 0xFF3F]
_LETTERS += [*range(0x1D400, 0x1D800), *range(0x2460, 0x246A), *range(0x2070, 0x208F), 0xFE52, 0xFE6B]

_LAST_DIGIT = 0x20000  # Unicode has no decimal digit or space from here on


def _spellings() -> dict[int, str]:
    table = dict.fromkeys(_HIDDEN, "") | dict.fromkeys(_DASHES, "-")
    for code in range(0x80, _LAST_DIGIT):
        if code in table:
            continue
        letter = chr(code)
        category = unicodedata.category(letter)
        if category == "Nd":
            table[code] = str(unicodedata.decimal(letter))
        elif category == "Zs":
            table[code] = " "
    for code in _LETTERS:
        plain = unicodedata.normalize("NFKC", chr(code))
        if code not in table and plain.isascii() and plain != chr(code):
            table[code] = plain
    return table


_TABLE = _spellings()


def _ranges(codes: list[int]) -> str:
    """A regular expression's class over these characters, as hyperscan and Python write it."""
    parts: list[list[int]] = []
    for code in sorted(codes):
        if parts and code == parts[-1][1] + 1:
            parts[-1][1] = code
        else:
            parts.append([code, code])
    return "[" + "".join(chr(low) if low == high else f"{chr(low)}-{chr(high)}" for low, high in parts) + "]"


ODD = _ranges(list(_TABLE))

_ESCAPE = re.compile(r"\\+(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_LEVELS = 3
_MANY = 1024  # escapes between two looks at the time
_LETTER_OF = {"n": "\n", "t": "\t", "r": "\r", "b": " ", "f": " "}


def folded(text: str) -> str:
    """The text in plain spelling; characters that are not shown are gone."""
    return text.translate(_TABLE)


def unescaped(text: str, meter: Meter) -> Iterator[str]:
    """The text with one level of escapes undone, then two, then three: as long as there are any.

    JSON in a string (a tool call's arguments) is one level; so is what a program printed. Raises GivenUp.
    """
    turns = count(1)

    def letter(escape: re.Match[str]) -> str:
        if next(turns) % _MANY == 0:
            meter.tick()
        return _letter(escape)

    for _ in range(_LEVELS):
        if "\\" not in text:
            return
        text = _ESCAPE.sub(letter, text)
        yield text


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
