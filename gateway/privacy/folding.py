"""One spelling for what reads the same: full-width and other digits, spaces, hyphens, letters.

A text is folded only where it holds a character of `ODD`, which the first scan looks for: clean text pays nothing.
"""

import unicodedata

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


def folded(text: str) -> str:
    """The text in plain spelling; characters that are not shown are gone."""
    return text.translate(_TABLE)
