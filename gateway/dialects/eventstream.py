"""Splits `text/event-stream` into events, wherever the network cut it.

Follows the WHATWG HTML standard, section 9.2.6 "Interpreting an event stream": LF, CR and CRLF end lines, one leading
BOM is dropped, comments are dropped, data lines are joined by LF, an event ends at a blank line and is discarded if the
stream ends before it. Lines are looked for only in what is new, so a long event costs linear time (FAULTS M3).
"""

import re

import msgspec

_BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n|\n|\r")


class Event(msgspec.Struct, frozen=True):
    """One event: its `event:` field (None if absent) and its data."""

    name: str | None
    data: bytes


class EventTooLong(Exception):
    """An event, or a line that does not end, is longer than allowed."""


class EventSplitter:
    """Feed it bytes, get events. `max_event_bytes` bounds what is held for an event that does not end."""

    def __init__(self, max_event_bytes: int = 8 * 1024 * 1024) -> None:
        self._max = max_event_bytes
        self._parts: list[bytes] = []  # an unfinished line, as it came
        self._after_cr = False
        self._first = True
        self._name: str | None = None
        self._data: list[bytes] = []
        self._line_bytes = 0
        self._data_bytes = 0

    def idle(self) -> bool:
        """True between events: what was fed so far ended with a blank line."""
        return not (self._parts or self._data or self._name is not None or self._after_cr)

    def finish(self, rest: bytes = b"") -> Event | None:
        """At the end of the body: the event that would be there had its last line, and a blank one, ended."""
        events = self.feed(rest + b"\n\n")
        return events[0] if events else None

    def feed(self, data: bytes) -> list[Event]:
        """The events that are complete with `data`. Raises EventTooLong."""
        if not data:
            return []
        if self._after_cr and data[:1] == b"\n":
            data = data[1:]
        self._after_cr = False
        events: list[Event] = []
        start = 0
        for end in _LINE_END.finditer(data):
            self._line(data[start : end.start()], events)
            start = end.end()
        if start == len(data):
            self._after_cr = data.endswith(b"\r")
        else:
            self._hold(data[start:])
        return events

    def _hold(self, rest: bytes) -> None:
        self._parts.append(rest)
        self._line_bytes += len(rest)
        self._check_size()

    def _check_size(self) -> None:
        if self._line_bytes + self._data_bytes > self._max:
            raise EventTooLong(self._line_bytes + self._data_bytes)

    def _line(self, tail: bytes, events: list[Event]) -> None:
        line = b"".join((*self._parts, tail)) if self._parts else tail
        self._parts.clear()
        self._line_bytes = 0
        if self._first:
            self._first = False
            line = line.removeprefix(_BOM)
        if not line:
            self._dispatch(events)
        elif line[:1] != b":":
            self._field(line)

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
            self._data_bytes += len(value)
            self._check_size()
        elif name == b"event":
            self._name = value.decode("utf-8", "replace")

    def _dispatch(self, events: list[Event]) -> None:
        if self._data:
            events.append(Event(self._name, b"\n".join(self._data)))
        self._name, self._data, self._data_bytes = None, [], 0
