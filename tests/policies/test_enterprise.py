"""An enterprise: class and region before anything else, then quality and cost."""

from collections import Counter

import pytest

from tests.policies.sensitive import ACCOUNT, API_KEY, MAIL, PLACES
from tests.support.example import Answer, Example

EXAMPLE = "enterprise"
HOME, EU = {"eu-home", "eu-home-2"}, {"eu-home", "eu-home-2", "eu-cloud"}
PLAIN = [name for name in PLACES if name != "image alt text"]  # nobody here sees images


def learn(example: Example, stream: bool = False) -> None:
    """Each deployment answers a few under the rules of the EU and of the US: then it has readings."""
    for name in example.stands:
        for _ in range(3):
            example.ask(model=name, tags="region=us", max_tokens=40, stream=stream)


def check_scores(answer: Answer) -> None:
    eligible = [one for one in answer.decision["candidates"] if one.get("score") is not None]
    assert eligible
    least = min(one["expected_usd"] for one in eligible)
    for one in eligible:
        assert one["score"] == pytest.approx(0.7 * one["quality"] + 0.3 * least / one["expected_usd"], abs=1e-6)


@pytest.mark.parametrize("place", PLAIN)
@pytest.mark.parametrize("found", [MAIL, ACCOUNT])
def test_personal_data_stays_home(example: Example, place: str, found: str) -> None:
    answer = example.ask(tags="region=us", **PLACES[place](found))
    assert answer.rule == "personal-data-stays-home"
    assert answer.by in HOME
    assert set(example.calls()) <= HOME


@pytest.mark.parametrize("place", PLAIN)
def test_secrets_are_refused(example: Example, place: str) -> None:
    answer = example.ask(**PLACES[place](API_KEY))
    assert answer.status == 403
    assert "api_key" in answer.error["message"]
    assert "restricted" in answer.error["message"]
    assert API_KEY not in answer.body.decode() + repr(answer.record)
    assert example.calls() == {}


def test_personal_data_stays_home_whatever_fails(example: Example) -> None:
    example.play(eu_home="error_500", eu_home_2="unavailable_503")
    for stream in (False, True):
        answer = example.ask(f"Write to {MAIL}", stream=stream)
        assert set(answer.tried) == HOME
        assert answer.status == 502
    assert set(example.calls()) == HOME


def test_personal_data_goes_where_there_is_least_to_do(example: Example) -> None:
    example.play(eu_home="slow@150", eu_home_2="slow@150")
    answers = example.ask_many(16, at_once=8, text=f"Write to {MAIL}")
    counted = Counter(answer.by for answer in answers)
    assert set(counted) == HOME
    assert abs(counted["eu-home"] - counted["eu-home-2"]) <= 4
    for answer in answers:
        first, other = (one for one in answer.decision["candidates"] if one.get("rank") is not None)
        assert first["reading"].get("in_flight", 0) <= other["reading"].get("in_flight", 0)


def test_untagged_stays_in_the_eu(example: Example) -> None:
    learn(example)
    example.calm()
    answer = example.ask(max_tokens=40)
    assert answer.rule == "the-eu"
    assert answer.by in EU
    assert answer.against("us-cloud") == ["requirement"]
    check_scores(answer)
    best = max((one for one in answer.decision["candidates"] if "score" in one), key=lambda one: one["score"])
    assert best["deployment"] == answer.by


def test_untagged_falls_back_within_the_eu(example: Example) -> None:
    example.play(eu_cloud="error_500", eu_home="error_500", eu_home_2="error_500")
    answer = example.ask(max_tokens=40)
    assert set(answer.tried) == EU
    assert "us-cloud" not in example.calls()


def test_tagged_for_the_us_by_quality_and_cost(example: Example) -> None:
    learn(example, stream=True)
    example.calm()
    answer = example.ask(tags="region=us", max_tokens=40, stream=True)
    assert answer.rule == "outside-the-eu"
    check_scores(answer)
