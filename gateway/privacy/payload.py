"""Base64 in a text: where it is, and what it says. Images, audio and files are in it as well as text.

A run of base64's letters is decoded wherever it stands; `charsets` says what the bytes are. Whether a run is base64 at
all cannot be known, so what stands there is looked at as text too, but for what chance writes with these letters.
"""

import binascii
import re
from collections.abc import Callable, Iterator
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
_SPELLED = rf"(?:(?:{_ESCAPED})[A-Za-z0-9+/_-]*+)*+"
_PADDING = r"(?:=|%3[dD]|\\+u003[dD]){0,2}"
_LINE = re.compile(rf"[A-Za-z0-9+/_-]*+{_SPELLED}{_PADDING}", re.ASCII)
_BREAK = r"(?:\\*\r)?\\*\n|(?:\\+r)?\\+n|%0[dD]%0[aA]|%0[aA]"  # as it is or as JSON and forms write it
_MORE_LINES = re.compile(rf"(?:(?:{_BREAK})[ \t]{{0,8}}[A-Za-z0-9+/_-]{{4,}}+{_SPELLED})*+{_PADDING}", re.ASCII)
_WRITTEN = re.compile(rf"\\+u00(..)|%(..)|({_BREAK})|\\", re.ASCII | re.DOTALL)
_FULL_LINE = 48  # characters; encoders break lines at 60, 64 or 76
_LONGEST_URI = 1024  # characters before its comma
_BEFORE = 200  # characters before a payload in which its charset is declared
_LETTERS = bytes.maketrans(b"-_", b"+/")
_NO_DIGITS = b"\r\n= "
_LETTERS_ONLY = re.compile(r"[A-Za-z0-9+/_-]*+", re.ASCII)
_SLICE = 64 * 1024  # characters between two looks at the time; whole bytes of base64
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
        said += _said(text[run.start() : place], _declared(head), may_hold, meter)
        if place - run.start() >= _OPAQUE:
            declared = head.endswith(";base64,")
            if declared or looks_encoded(text, run.start(), place):
                return Payloads(said, place, Opaque(run.start(), place, declared))
    return Payloads(said, place, NO_OPAQUE)


def _end(text: str, start: int, meter: Meter) -> int:
    """Where the run ends, further lines included. Short lines are lists of something."""
    place = start
    while (some := _LETTERS_ONLY.match(text, place, place + _SLICE)) and some.end() == place + _SLICE:
        meter.pause()
        place += _SLICE
    line = _LINE.match(text, place)
    end = line.end() if line else place
    more = _MORE_LINES.match(text, end) if end - start >= _FULL_LINE else None
    return more.end() if more else end


def _said(run: str, declared: str, may_hold: Callable[[bytes], bool], meter: Meter) -> list[Readings]:
    """What one payload over lines says, or where its lines are not whole, one a line."""
    is_written = any(sign in run for sign in "\\%\n")
    plain = _WRITTEN.sub(_as_it_is, run) if is_written else run
    lines = plain.split() if is_written else [plain]
    whole = all(len(line) % 4 == 0 for line in lines[:-1])
    parts = [plain] if whole else lines
    return list(filter(None, (texts(decoded(part, meter.pause), declared, may_hold, meter) for part in parts)))


def _as_it_is(written: re.Match[str]) -> str:
    code = written[1] or written[2]
    if written[3] or code in ("0d", "0D", "0a", "0A"):
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
        short = _LINE.match(text, place, place + _SHORTEST) if ";base64" in uri.group(2).lower() else None
        if short and len(short.group()) < _SHORTEST:
            yield texts(decoded(short.group()), _declared(uri.group(2)), _any, meter)


def _any(_: bytes) -> bool:
    return True


def decoded(base64: str, pause: Pause = no_pause) -> bytes:
    """The bytes, of either alphabet, padded or not."""
    written = base64.encode("ascii", "ignore")
    if len(written) > _SLICE:
        digits = b"".join(_sliced(written, lambda some: some.translate(_LETTERS, _NO_DIGITS), pause))
    else:
        digits = written.translate(_LETTERS, _NO_DIGITS)
    whole = len(digits) - (len(digits) % 4 == 1)  # one digit alone is no byte
    digits = digits[:whole] + b"=" * (-whole % 4)
    return b"".join(_sliced(digits, binascii.a2b_base64, pause))


def _sliced(data: bytes, work: Callable[[bytes], bytes], pause: Pause) -> Iterator[bytes]:
    """Work that nothing can interrupt, in slices: others get a turn."""
    for start in range(0, len(data), _SLICE):
        pause()
        yield work(data[start : start + _SLICE])


def looks_encoded(text: str, start: int, end: int) -> bool:
    """Whether it is base64 by its letters. Lists of numbers, names with hyphens and paths are written with the same letters."""
    places = (start, (start + end - _SAMPLE) // 2, end - _SAMPLE)
    return all(_mixed(text[max(start, at) : max(start, at) + _SAMPLE]) for at in places)


def _mixed(sample: str) -> bool:
    both_cases = sample.lower() != sample and sample.upper() != sample
    return both_cases and len(_SEPARATORS.findall(sample)) <= _MOST_SEPARATORS
