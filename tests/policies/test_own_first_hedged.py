"""Own first, with a hedge: what hangs at home is answered elsewhere a second later."""

import pytest

from tests.support.example import Example, words

EXAMPLE = "own-first-hedged"


def test_home_answers(example: Example) -> None:
    answer = example.ask(stream=True)
    assert (answer.by, answer.rule) == ("home", "own-first")
    assert answer.decision["hedge_after_s"] == 1.0


def test_long_prompts_go_to_a_provider(example: Example) -> None:
    answer = example.ask(words(6_500), stream=True)
    assert (answer.by, answer.rule) == ("cloud", "long-prompts")


@pytest.mark.uncounted
def test_what_stalls_at_home_is_answered_elsewhere(example: Example) -> None:
    example.play(home="slow@6000")
    answer = example.ask(stream=True, record=False)  # two attempts at once are no sum
    assert answer.by == "cloud"
    assert example.calls() == {"home": 1, "cloud": 1}
    assert 1.0 <= answer.first_s < 5.0
