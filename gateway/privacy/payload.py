"""Base64 in a text: where it is, and what it says. Images, audio and files are in it as well as text.

A run of base64's letters is decoded wherever it stands; `charsets` says what the bytes are. Whether a run is base64 at
all cannot be known, so what stands there is looked at as text too, but for what chance writes with these letters.
"""

import binascii
import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from gateway.privacy.budget import Meter
from gateway.privacy.charsets import Readings, texts
from gateway.values.pause import Pause, no_pause

_DATA_URI = re.compile(
    r"data:([a-zA-Z0-9.+/_-]{0,100})((?:;[ ]?[a-zA-Z0-9_.+-]{1,100}(?:=[\"']?[a-zA-Z0-9=._+-]{0,100}[\"']?)?){0,5}),",
    re.ASCII | re.IGNORECASE,
)
_CHARSET = re.compile(r"charset=[\"']?([a-z0-9_-]{1,40})", re.ASCII | re.IGNORECASE)
_DIGITS = r"(?:[MNO][DTjz][AEIMQUYcgk][wxyz0-5]){2}"  # six digits in base64
_ESCAPED = r"\\+/|\\+u00(?:2[bB]|2[fF]|5[fF])|%2[bB]|%2[fF]"  # how JSON and forms write some of its letters
_SHORTEST = 20  # characters that are taken for base64 whatever they are; encoded numbers are shorter
# for the first scan
FIRST = (
    r"[A-Za-z0-9+/_-]{20}",
    _DIGITS,
    r"[A-Za-z0-9+/_-](?:\\/|\\u00(?:2[bBfF]|5[fF])|%2[bBfF])[A-Za-z0-9+/_-]",
)
_RUN = re.compile(
    rf"(?<![A-Za-z0-9+/_-])(?:(?:[A-Za-z0-9+/_-]|{_ESCAPED}){{{_SHORTEST}}}|(?:[A-Za-z0-9+/_-]{{4}}){{0,2}}{_DIGITS})",
    re.ASCII,
)
_LETTERS = rf"(?:[A-Za-z0-9+/_-]++|{_ESCAPED})"
_PADDING = re.compile(r"(?:=|%3[dD]|\\+u003[dD]){0,2}", re.ASCII)
_BREAK = r"(?:\\*\r)?\\*\n|(?:\\+r)?\\+n|%0[dD]%0[aA]|%0[aA]"  # as it is or as JSON and forms write it
_ON_THE_LINE = re.compile(rf"{_LETTERS}*+", re.ASCII)
_MORE_LINES = re.compile(rf"(?:(?:{_BREAK})[ \t]{{0,8}}[A-Za-z0-9+/_-]{{4,}}+{_LETTERS}*+)*+", re.ASCII)
# each way begins with one sign, which is what can be searched for fast
_WRITTEN = re.compile(r"\\+(?:u00(..)|((?:r\\+)?n|(?:\r\\*)?\n))?|%(..)", re.ASCII | re.DOTALL)
_FULL_LINE = 48  # characters; encoders break lines at 60, 64 or 76
_LONGEST_URI = 1024  # characters before its comma
_BEFORE = 200  # characters before a payload in which its charset is declared
_STANDARD = bytes.maketrans(b"-_", b"+/")
_NO_DIGITS = b"\t\r\n= "
_SLICE = 32 * 1024  # characters between two looks at the time
_PLAIN = re.compile(
    r"[A-Za-z0-9+/_-]{8}", re.ASCII
)  # no sign that is written with several characters goes over its end
_SAMPLE = 256  # characters
_SEPARATORS = re.compile(r"[+/_-]")
_MOST_SEPARATORS = 20  # in a sample; chance gives 8, names and paths have more
_OPAQUE = 512  # characters; shorter runs are looked at as any text


class Opaque(NamedTuple):
    """A long run of base64 that says no text. `declared`: it is called base64, and nothing else than that."""

    start: int
    end: int
    declared: bool


class Payloads(NamedTuple):
    """What some base64 says; where the last of it ends; the first long run that is no text, where the search ended."""

    said: list[Readings]
    end: int
    opaque: Opaque


NO_OPAQUE = Opaque(0, 0, declared=False)
NO_PAYLOADS = Payloads([], 0, NO_OPAQUE)


def payloads(text: str, start: int, end: int, may_hold: Callable[[bytes], bool], meter: Meter) -> Payloads:
    """Those of the data URIs and the base64 that begin in `start:end` of a text; see `charsets.texts` for `may_hold`."""
    said = list(_short_ones(text, start, end, meter))
    place = start
    while (run := _RUN.search(text, place, end + _SHORTEST)) and run.start() < end:
        meter.work()
        place = _end(text, run.start(), meter)
        head = text[max(0, run.start() - _BEFORE) : run.start()]
        said += _said([*_written(text, run.start(), place, meter)], _declared(head), may_hold, meter)
        if place - run.start() >= _OPAQUE:
            declared = head.endswith(";base64,")
            if declared or looks_encoded(text, run.start(), place):
                return Payloads(said, place, Opaque(run.start(), place, declared))
    return Payloads(said, place, NO_OPAQUE)


