"""Long context: counted by the workers' own tokenizer, and on to the long one where the short one is too short."""

from tests.support.example import Example, words

EXAMPLE = "long-context"


def wordy(tokens: int, chars: int) -> str:
    """Words so long that the gateway's estimate is off: a token for every four characters."""
    return ("x" * (chars - 1) + " ") * tokens


def test_short_prompts_go_to_the_short_one_uncounted(example: Example) -> None:
    answer = example.ask(words(1000))
    assert (answer.by, answer.rule) == ("short", "the-rest")
    assert example.stands["short"].calls()["tokenize"] == 0


def test_long_prompts_are_counted_exactly(example: Example) -> None:
    answer = example.ask(wordy(20_000, chars=6))
    facts = answer.decision["facts"]
    assert (facts["prompt_tokens"], facts["exact_tokens"]) == (20_000, True)
    assert answer.last["usage"]["prompt_tokens"] == 20_000
    assert answer.rule == "the-rest"
    assert example.stands["short"].calls()["tokenize"] == 1
    answer = example.ask(words(26_000))
    assert (answer.by, answer.rule) == ("short", "long")
    assert answer.decision["facts"]["prompt_tokens"] == 26_000
    assert "26000 prompt tokens" in answer.sentences[0]
    assert "about" not in answer.sentences[0]


def test_what_is_too_long_for_the_short_one_goes_straight_to_the_long_one(example: Example) -> None:
    answer = example.ask(words(40_000))
    assert (answer.by, answer.rule, answer.tried) == ("long", "long", ["long"])
    assert answer.against("short") == ["context"]
    assert answer.last["cost_usd"] > 40_000 * 2e-6
    assert example.calls() == {"long": 1}


def test_an_estimate_that_is_too_long_is_counted_before_it_counts(example: Example) -> None:
    """Estimated at 40,000 tokens, in truth 20,000: the short one can answer."""
    answer = example.ask(wordy(20_000, chars=8))
    assert answer.decision["facts"]["exact_tokens"]
    assert answer.by == "short"


def test_one_that_turns_out_too_long_moves_on(example: Example) -> None:
    example.play(short="context_length_vllm_400")
    for size in (1000, 26_000):
        answer = example.ask(words(size))
        assert answer.tried == ["short", "long"]
        assert [attempt["outcome"] for attempt in answer.record["attempts"]] == ["context_too_long", "ok"]


def test_a_tokenizer_that_says_nothing_holds_up_nobody(example: Example) -> None:
    """Then the estimate counts, after half a second."""
    example.stands["short"].play("ok", tokenizer_is_silent=True)
    answer = example.ask(words(26_000))
    assert (answer.by, answer.rule) == ("short", "long")
    assert "exact_tokens" not in answer.decision["facts"]
    assert 0.4 < answer.all_s < 1.5
    assert example.stands["short"].calls()["tokenize"] == 1


def test_what_is_confidential_is_not_sent_to_the_cloud_however_long(example: Example) -> None:
    answer = example.ask(words(40_000), sensitivity="confidential")
    assert answer.status in (400, 403)
    assert set(answer.against("long")) == {"clearance"}
    assert set(answer.against("short")) == {"context"}
    assert example.calls() == {}
