"""Latency first: streams go where the first token is predicted to come soonest, whole answers by cost.

Predictions are held to a band around what the client measured: half of it, or 30 ms.
"""

from typing import Any

import pytest

from tests.support.example import Answer, Example, near, words

EXAMPLE = "latency-first"
MARGINAL_USD = 2.0 / 3600 / 2500  # a token of `near`, by its hardware


@pytest.fixture
def example(fresh_example: Example) -> Example:
    """What one test taught it would be the past of the next."""
    return fresh_example


def streams(example: Example, count: int, **more: Any) -> list[Answer]:
    return [example.ask(stream=True, **more) for _ in range(count)]


def learn(example: Example, **behaviours: str) -> dict[str, list[Answer]]:
    """Both are asked by their names until they have readings of these behaviours only."""
    example.play(**behaviours)
    return {name: streams(example, 14, model=name) for name in behaviours}


def p95(answers: list[Answer]) -> float:
    """As the client measured it, at the percentile of the rule's objective."""
    times = sorted(answer.first_s for answer in answers)
    return times[round(0.95 * (len(times) - 1))]


def test_streams_go_where_the_first_token_comes_soonest(example: Example) -> None:
    measured = learn(example, near="slow@120", far="slow@40")
    answers = streams(example, 8)
    assert [answer.by for answer in answers] == ["far"] * 8
    assert {answer.rule for answer in answers} == {"interactive"}
    for answer in answers:
        for name in ("near", "far"):
            assert near(answer.candidate(name)["first_output_s"], p95(measured[name]))
        assert near(answer.candidate("far")["first_output_s"], answer.first_s)
        ratio = answer.candidate("far")["first_output_s"] / answer.candidate("near")["first_output_s"]
        assert answer.candidate("near")["score"] == pytest.approx(ratio, rel=0.01)
    said = f"first output {answers[-1].candidate('far')['first_output_s'] * 1e3:.0f} ms"
    assert any(line.startswith("far: eligible, number 1") and said in line for line in answers[-1].sentences)


def test_when_it_becomes_slower_the_other_takes_over(example: Example) -> None:
    learn(example, near="slow@100", far="slow@20")
    example.play(near="slow@30", far="slow@250")
    answers = streams(example, 24)
    by = [answer.by for answer in answers]
    assert by[0] == "far"
    assert by[-8:] == ["near"] * 8
    assert answers[-1].candidate("far")["first_output_s"] > 0.15


def test_what_it_predicts_is_what_it_was_lately(example: Example) -> None:
    """The window holds 128 answers, so after as many nothing older counts."""
    learn(example, near="slow@100", far="slow@250")
    example.play(near="slow@20")
    assert near(_first_by_near(example), 0.1)
    example.wait_for(lambda: near(_first_by_near(example), 0.02), within_s=10)


def _first_by_near(example: Example) -> float:
    """Predicted for `near`, after eight more answers of it."""
    answers = example.ask_many(8, at_once=1, stream=True)
    assert [answer.by for answer in answers] == ["near"] * 8
    return float(answers[0].candidate("near")["first_output_s"])


def test_one_that_fails_is_followed_by_the_other(example: Example) -> None:
    learn(example, near="slow@60", far="ok")
    example.play(far="error_500")
    answer = example.ask(stream=True)
    assert answer.tried == ["far", "near"]
    assert answer.by == "near"


def test_one_that_is_too_late_is_said_to_be(example: Example) -> None:
    """The objective is 800 ms."""
    example.play(near="slow@900", far="slow@100")
    measured = example.ask_many(14, at_once=14, model="near", stream=True)
    answer = example.ask(stream=True)
    assert answer.by == "far"
    late = answer.candidate("near")
    assert late["tier"] == "late"
    assert near(late["first_output_s"], p95(measured))
    assert all(not one.last["slo_met"] for one in measured)
    assert any(line.startswith("near:") and "predicted to miss" in line for line in answer.sentences)


@pytest.mark.uncounted
def test_one_that_fails_too_often_is_passed_over_until_it_recovers(example: Example) -> None:
    """Two of a hundred requests probe it, and ten good ones bring it back; each round here asks 64."""
    learn(example, near="ok", far="slow@40")
    assert example.ask(stream=True).by == "near"
    example.play(near="ok ok error_500")  # if half failed, it would be shut
    example.wait_for(lambda: _is_passed_over(example), within_s=10)
    burning = example.ask(stream=True).candidate("near")
    assert burning["tier"] in ("burning", "probe")
    assert burning["slo"]["attainment"] <= 0.8  # four times the budget of 5 in 100
    assert burning["slo"]["burn"] == pytest.approx((1 - burning["slo"]["attainment"]) / 0.05, abs=0.01)
    assert burning["slo"]["burn"] >= 4
    example.play(near="ok")
    example.wait_for(lambda: _by_near(example, 64) > 56, within_s=20)
    assert example.ask(stream=True).candidate("near")["tier"] == "ready"


def _is_passed_over(example: Example) -> bool:
    return "burning" in {one.get("tier") for one in example.ask(stream=True).decision["candidates"]}


def _by_near(example: Example, asked: int) -> int:
    return [one.by for one in example.ask_many(asked, stream=True, record=False)].count("near")


def test_whole_answers_go_by_cost(example: Example) -> None:
    """A token of `near` costs 0.22 millionths: more than `far` reads for, less than it writes for."""
    example.play(far="tokens@1")
    writing = example.ask(max_tokens=4000)
    reading = example.ask(words(5000), max_tokens=1)
    assert (writing.by, reading.by) == ("near", "far")
    assert (writing.rule, reading.rule) == ("batch", "batch")
    for answer in (writing, reading):
        facts = answer.decision["facts"]
        for name, into, out in (("near", MARGINAL_USD, MARGINAL_USD), ("far", 0.15e-6, 0.6e-6)):
            reading_of = answer.candidate(name)["reading"]
            tokens = facts["prompt_tokens"] * reading_of.get("prompt_token_ratio", 1)
            output = min(facts["max_output_tokens"], reading_of.get("output_tokens", 1e9))
            assert answer.candidate(name)["expected_usd"] == pytest.approx(tokens * into + output * out)


def test_the_deadline_of_the_rule_holds(example: Example) -> None:
    """The caller's own is shorter."""
    example.play(near="slow@2000", far="slow@2000")
    answer = example.ask(stream=True, headers={"x-gateway-deadline-ms": "200"})
    assert answer.status == 504
    assert answer.decision["bounds"]["deadline_s"] == 0.2
    assert answer.all_s == pytest.approx(0.2, abs=0.01)
