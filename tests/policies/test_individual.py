"""One person with a laptop: it answers what it can; what it cannot goes out, unless it is personal."""

from typing import Any

import pytest

from tests.policies.sensitive import API_KEY, MAIL, PLACES, SAYS, image
from tests.support.example import Example, words

EXAMPLE = "individual"
TOOLS = {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]}


def test_the_laptop_answers(example: Example) -> None:
    answer = example.ask()
    assert (answer.by, answer.rule) == ("laptop", "the-rest")
    example.play(laptop="loading_503")
    assert example.ask().tried == ["laptop", "cloud"]


def test_what_is_too_much_for_it_goes_out(example: Example) -> None:
    asked = [example.ask(words(6100)), example.ask(**image("a cat")), example.ask(messages=SAYS, **TOOLS)]
    assert {(answer.by, answer.rule) for answer in asked} == {("cloud", "too-much-for-the-laptop")}
    assert all(answer.candidate("cloud")["most_usd"] <= 0.05 for answer in asked)
    assert asked[1].decision["facts"]["needs"] == ["vision"]
    assert set(asked[1].against("laptop")) == {"capability", "requirement"}


def test_a_prompt_that_turns_out_too_long_moves_on(example: Example) -> None:
    example.play(laptop="context_length_llamacpp_400")
    answer = example.ask(words(3000))
    assert [attempt["outcome"] for attempt in answer.record["attempts"]] == ["context_too_long", "ok"]
    assert answer.by == "cloud"


@pytest.mark.parametrize("place", [name for name in PLACES if name != "image alt text"])
@pytest.mark.parametrize("found", [MAIL, API_KEY])
def test_nothing_personal_leaves_the_machine(example: Example, place: str, found: str) -> None:
    answer = example.ask(**PLACES[place](found))
    assert (answer.by, answer.rule) == ("laptop", "stays-here")
    example.play(laptop="error_500")
    answer = example.ask(**PLACES[place](found))
    assert answer.tried == ["laptop"]
    assert answer.status == 502
    assert example.calls() == {"laptop": 1 + len(answer.attempts)}
    example.play(laptop="ok")
    for _ in range(2):  # if half of what it is asked failed, it would be shut
        example.ask(**PLACES[place](found))


def test_what_the_laptop_cannot_do_with_personal_data_is_refused(example: Example) -> None:
    for body in (image(MAIL), {"messages": [{"role": "user", "content": MAIL}], **TOOLS}):
        answer = example.ask(**body)
        assert answer.status == 400
        assert answer.error["code"] == "unsupported_feature"
    assert example.ask(words(20_000) + MAIL).error["code"] == "context_length_exceeded"
    assert example.calls() == {}


def test_no_more_than_the_ceiling(example: Example) -> None:
    """With these prices and limits no request costs five cents, so the ceiling is a hundredth of that here."""

    def patch(document: dict[str, Any]) -> None:
        document["policy"]["rules"][1]["limits"]["max_cost_usd"] = 0.0005

    assert example.ask(words(10_000)).decision["bounds"]["max_cost_usd"] == 0.05
    example.change(patch)
    answer = example.ask(words(10_000))
    assert answer.error["code"] == "max_cost_too_low"
    assert answer.against("cloud") == ["cost"]
    assert example.calls() == {"cloud": 1}
