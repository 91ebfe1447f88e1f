"""A JSON text in slices, each of which can be read by itself: what belongs together is in one of them."""

import re
from collections.abc import Iterator

from gateway.values.pause import Pause, no_pause

BETWEEN_PAUSES = 32 * 1024  # bytes: some tenths of a millisecond, whatever is done with them
_LONGEST_ESCAPE = 6
_HIGH_HALF = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}")  # of a surrogate pair
_PAST_QUOTE = re.compile(rb'(?:[^"\\]++|\\.)*+"', re.DOTALL)
_BACKSLASHES = 64
_BYTES_A_STEP = 512


def slices(
    data: bytes | memoryview, pause: Pause = no_pause, size: int = BETWEEN_PAUSES
) -> Iterator[tuple[int, bytes]]:
    """Where each begins, and its bytes: whole escapes, pairs of surrogates and characters. `size`: 32 at least."""
    text = memoryview(data)
    place = 0
    while place < len(text):
        pause()
        some = bytes(text[place : place + size])
        if place + size < len(text):
            some = some[: _whole(some)]
        yield place, some
        place += len(some)


def without_escapes(some: bytes) -> bytes:
    """A slice without escaped quotes and backslashes: each quote that is left begins or ends a string."""
    return some.replace(b"\\\\", b"").replace(b'\\"', b"") if b"\\" in some else some


def quotes(some: bytes) -> int:
    """How many strings begin and end in a slice."""
    return without_escapes(some).count(b'"')


def has_quotes(some: bytes, number: int) -> bool:
    """Whether so many strings begin and end in a slice. Python counts byte by byte, and looks for the next as fast as memory
    is read: few in a long slice are found one by one.
    """
    text = without_escapes(some)
    if len(text) < _BYTES_A_STEP * number:
        return text.count(b'"') == number
    place = -1
    for _ in range(number):
        place = text.find(b'"', place + 1)
        if place < 0:
            return False
    return b'"' not in text[place + 1 :]


def past_quote(some: bytes) -> int:
    """The place after the first quote that is not escaped; there is one."""
    found = _PAST_QUOTE.match(some)
    return found.end() if found else len(some)


def last_quote(some: bytes) -> int:
    """The place of the last quote that is not escaped; there is one."""
    place = some.rfind(b'"')
    while place > 0 and _is_escape(some, place - 1):
        place = some.rfind(b'"', 0, place)
    return place


def _whole(some: bytes) -> int:
    """How much of it does not end inside of what belongs together."""
    end = len(some)
    if some[-1] >= 0x80:  # some byte of a character
        start = end - 1
        while start > end - 4 and some[start] & 0xC0 == 0x80:
            start -= 1
        return start
    escape = some.rfind(b"\\", end - _LONGEST_ESCAPE)
    if escape < 0 or not _is_escape(some, escape):
        return end
    written = some[escape:]
    if len(written) < (_LONGEST_ESCAPE if written[1:2] in (b"u", b"") else 2):
        before = escape - _LONGEST_ESCAPE
        is_second = _HIGH_HALF.fullmatch(some, before, escape) is not None and _is_escape(some, before)
        return before if is_second else escape
    return escape if _HIGH_HALF.fullmatch(written) else end


def _is_escape(some: bytes, place: int) -> bool:
    """Whether a backslash is the one that begins an escape; no backslash is none."""
    near = some[max(place + 1 - _BACKSLASHES, 0) : place + 1]
    number = len(near) - len(near.rstrip(b"\\"))
    if number == _BACKSLASHES:
        number = place + 1 - len(some[: place + 1].rstrip(b"\\"))
    return number % 2 == 1
