"""Which windows are open together, and when: as looking at every quarter of an hour of the year shows."""

import datetime as dt
import zoneinfo

import pytest

from gateway.routing.document import Time
from gateway.routing.space import is_open
from gateway.verify.windows import open_together

QUARTERS_OF_A_YEAR = 366 * 96
SINCE = dt.datetime(2026, 1, 5, 12, 0, tzinfo=dt.UTC).timestamp()


def state(windows: list[Time], at: float) -> tuple[bool, ...]:
    return tuple(is_open(one, dt.datetime.fromtimestamp(at, zoneinfo.ZoneInfo(one.timezone))) for one in windows)


@pytest.mark.parametrize(
    "windows",
    [
        [Time(start="09:00", end="17:00")],
        [Time(start="22:00", end="06:00", days=["fri"]), Time(days=["sat"])],
        [Time(days=["mon"]), Time(days=["tue"]), Time(start="00:00", end="00:00")],
        [
            Time(start="14:00", end="14:15", timezone="Europe/Berlin"),
            Time(start="08:00", end="08:15", timezone="America/New_York"),
            Time(start="20:00", end="20:15", timezone="Asia/Shanghai"),
        ],
        [Time(start="02:00", end="03:00", timezone="Europe/Berlin"), Time(start="01:00", end="02:00")],
        [Time(start="05:45", end="06:00", timezone="Asia/Kathmandu"), Time(start="00:00", end="00:15", days=["sun"])],
    ],
    ids=["one", "over midnight", "days", "clocks that change apart", "the hour that is missing", "odd offsets"],
)
def test_every_combination_of_the_year_and_no_other(windows: list[Time]) -> None:
    found = open_together(windows, SINCE)
    assert set(found) == {state(windows, SINCE + quarter * 900) for quarter in range(QUARTERS_OF_A_YEAR)}
    for combination, at in found.items():
        assert state(windows, at) == combination
        assert SINCE <= at <= SINCE + 366 * 86_400


def test_two_windows_that_meet_only_while_the_clocks_are_changed_apart() -> None:
    """New York changes its clocks weeks before Berlin; between, 14:00 there is 9:00 here and not 8:00."""
    windows = [
        Time(start="14:00", end="14:30", timezone="Europe/Berlin"),
        Time(start="09:00", end="09:30", timezone="America/New_York"),
    ]
    at = open_together(windows, SINCE)[True, True]
    assert dt.datetime.fromtimestamp(at, dt.UTC).month in (3, 10)
