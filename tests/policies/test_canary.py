"""Canary by weight: five of a hundred sessions, each always at the same one."""

import math
from collections import Counter

import pytest

from tests.support.example import Example

EXAMPLE = "canary"
SESSIONS = [f"session-{number}" for number in range(2000)]


def by_session(example: Example, sessions: list[str]) -> dict[str, str | None]:
    answers = example.ask_each([{"session": one} for one in sessions], record=False)
    return dict(zip(sessions, (answer.by for answer in answers), strict=True))


@pytest.mark.uncounted
def test_five_of_a_hundred_sessions_and_each_stays(example: Example) -> None:
    first = by_session(example, SESSIONS)
    counted = Counter(first.values())
    assert counted == example.calls()
    sigma = math.sqrt(len(SESSIONS) * 0.05 * 0.95)
    assert abs(counted["canary"] - 0.05 * len(SESSIONS)) <= 3 * sigma
    again = [one for one in SESSIONS if first[one] == "canary"] + SESSIONS[:200]
    assert by_session(example, again) == {one: first[one] for one in again}


@pytest.mark.uncounted
def test_requests_without_a_session_are_split_one_by_one(example: Example) -> None:
    answers = [example.ask(record=False).by for _ in range(400)]
    sigma = math.sqrt(400 * 0.05 * 0.95)
    assert abs(answers.count("canary") - 20) <= 5 * sigma
    assert Counter(answers) == example.calls()


def test_if_the_canary_fails_the_stable_one_answers(example: Example) -> None:
    session = next(one for one in SESSIONS if example.ask(session=one).by == "canary")
    example.play(canary="error_500")
    answer = example.ask(session=session)
    assert answer.tried == ["canary", "stable"]
    assert answer.by == "stable"
    assert answer.rule == "five-of-a-hundred"
    example.play(canary="ok", stable="error_500")
    other = next(one for one in SESSIONS if example.ask(session=one).tried[0] == "stable")
    assert example.ask(session=other).tried == ["stable", "canary"]


def test_testers_ask_for_the_canary(example: Example) -> None:
    answers = [example.ask(tags="canary=always", session=one) for one in SESSIONS[:10]]
    assert {answer.by for answer in answers} == {"canary"}
    assert {answer.rule for answer in answers} == {"testers"}
    assert example.ask(tags="canary=never", session=SESSIONS[0]).rule == "five-of-a-hundred"
