"""Per team: each team's key to its deployments, and the nights and weekends of one of them."""

import datetime as dt
import zoneinfo
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.example import Answer, Example

EXAMPLE = "per-team"
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize("key", ["hr-portal", "contracts"])
def test_people_and_contracts_stay_at_home(example: Example, key: str) -> None:
    answer = example.ask(key=key, sensitivity="public")
    assert (answer.by, answer.rule) == ("home", "people-and-contracts")
    assert answer.decision["facts"]["sensitivity"] == "confidential"
    example.play(home="error_500")
    answer = example.ask(key=key, stream=True)
    assert answer.status == 502
    assert answer.attempts == ["home", "home"]
    assert example.calls() == {"home": 3}
    assert set(answer.against("cloud")) == {"clearance", "requirement"}


def test_the_rest_by_the_order_of_the_pool(example: Example) -> None:
    answer = example.ask(key="support")
    assert (answer.by, answer.rule) == ("cloud", "the-rest")
    assert answer.decision["bounds"]["deadline_s"] == 60
    assert answer.decision["facts"]["team"] == "support"
    example.play(cloud="error_500")
    assert example.ask(key="support").tried == ["cloud", "home"]


def test_without_a_key_nobody_is_served(example: Example) -> None:
    assert example.ask(record=False).status == 401
    assert example.ask(record=False, headers={"authorization": "Bearer sk-somebody-0123456789"}).status == 401
    assert example.calls() == {}


def off_hours(at: float) -> bool:
    """As the example says, worked out by the calendar. A night belongs to no day here: all of them are off hours."""
    local = dt.datetime.fromtimestamp(at, BERLIN)
    return local.hour >= 19 or local.hour < 7 or local.weekday() >= 5


def check_research(answer: Answer, *, off: bool) -> None:
    assert answer.rule == ("research-off-hours" if off else "research")
    assert answer.decision["bounds"]["deadline_s"] == (1800 if off else 900)
    assert answer.by == ("home" if off else "cloud")
    if off:
        assert answer.candidate("home")["expected_usd"] < answer.candidate("cloud")["expected_usd"]


def test_research_now(example: Example) -> None:
    answer = example.ask(key="notebooks", max_tokens=100)
    check_research(answer, off=off_hours(answer.decision["at"]))


def window(from_now_h: int) -> Callable[[dict[str, Any]], None]:
    """The night begins so many hours from now and lasts for twelve; no weekend."""
    start = dt.datetime.now(BERLIN) + dt.timedelta(hours=from_now_h)
    time = {
        "start": f"{start:%H:%M}",
        "end": f"{start + dt.timedelta(hours=12):%H:%M}",
        "timezone": "Europe/Berlin",
    }

    def patch(document: dict[str, Any]) -> None:
        document["policy"]["rules"][1]["when"]["any"] = [{"time": time}]

    return patch


@pytest.mark.parametrize(("from_now_h", "off"), [(-1, True), (6, False)])
def test_research_by_night_and_by_day(example: Example, from_now_h: int, off: bool) -> None:
    """The hours are moved around the present, as the clock cannot be."""
    example.change(window(from_now_h))
    check_research(example.ask(key="notebooks", max_tokens=100), off=off)
    assert example.ask(key="support").rule == "the-rest"
