"""A start-up: good and cheap in equal parts, the best for those who pay, and a ceiling for both."""

import pytest

from tests.policies.sensitive import ACCOUNT, MAIL
from tests.support.example import Answer, Example, words

EXAMPLE = "start-up"
QUALITY = {"first": 0.7, "better": 0.9, "second": 0.75}


def check_scores(answer: Answer) -> None:
    """Half the quality, half the least cost over its own: from the numbers that stand beside them."""
    eligible = [one for one in answer.decision["candidates"] if one.get("rank") is not None]
    least = min(one["expected_usd"] for one in eligible)
    for one in eligible:
        assert one["quality"] == QUALITY[one["deployment"]]
        assert one["score"] == pytest.approx(0.5 * least / one["expected_usd"] + 0.5 * one["quality"], abs=1e-6)
    assert [one["rank"] for one in sorted(eligible, key=lambda one: -one["score"])] == list(range(len(eligible)))


def test_good_and_cheap_in_equal_parts(example: Example) -> None:
    answer = example.ask(max_tokens=100)
    assert (answer.by, answer.rule) == ("first", "everyone")
    assert len(answer.tried) == 1
    check_scores(answer)
    usd = {one["deployment"]: one["expected_usd"] for one in answer.decision["candidates"]}
    tokens = answer.decision["facts"]["prompt_tokens"]
    assert usd["better"] == pytest.approx((tokens * 2.5 + 100 * 10) / 1e6)
    assert usd["second"] == pytest.approx((tokens + 100) * 0.6 / 1e6)


def test_those_who_pay_get_the_best(example: Example) -> None:
    answer = example.ask(tags="plan=paid", max_tokens=100)
    assert (answer.by, answer.rule) == ("better", "paying-customers")
    example.play(better="error_500")
    assert example.ask(tags="plan=paid", max_tokens=100).tried == ["better", "second"]


def test_two_providers(example: Example) -> None:
    example.play(first="overloaded_503")
    answer = example.ask(max_tokens=100)
    assert answer.tried == ["first", "second"]
    check_scores(answer)


def test_one_cent_a_request_at_most(example: Example) -> None:
    """Reading 15,000 tokens costs 3.75 cents at `better`: too much for everyone, and not for who pays."""
    answer = example.ask(words(15_000), max_tokens=10)
    assert answer.against("better") == ["cost"]
    assert example.ask(words(15_000), tags="plan=paid", max_tokens=10).by == "better"


def test_personal_data_goes_to_the_one_with_the_contract(example: Example) -> None:
    example.play(first="error_500", better="error_500")
    answer = example.ask(f"Write to {MAIL}", max_tokens=100)
    assert answer.status == 502
    assert answer.tried == ["first", "better"]
    assert answer.against("second") == ["clearance"]
    assert example.ask(f"Pay to {ACCOUNT}", max_tokens=100).status == 403
    assert "second" not in example.calls()
