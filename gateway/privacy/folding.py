"""One spelling for what reads the same: digits of any script and shape, spaces, hyphens, letters, what is not shown.

What a character stands for is read off its properties in `unicodedata`, and is no list of ours but where that has none.

A text is folded only where it holds a character of `ODD`, which the first scan looks for: clean text pays nothing.
Characters that are not shown may also stand for others (`HIDDEN`): models read what they spell. Whether they do or only
cut up the text cannot be known, so where they stand both is looked at, `folded` and `revealed`.
"""

import re
import unicodedata

# Unicode's Other_Default_Ignorable_Code_Point and the fillers that it has among letters (DerivedCoreProperties of 16.0);
# the rest of Default_Ignorable_Code_Point is format characters and variation selectors, which are Cf and Mn
_IGNORABLE = {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2065, 0x3164, 0xFFA0, *range(0xFFF0, 0xFFF9)}
_IGNORABLE_PLANE = range(0xE0000, 0xE1000)
_BLANK = {0x2800, 0x1D159}  # braille's and music's signs without ink
_BREAKS = {0x0B, 0x0C, 0x1C, 0x1D, 0x1E, 0x85}  # controls that end a line; Zl and Zp do as well
_KEPT = {0x09, 0x0A, 0x0D, 0x00AA, 0x00BA}  # the last two are letters of their own in Spanish and Portuguese
_DASHES = {*range(0x2010, 0x2016), 0x2043, 0x2212, 0xFE58, 0xFE63, 0xFF0D, 0x2E3A}
# full-width comma, colon and the like are Chinese punctuation, not a spelling of ours
_SIGNS = frozenset("+-./@_")
# a letter in a frame that has no compatibility mapping, and the letters that flags are made of
_FRAMED = re.compile(r"(?:LATIN (?:CAPITAL|SMALL)|INDICATOR SYMBOL) LETTER ([A-Z])\Z")
_TAGS = range(0xE0020, 0xE007F)  # a copy of ASCII
_SELECTORS = (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))  # 256, so that each can stand for a byte
_LAST = 0x20000  # from here on nothing but the ignorable plane is of these properties, as a test holds


def _spelling(code: int) -> str | None:  # noqa: PLR0911 - one line a property
    """What stands for a character, by its properties; None where it stands for itself."""
    letter = chr(code)
    category = unicodedata.category(letter)
    if code in _BREAKS or category in ("Zl", "Zp"):
        return "\n"
    if code in _BLANK or (category == "Zs" and code != ord(" ")):
        return " "
    if code in _KEPT:
        return None
    if code in _IGNORABLE or category in ("Cc", "Cf", "Mn", "Me"):
        return ""
    if code in _DASHES:
        return "-"
    if code < 0x80:
        return None
    digit = unicodedata.digit(letter, None)
    if digit is not None:
        return str(digit)
    framed = _FRAMED.search(unicodedata.name(letter, "")) if category == "So" else None
    if framed is not None:
        return framed[1].lower()
    plain = unicodedata.normalize("NFKC", letter)
    return plain if plain.isascii() and len(plain) == 1 and (plain.isalnum() or plain in _SIGNS) else None


def _spellings() -> dict[int, str]:
    table = {code: spelling for code in range(_LAST) if (spelling := _spelling(code)) is not None}
    return table | dict.fromkeys(_IGNORABLE_PLANE, "")


_TABLE = _spellings()
_REVEALED = {code: chr(code - 0xE0000) for code in _TAGS} | {code: chr(byte) for byte, code in enumerate(_SELECTORS)}


def _ranges(codes: list[int]) -> str:
    """A regular expression's class over these characters, as hyperscan and Python write it."""
    parts: list[list[int]] = []
    for code in sorted(codes):
        if parts and code == parts[-1][1] + 1:
            parts[-1][1] = code
        else:
            parts.append([code, code])
    return "[" + "".join(chr(low) if low == high else f"{chr(low)}-{chr(high)}" for low, high in parts) + "]"


def _is_mark(code: int) -> bool:
    return code not in _IGNORABLE and unicodedata.category(chr(code)) in ("Mn", "Me")


# marks belong to many a script; odd are those on a plain character. Controls are looked for with the other patterns
ODD = _ranges([code for code in _TABLE if code >= 0x80 and (code >= _LAST or not _is_mark(code))])
ODD_MARKS = "[\x01-\x7f]" + _ranges([code for code in _TABLE if code < _LAST and _is_mark(code)])
HIDDEN = f"{_ranges([*_TAGS])}|{_ranges([*_SELECTORS[16:]])}{{4}}"  # one alone is part of a letter; the first 16 are controls
ODD_CONTROLS = r"[\x00-\x08\x0b\x0e-\x1f\x7f]"


def folded(text: str) -> str:
    """The text in plain spelling; characters that are not shown are gone."""
    return text.translate(_TABLE)


def revealed(text: str) -> str:
    """The text with what its tag characters and variation selectors stand for: ASCII, and bytes as ISO 8859-1 has them."""
    return text.translate(_REVEALED)
