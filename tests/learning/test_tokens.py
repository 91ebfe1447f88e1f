"""What attempts teach of token counts: the provider's own word only, in bounds, and no cut answer counts as short."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.learning.tokens import FEWEST, LARGEST, SMALLEST, OutputTokens, PromptTokens
from gateway.values.outcome import Outcome
from tests.learning.attempts import asked, attempt, used


def learned(pairs: list[tuple[int, int]]) -> PromptTokens:
    """Pairs of estimate and provider's count."""
    tokens = PromptTokens()
    for estimate, counted in pairs:
        tokens.learn(attempt(usage=used(counted)), asked(estimate))
    return tokens


def test_what_a_chat_template_adds_to_short_prompts_is_no_ratio() -> None:
    """As measured on SmolLM2: 31 tokens beside 'hi'; five such chats had a prompt of 1,200 tokens counted as 3,600."""
    template = 31
    short = [(size, size + template) for size in (1, 5, 12, 40, 99)] * 10
    assert learned(short).ratio is None
    assert learned([*short, *[(1000, 1000 + template)] * FEWEST]).ratio == pytest.approx(1.0, abs=0.05)


def test_a_few_prompts_are_not_enough() -> None:
    assert learned([(100, 130)] * (FEWEST - 1)).ratio is None
    assert learned([(100, 130)] * FEWEST).ratio == 1.3


@given(st.floats(0.6, 2.5), st.integers(0, 99))
def test_the_ratio_is_found_under_noise(true: float, seed: int) -> None:
    chance = random.Random(seed)
    pairs = [
        (estimate := chance.randint(50, 4000), round(estimate * true * chance.uniform(0.9, 1.1))) for _ in range(200)
    ]
    assert learned(pairs).ratio == pytest.approx(true, rel=0.05)


@given(st.lists(st.tuples(st.integers(-5, 10**7), st.integers(-5, 10**7)), max_size=50))
def test_it_stays_in_its_bounds(pairs: list[tuple[int, int]]) -> None:
    ratio = learned(pairs).ratio
    assert ratio is None or SMALLEST <= ratio <= LARGEST


def test_one_strange_prompt_moves_little() -> None:
    usual = [(1000, 1100)] * 50
    assert learned([*usual, (100_000, 10_000_000)]).ratio == pytest.approx(1.1, abs=0.15)


def test_it_follows_a_tokenizer_that_changed() -> None:
    assert learned([(1000, 1000)] * 200 + [(1000, 2000)] * 150).ratio == pytest.approx(2.0, abs=0.1)


def test_what_nobody_counted_teaches_nothing() -> None:
    tokens = PromptTokens()
    for _ in range(20):
        tokens.learn(attempt(usage=used(300, estimated=True)), asked(100))
        tokens.learn(attempt(usage=used(300)), asked(100, exact_tokens=True))
        tokens.learn(attempt(Outcome.SERVER_ERROR), asked(100))
    assert tokens.ratio is None


def test_the_best_count_of_a_prompt() -> None:
    tokens = learned([(100, 150)] * FEWEST)
    assert tokens.of(attempt(usage=used(170)), asked(100)) == 170
    assert tokens.of(attempt(usage=used(170, estimated=True)), asked(100)) == pytest.approx(150)
    assert tokens.of(attempt(), asked(100, exact_tokens=True)) == 100
    assert PromptTokens().of(attempt(), asked(100)) == 100


def test_answers_are_as_long_as_they_lately_were() -> None:
    output = OutputTokens()
    assert output.mean is None
    for _ in range(10):
        output.learn(attempt(usage=used(9, 100)), asked())
    assert output.mean == 100
    for _ in range(200):
        output.learn(attempt(usage=used(9, 300)), asked())
    assert output.mean == pytest.approx(300, rel=0.05)


def test_the_first_answer_counts_whole() -> None:
    output = OutputTokens()
    output.learn(attempt(usage=used(9, 80)), asked())
    output.learn(attempt(usage=used(9, 40)), asked())
    assert output.mean == 60


def test_choices_share_the_output() -> None:
    output = OutputTokens()
    output.learn(attempt(usage=used(9, 300)), asked(choices=3))
    assert output.mean == 100


@pytest.mark.parametrize("outcome", [one for one in Outcome if one is not Outcome.OK])
def test_a_cut_answer_is_no_short_answer(outcome: Outcome) -> None:
    output = OutputTokens()
    output.learn(attempt(outcome, usage=used(9, 3)), asked())
    assert output.mean is None


def test_an_estimate_of_what_nobody_saw_is_no_count() -> None:
    stopped = attempt(Outcome.CALLER_LEFT, usage=used(100, 7, estimated=True))
    assert OutputTokens.of(stopped, asked(stream=False)) is None
    seen = attempt(Outcome.CALLER_LEFT, first_output_s=0.1, usage=used(100, 7, estimated=True))
    assert OutputTokens.of(seen, asked()) == 7
