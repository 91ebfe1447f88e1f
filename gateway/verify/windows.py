"""Which windows of time can be open together: every combination that comes in the year that follows, and when.

While no clock of the policy's time zones is changed, the windows repeat every week. So a week of each stretch between
two changes is looked at, where a window opens or closes.
"""

import bisect
import datetime as dt
import itertools
import zoneinfo

from gateway.routing.document import Time
from gateway.routing.space import is_open

_WEEK_M, _DAY_M = 7 * 24 * 60, 24 * 60
_YEAR_S = 366 * 86_400
_MONDAY = dt.datetime(2024, 1, 1)  # noqa: DTZ001 - a Monday on any wall clock


def open_together(windows: list[Time], since: float) -> dict[tuple[bool, ...], float]:
    """By which of them are open, an instant at which they are; `since` is seconds since the epoch."""
    weeks = [_openings(window) for window in windows]
    zones = [zoneinfo.ZoneInfo(window.timezone) for window in windows]
    found: dict[tuple[bool, ...], float] = {}
    start = since - since % 60
    changes = [start, *_clock_changes(set(zones), start), start + _YEAR_S]
    for begin, end in itertools.pairwise(changes):
        offsets = [_offset_m(zone, begin) for zone in zones]
        first = int(begin // 60)
        last = min(first + _WEEK_M, int(end // 60))
        turns: dict[int, list[tuple[int, bool]]] = {first: []}
        for index, (week, offset) in enumerate(zip(weeks, offsets, strict=True)):
            for minute, is_on in week:
                turns.setdefault(first + (minute - offset - first) % _WEEK_M, []).append((index, is_on))
        state = [_at(week, (first + offset) % _WEEK_M) for week, offset in zip(weeks, offsets, strict=True)]
        for minute in sorted(one for one in turns if one < last):
            for index, is_on in turns[minute]:
                state[index] = is_on
            found.setdefault(tuple(state), minute * 60.0)
    return found


def _openings(window: Time) -> list[tuple[int, bool]]:
    """Minutes of the week (from Monday, local time) from which on it is open or shut, sorted; the first is 0."""
    turns = sorted({0, _clock_m(window.start), _clock_m(window.end)})
    minutes = [day * _DAY_M + turn for day in range(7) for turn in turns]
    return [(minute, is_open(window, _MONDAY + dt.timedelta(minutes=minute))) for minute in minutes]


def _clock_m(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def _at(week: list[tuple[int, bool]], minute: int) -> bool:
    return week[bisect.bisect_right(week, minute, key=lambda turn: turn[0]) - 1][1]


def _offset_m(zone: zoneinfo.ZoneInfo, at: float) -> int:
    """What to add to minutes since the epoch (a Thursday) so that they count from a Monday, in local time."""
    offset = dt.datetime.fromtimestamp(at, zone).utcoffset() or dt.timedelta()
    return int(offset.total_seconds() // 60) + 3 * _DAY_M


def _clock_changes(zones: set[zoneinfo.ZoneInfo], start: float) -> list[float]:
    """When a clock of these zones is changed within the year."""
    found: set[float] = set()
    for zone in zones:
        known = _offset_m(zone, start)
        for day in range(1, _YEAR_S // 86_400 + 1):
            later = start + day * 86_400
            if (offset := _offset_m(zone, later)) != known:
                found.add(_change(zone, later - 86_400, later))
                known = offset
    return sorted(found)


def _change(zone: zoneinfo.ZoneInfo, before: float, after: float) -> float:
    """To the minute, by halving; clocks are changed once a day at most."""
    known = _offset_m(zone, before)
    low, high = int(before // 60), int(after // 60)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset_m(zone, middle * 60.0) == known else (low, middle)
    return high * 60.0
