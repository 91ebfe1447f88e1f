"""Cuts an event stream between events, and keeps its bytes: what comes is forwarded as it came.

`gateway.dialects.eventstream` reads such events; here only their ends are looked for, and only in what is new.
"""

import re

from gateway.dialects.eventstream import EventTooLong

_BLANK_LINE = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
_SEAM = 3  # bytes of what is held that may belong to the end of an event


class WholeEvents:
    """Feed it bytes, get the events that are complete with them, as one piece."""

    def __init__(self, max_event_bytes: int = 8 * 1024 * 1024) -> None:
        self._max = max_event_bytes
        self._held: list[bytes] = []
        self._seam = b""  # what is held ends with it
        self._size = 0

    def feed(self, data: bytes) -> bytes:
        """Nothing if no event ends in `data`. Raises EventTooLong."""
        if not self._held and data.endswith(b"\n\n"):
            return data
        seam = self._seam
        cut = _last_end(seam + data) - len(seam)
        if cut <= 0:
            self._hold(data)
            return b""
        whole = b"".join((*self._held, data[:cut]))
        self._held, self._seam, self._size = [], b"", 0
        if cut < len(data):
            self._hold(data[cut:])
        return whole

    def rest(self) -> bytes:
        """What is held of an event that has not ended."""
        return b"".join(self._held)

    def _hold(self, data: bytes) -> None:
        self._held.append(data)
        self._seam = (self._seam + data[-_SEAM:])[-_SEAM:]
        self._size += len(data)
        if self._size > self._max:
            raise EventTooLong(self._size)


def each_event(whole: bytes) -> list[bytes]:
    """Events one by one, each with the blank line that ends it."""
    ends = [match.end() for match in _BLANK_LINE.finditer(whole)]
    return [whole[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _last_end(data: bytes) -> int:
    """Where the last blank line ends; 0 if there is none. A CR after a line feed is half of one, until more comes."""
    if b"\r" not in data:
        return data.rfind(b"\n\n") + 2 if b"\n\n" in data else 0
    end = 0
    for match in _BLANK_LINE.finditer(data):
        if match.end() < len(data) or not match[0].endswith(b"\n\r"):
            end = match.end()
    return end