def _end(text: str, start: int, meter: Meter) -> int:
    """Where the run ends, further lines included. Short lines are lists of something."""
    end = _past_padding(text, _along(_ON_THE_LINE, text, start, meter))
    if end - start < _FULL_LINE:
        return end
    place = end
    while (more := _along(_MORE_LINES, text, place, meter)) > place:
        place = _along(_ON_THE_LINE, text, more, meter)  # where a slice ended in the line
    return _past_padding(text, place)


def _along(pattern: re.Pattern[str], text: str, place: int, meter: Meter) -> int:
    """Where what is repeated ends: in slices, a slice ends between two of them."""
    while True:
        found = pattern.match(text, place, place + _SLICE)
        end = found.end() if found else place
        if end + _SLICE // 2 < place + _SLICE or end == place:
            return end
        meter.pause()
        place = end


def _past_padding(text: str, place: int) -> int:
    padding = _PADDING.match(text, place)
    return padding.end() if padding else place


def _said(pieces: list[str], declared: str, may_hold: Callable[[bytes], bool], meter: Meter) -> list[Readings]:
    """What one payload over lines says. Where its lines are not whole, they may be one a line; and if they are of one
    length also one that was cut there.
    """
    lines: list[str] = []
    odd = 0
    lengths: set[int] = set()
    for some in _lines(pieces):
        meter.pause()
        odd += sum(len(line) % 4 != 0 for line in some)
        lengths.update(map(len, (*lines[-1:], *some[:-1])))  # all but the last
        lines += some
    whole = not odd or (odd == 1 and len(lines[-1]) % 4 != 0)
    parts = [pieces] if whole or len(lengths) == 1 else []
    parts += [] if whole else [[line] for line in lines]
    return list(filter(None, (texts(_bytes(part, meter.pause), declared, may_hold, meter) for part in parts)))


def _written(text: str, start: int, end: int, meter: Meter) -> Iterator[str]:
    """What is written between two places, some characters at a time, without escapes."""
    while start < end:
        stop = end
        if end - start > _SLICE:
            meter.pause()
            plain = _PLAIN.search(text, start + _SLICE, end)
            stop = plain.end() if plain else end
        some = text[start:stop]
        yield _WRITTEN.sub(_as_it_is, some) if "\\" in some or "%" in some else some
        start = stop


def _lines(pieces: list[str]) -> Iterator[list[str]]:
    """The lines that the pieces make, some at a time."""
    goes_on: list[str] = []
    for some in filter(None, pieces):
        words = some.split()
        lines = []
        if goes_on and words and not some[0].isspace():
            goes_on.append(words.pop(0))
        if goes_on and (words or some[-1].isspace()):
            lines.append("".join(goes_on))
            goes_on = []
        if words and not some[-1].isspace():
            goes_on.append(words.pop())
        yield lines + words
    yield ["".join(goes_on)] if goes_on else []


def _as_it_is(written: re.Match[str]) -> str:
    code = written[1] or written[3]
    if written[2] or code in ("0d", "0D", "0a", "0A"):
        return "\n"
    return chr(int(code, 16)) if code else ""


def _declared(head: str) -> str:
    """The charset that a data URI or a header right before says; nothing where none does."""
    named = _CHARSET.findall(head)
    return named[-1] if named else ""


def _short_ones(text: str, start: int, end: int, meter: Meter) -> Iterator[Readings]:
    """What is called base64, and is shorter than what is taken for it."""
    place = start
    while (uri := _DATA_URI.search(text, place, end + _LONGEST_URI)) and uri.start() < end:
        meter.work()
        place = uri.end()
        short = _ON_THE_LINE.match(text, place, place + _SHORTEST) if ";base64" in uri.group(2).lower() else None
        end = _past_padding(text, short.end()) if short else place
        if place < end < place + _SHORTEST:
            yield texts(decoded(text[place:end]), _declared(uri.group(2)), _any, meter)


def _any(_: bytes) -> bool:
    return True


def decoded(base64: str) -> bytes:
    """The bytes, of either alphabet, padded or not."""
    return _bytes([base64], no_pause)


def _bytes(pieces: Iterable[str], pause: Pause) -> bytes:
    """What the pieces say together."""
    found: list[bytes] = []
    left = b""
    for piece in pieces:
        pause()
        digits = left + piece.encode("ascii", "ignore").translate(_STANDARD, _NO_DIGITS)
        whole = len(digits) // 4 * 4
        found.append(binascii.a2b_base64(digits[:whole]))
        left = digits[whole:]
    if len(left) > 1:  # one digit alone is no byte
        found.append(binascii.a2b_base64(left + b"=" * (4 - len(left))))
    return b"".join(found)


def looks_encoded(text: str, start: int, end: int) -> bool:
    """Whether it is base64 by its letters. Lists of numbers, names with hyphens and paths are written with the same letters."""
    places = (start, (start + end - _SAMPLE) // 2, end - _SAMPLE)
    return all(_mixed(text[max(start, at) : max(start, at) + _SAMPLE]) for at in places)


def _mixed(sample: str) -> bool:
    both_cases = sample.lower() != sample and sample.upper() != sample
    return both_cases and len(_SEPARATORS.findall(sample)) <= _MOST_SEPARATORS
