"""Own machines to the full: as spill-over, with the caution of 95 of 100 and not 99."""

from typing import Any

import pytest

from tests.support.example import Example, words

EXAMPLE = "own-first"
UNDER_S = 0.25
HOME_WITHIN_S = 60  # what is older than half a minute counts no more


def PATCH(document: dict[str, Any]) -> None:  # noqa: N802 - read by the fixture
    document["policy"]["rules"][-1]["slo"]["first_output"]["under_s"] = UNDER_S


def test_who_is_paid_anyway_answers(example: Example) -> None:
    answer = example.ask(stream=True)
    assert (answer.by, answer.rule) == ("home", "own-first")
    assert [one["percentile"] for one in answer.decision["slo"].values() if isinstance(one, dict)] == [95, 95]


def test_long_prompts_go_to_a_provider(example: Example) -> None:
    answer = example.ask(words(6_500), stream=True)
    assert (answer.by, answer.rule) == ("cloud", "long-prompts")


@pytest.mark.uncounted
def test_while_home_is_slow_the_cheap_provider_answers_and_then_home_again(example: Example) -> None:
    example.ask_many(64, stream=True, record=False)  # in which it is learned how quick home is
    example.play(home="slow@400")
    by = [example.ask(stream=True).by for _ in range(30)]
    assert by[-15:].count("cloud") >= 13
    example.play(home="slow@20")
    example.wait_for(lambda: [example.ask(stream=True).by for _ in range(5)] == ["home"] * 5, within_s=HOME_WITHIN_S)
