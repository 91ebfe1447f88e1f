"""The first look: all patterns at once over a text, by hyperscan. What fires is then looked at closely.

A pattern here may fire for nothing but must not miss: it says where looking closely is worth while. Hyperscan releases
the interpreter's lock while it scans, so two threads may scan at once, but never with the same scratch: each scan takes
one from the free ones and puts it back; list.pop and list.append are atomic.
"""

import functools

import hyperscan

from gateway.privacy import payload
from gateway.privacy.folding import HIDDEN, ODD, ODD_CONTROLS, ODD_MARKS
from gateway.privacy.keys import BY_CHANCE, KEYS

EMAIL, NUMBER, IBAN, LETTERED, ASSIGNED, JWT, PRIVATE_KEY, DATA_URI, BASE64, BASIC_AUTH = range(10)
ODD_SPELLING, HIDDEN_TEXT, ESCAPED, PERCENT, ENTITY, MARKUP, OVER_LINES, GROUPED, KEY = range(10, 19)
_ONCE = hyperscan.HS_FLAG_SINGLEMATCH
_ANY_CASE = _ONCE | hyperscan.HS_FLAG_CASELESS

_NAME = r"(?:key|secret|token|passw?o?r?d?|pwd?|bearer|credentials?|cloudant)"
_CUT = r"[ .\-/()]"
_PATTERNS: list[tuple[int, str, int]] = [
    (EMAIL, r"\S@\S", _ONCE),
    (NUMBER, r"[0-9](?:[ .\-/()]{0,3}[0-9]){8}", _ONCE),
    (NUMBER, r"[0-9](?:[ ./()]{0,3}[0-9]){7}", _ONCE),  # 8 digits, but no ISO date
    # 8 digits with a hyphen in any groups, but for an ISO date's
    (NUMBER, rf"[0-9]{{5}}(?:{_CUT}{{0,3}}[0-9]){{3}}", _ONCE),
    (NUMBER, rf"(?:^|[^0-9])[0-9]{_CUT}{{1,3}}[0-9](?:{_CUT}{{0,3}}[0-9]){{6}}", _ONCE),
    (NUMBER, rf"(?:^|[^0-9])[0-9]{{2}}{_CUT}{{1,3}}[0-9](?:{_CUT}{{0,3}}[0-9]){{5}}", _ONCE),
    (NUMBER, rf"(?:^|[^0-9])[0-9]{{3}}{_CUT}{{1,3}}[0-9](?:{_CUT}{{0,3}}[0-9]){{4}}", _ONCE),
    (NUMBER, rf"[0-9]{{4}}{_CUT}{{1,3}}[0-9](?:{_CUT}{{1,3}}[0-9](?:{_CUT}{{0,3}}[0-9]){{2}}|[0-9]{{2}}{_CUT}{{0,3}}[0-9])", _ONCE),
    (NUMBER, rf"[0-9]{{4}}{_CUT}{{1,3}}[0-9]{{2}}{_CUT}{{1,3}}[0-9]{_CUT}{{1,3}}[0-9]", _ONCE),
    (NUMBER, rf"[0-9]{{4}}(?:{_CUT}{{2,3}}[0-9]{{2}}{_CUT}{{1,3}}|{_CUT}[0-9]{{2}}{_CUT}{{2,3}})[0-9]{{2}}", _ONCE),
    (NUMBER, r"[0-9]{4}(?:-[0-9]{2}[ ./()]|[ ./()][0-9]{2}-)[0-9]{2}", _ONCE),
    (NUMBER, r"[0-9]{4}-(?:[0-9]{2}-(?:[4-9][0-9]|3[2-9]|00)|(?:[2-9][0-9]|1[3-9]|00)-[0-9]{2})", _ONCE),
    (IBAN, r"(?:\b|_)[a-z]{2}[0-9]{2}[ -]?[a-z0-9]{4}[ -]?[a-z0-9]{4}[ -]?[a-z0-9]{3}", _ANY_CASE),
    (LETTERED, r"(?:\b|_)[xyz]?[ -]?[0-9]{7,8}[ -]?[a-z]", _ANY_CASE),
    (LETTERED, r"(?:\b|_)[a-z]{2}[ -]?[0-9]{2}[ -]?[0-9]{2}[ -]?[0-9]{2}[ -]?[a-d]\b", _ANY_CASE),
    (LETTERED, r"[a-z][0-9]{2}[abcdehlmprst][0-9lmnpqrstuv]{2}[a-z][0-9lmnpqrstuv]{3}[a-z]\b", _ANY_CASE),
    (LETTERED, r"(?:\b|_)[0-9]{6}[-+a-fu-y][0-9]{3}[0-9a-z]\b", _ANY_CASE),
    (LETTERED, r"(?:\b|_)[12][ ]?[0-9]{2}[ ]?[0-9]{2}[ ]?2[ab][ ]?[0-9]{3}", _ANY_CASE),
    (LETTERED, r"(?:\b|_)[0-9]{8}[ ]?[0-9][ ]?[a-z0-9]{2}[0-9]\b", _ANY_CASE),
    (ASSIGNED, _NAME + r"[\"'`\])]{0,3}(?:\s{0,20}(?:=>|:=|::|=|:|is)|\s)\s{0,20}[\"'`]{0,3}[\w./+=~-]{16}", _ANY_CASE),
    (ASSIGNED, r"://[^\s/:@]{1,64}:[^\s/@]{3,128}@[a-z0-9]", _ANY_CASE),
    (JWT, r"\beyJ[A-Za-z0-9_-]{8}", _ONCE),
    (PRIVATE_KEY, r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY|PuTTY-User-Key-File-|AGE-SECRET-KEY-1|b3BlbnNzaC1rZXktdjE", _ONCE),
    (DATA_URI, r"data:[^,\s]{0,64},", _ONCE),
    *((BASE64, pattern, _ONCE) for pattern in payload.FIRST),
    (BASIC_AUTH, r"basic[ :]{1,3}[a-z0-9+/]{8}", _ANY_CASE),
    (ODD_SPELLING, ODD_CONTROLS, _ONCE),
    (ESCAPED, r"\\", _ONCE),
    (PERCENT, r"%[0-9a-f]{2}|[0-9a-z][+][0-9]", _ANY_CASE),
    (ENTITY, r"&(?:#[0-9x]|[a-z]{2,8};)", _ANY_CASE),
    (MARKUP, r"[0-9@]\s{0,8}<[/a-z!]|[/a-z\"'-]>\s{0,8}@", _ANY_CASE),
    (GROUPED, r"[0-9]{4}[^0-9a-z\r\n]{0,8}[^0-9a-z\r\n .\-/()][^0-9a-z\r\n]{0,8}[0-9]{4}", _ANY_CASE),
    (OVER_LINES, r"[0-9]-?[ ]{0,2}[\t\r\n][ \t\r\n>]{0,8}[0-9A-Z(]", _ONCE),
]  # fmt: skip

# what is looked at where base64 stands that says no text: what chance does not write with its letters; in much of it
_IN_MUCH_BASE64 = [(NUMBER, r"[0-9](?:[/-]?[0-9]){7}", _ONCE)]
_IN_BASE64 = 1 << NUMBER | 1 << LETTERED | sum(1 << (KEY + row) for row in range(len(KEYS)) if row not in BY_CHANCE)
_ODD = [
    (bit, pattern, _ONCE | hyperscan.HS_FLAG_UTF8)
    for bit, pattern in ((ODD_SPELLING, ODD), (ODD_SPELLING, ODD_MARKS), (HIDDEN_TEXT, HIDDEN))
]


class Scanner:
    """Which patterns fire in a text, as a set of bits: `1 << EMAIL`, and `1 << (KEY + n)` for row n of the keys."""

    def __init__(self) -> None:
        rows = _PATTERNS + [(KEY + row, key.pattern, _ONCE) for row, key in enumerate(KEYS)]
        self._plain = _Database(rows)
        self._anywhere = _Database([(bit, _without_ends(pattern), flags) for bit, pattern, flags in rows])
        self._in_much_base64 = _Database(_IN_MUCH_BASE64)
        self._stretches = _Database([(0, r"[\x20-\x7e]{12}|(?:[\x20-\x7e]\x00){12}", _ONCE)])
        self._odd = _Database(_ODD)  # apart: it would slow down the others, and most text is ASCII

    def fired(self, text: str) -> int:
        """The patterns that fire somewhere in the text."""
        return self._fired(self._plain, text)

    def fired_anywhere(self, text: str) -> int:
        """The same, as if words might begin and end anywhere."""
        return self._fired(self._anywhere, text)

    def fired_in_base64(self, text: str, *, much: bool) -> int:
        """The same of base64 that says no text, as far as chance does not make it fire; `much`: in a long run."""
        return self._in_much_base64.fired(text.encode()) if much else self.fired(text) & _IN_BASE64

    def may_hold_strings(self, block: bytes) -> bool:
        """Whether twelve plain characters stand side by side in it, a byte or two bytes each."""
        return self._stretches.fired(block) != 0

    def _fired(self, database: "_Database", text: str) -> int:
        if text.isascii():
            return database.fired(text.encode())
        encoded = text.encode("utf-8", "replace")  # half of a surrogate pair is no UTF-8
        return database.fired(encoded) | self._odd.fired(encoded)


@functools.cache
def scanner() -> Scanner:
    """The one of this process: its patterns are the same for all, and take some tenths of a second to compile."""
    return Scanner()


def _without_ends(pattern: str) -> str:
    return pattern.replace(r"(?:\b|_)", "").replace(r"\b", "")


class _Database:
    """Compiled patterns and their free scratches."""

    def __init__(self, rows: list[tuple[int, str, int]]) -> None:
        self._database = hyperscan.Database()
        self._database.compile(
            expressions=[pattern.encode() for _, pattern, _ in rows],
            ids=[number for number, _, _ in rows],
            flags=[flags for _, _, flags in rows],
        )
        self._first = hyperscan.Scratch(self._database)  # never scanned with: it is what others are cloned from
        self._free: list[_Desk] = []

    def fired(self, text: bytes) -> int:
        try:
            desk = self._free.pop()
        except IndexError:
            desk = _Desk(self._first.clone())
        self._database.scan(text, desk.note, 0, None, desk.scratch)
        fired = desk.fired
        if fired:
            desk.fired = 0
        self._free.append(desk)
        return fired


class _Desk:
    """What one scan works with."""

    __slots__ = ("fired", "note", "scratch")

    def __init__(self, scratch: hyperscan.Scratch) -> None:
        self.scratch = scratch
        self.fired = 0
        self.note = self._note

    def _note(self, number: int, *_: object) -> None:
        self.fired |= 1 << number
