"""A long JSON array of objects, some elements at a time: a decoder in C can only be interrupted between two calls."""

import re
from collections.abc import Callable, Iterator
from typing import TypeVar

import msgspec

from gateway.values.pause import Pause

SLICE_BYTES = 128 * 1024
_SEAM = re.compile(rb'\},[ \t\n\r]{0,64}(?=\{[ \t\n\r]{0,64}")')  # in a string the quote would have a backslash
_LONGEST_SEAM = 131
_TRIES = 3  # then the slice grows: this may be the inside of one large element
T = TypeVar("T")


def elements(
    array: bytes, decode: Callable[[bytes], list[T]], pause: Pause, size: int = SLICE_BYTES
) -> Iterator[list[T]]:
    """All that `decode` gives for the whole array, in order, about `size` bytes of it at a time. Raises what it raises,
    which then names the wrong place.

    A cut is right if what is before it is an array by itself: inside a string, or deeper, its end would be missing.
    """
    start, end = 1, len(array) - 1
    while end - start > size:
        reach, tries = size, 0
        while (seam := _seam(array, start + reach, end, pause)) is not None:
            try:
                part = decode(b"[%b]" % array[start : seam[0]])
            except msgspec.ValidationError:
                raise
            except msgspec.DecodeError:
                tries += 1
                reach = (1 if tries % _TRIES else 2) * (seam[0] - start)
                continue
            yield part
            start = seam[1]
            break
        else:
            break
        pause()
    yield decode(array if start == 1 else b"[%b" % array[start:])


def _seam(text: bytes, place: int, end: int, pause: Pause) -> tuple[int, int] | None:
    """The next place that looks like one between two objects: where the first ends, and where the second begins."""
    while place < end:
        stop = min(place + SLICE_BYTES, end)
        if seam := _SEAM.search(text, place, stop + _LONGEST_SEAM):
            return seam.start() + 1, seam.end()
        place = stop
        pause()
    return None
