"""Cost first: the cheapest by what this request will cost, the next cheapest if it fails, nothing above two cents."""

from decimal import Decimal

import pytest

from tests.support.example import Example, words

EXAMPLE = "cost-first"


def test_the_cheapest_answers_and_the_decision_says_what_it_cost(example: Example) -> None:
    answers = [example.ask(max_tokens=100) for _ in range(8)]
    assert {answer.by for answer in answers} == {"elsewhere"}
    assert example.calls() == {"elsewhere": 8}
    for answer in answers:
        usage = answer.last["usage"]
        expected = Decimal(usage["prompt_tokens"] + usage["completion_tokens"]) * Decimal("0.2") / 1_000_000
        assert Decimal(answer.headers["x-gateway-cost-usd"]) == expected
    last = answers[-1]
    assert [last.candidate(name)["rank"] for name in ("elsewhere", "small", "large")] == [0, 1, 2]
    assert f"cost {last.last['cost_usd']:.6f} USD" in "\n".join(last.sentences)


def test_what_is_cheapest_depends_on_the_request(example: Example) -> None:
    """`small` reads for less, `elsewhere` writes for less."""
    writing = example.ask(max_tokens=1000)
    example.play(small="tokens@1")
    reading = example.ask(words(4000), max_tokens=1)
    assert (reading.by, writing.by) == ("small", "elsewhere")
    assert reading.candidate("small")["expected_usd"] < reading.candidate("elsewhere")["expected_usd"]


@pytest.mark.uncounted
def test_the_predicted_cost_becomes_the_cost(example: Example) -> None:
    """Both what the tokenizer makes of a prompt and how much is answered are learned."""
    for _ in range(150):
        example.ask(words(400), record=False)
    answer = example.ask(words(400))
    charged, predicted = answer.last["cost_usd"], answer.candidate(answer.by or "")["expected_usd"]
    assert predicted == pytest.approx(charged, rel=0.1)
    assert predicted < answer.candidate(answer.by or "")["most_usd"]


def test_when_it_fails_the_next_cheapest_answers(example: Example) -> None:
    example.play(elsewhere="error_500")
    answer = example.ask(max_tokens=100)
    assert answer.tried == ["elsewhere", "small"]
    assert [attempt["outcome"] for attempt in answer.record["attempts"]] == ["server_error", "ok"]
    example.play(small="overloaded_503")
    answer = example.ask(max_tokens=100)
    assert answer.tried == ["elsewhere", "small", "large"]
    assert answer.by == "large"
    assert answer.last["cost_usd"] > 0


def test_nothing_above_two_cents(example: Example) -> None:
    """Without a limit of its own the request could make `large` write 16,384 tokens, for 16 cents."""
    example.play(elsewhere="error_500", small="error_500")
    answer = example.ask()
    assert answer.status == 502
    assert "large" not in example.calls()
    (reason,) = answer.candidate("large")["against"]
    assert (reason["cause"], reason["needed"]) == ("cost", 0.02)
    assert reason["has"] == pytest.approx(16_384 * 10e-6, rel=0.01)


def test_a_request_that_would_cost_more_everywhere_is_not_sent(example: Example) -> None:
    answer = example.ask(words(110_000))
    assert answer.status == 400
    assert answer.error["code"] == "max_cost_too_low"
    assert example.calls() == {}
    answer = example.ask(headers={"x-gateway-max-cost-usd": "0.000001"}, max_tokens=100)
    assert answer.status == 400
    assert example.calls() == {}


def test_an_address_may_go_there_and_an_account_may_not(example: Example) -> None:
    """The example's own classes: e-mail is internal, as is the deployments' clearance."""
    assert example.ask("Write to jane.doe@example.org", max_tokens=100).by == "elsewhere"
    refused = example.ask("Pay to DE89 3704 0044 0532 0130 00", max_tokens=100)
    assert refused.status == 403
    assert refused.error["code"] == "sensitivity_not_cleared"
    assert "0532" not in refused.body.decode() + repr(refused.record)
    assert example.calls() == {"elsewhere": 1}
