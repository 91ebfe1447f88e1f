"""Data stays in its region, by first choice and by fallback."""

import pytest

from tests.support.example import Example

EXAMPLE = "data-stays-in-region"


def test_without_a_tag_by_the_order_of_the_pool(example: Example) -> None:
    answer = example.ask()
    assert (answer.by, answer.rule) == ("us", "the-rest")
    example.play(us="error_500")
    assert example.ask().tried == ["us", "eu"]
    example.play(eu="error_500")
    assert example.ask().tried == ["us", "eu", "eu-2"]


def test_the_tagged_stay_in_the_eu_whatever_fails(example: Example) -> None:
    answer = example.ask(tags="region=eu")
    assert (answer.by, answer.rule) == ("eu", "eu-stays-in-eu")
    example.play(eu="error_500")
    assert example.ask(tags="region=eu").tried == ["eu", "eu-2"]
    example.play(eu_2="unavailable_503")
    answer = example.ask(tags="region=eu", stream=True)
    assert answer.status == 502
    assert answer.attempts == ["eu", "eu-2", "eu"]
    assert answer.against("us") == ["requirement"]
    assert "us" not in example.calls()


def test_the_tagged_stay_in_the_us(example: Example) -> None:
    assert example.ask(tags="region=us").by == "us"
    example.play(us="overloaded_503")
    answer = example.ask(tags="region=us")
    assert answer.status == 503
    assert answer.attempts == ["us"]
    assert example.calls() == {"us": 2}
    assert answer.against("eu") == answer.against("eu-2") == ["requirement"]
    assert "eu: left out; the rule requires region us-east, it has eu-west." in answer.sentences


@pytest.mark.parametrize(("region", "by"), [("us", None), ("eu", "eu-2")])
def test_the_region_lifts_no_clearance(example: Example, region: str, by: str | None) -> None:
    answer = example.ask(tags=f"region={region}", sensitivity="confidential")
    assert (answer.status, answer.by) == (200 if by else 403, by)
    assert example.calls() == ({by: 1} if by else {})
    if by is None:
        assert answer.error["code"] == "sensitivity_not_cleared"


def test_another_value_of_the_tag_is_none(example: Example) -> None:
    assert example.ask(tags="region=mars").rule == "the-rest"
    assert example.ask(tags="area=eu").rule == "the-rest"
