"""Spill over when busy: home while it is quick, the cloud while it is not, and home again by itself.

The objective is a quarter of the example's second, so that slowness takes no minute; nothing else is changed.
"""

from typing import Any

import pytest

from tests.support.example import Answer, Example, near, words

EXAMPLE = "spill-over"
UNDER_S = 0.25
HOME_WITHIN_S = (
    60  # one of fifty requests sees how it does at home, and what is older than half a minute counts no more
)


def PATCH(document: dict[str, Any]) -> None:  # noqa: N802 - read by the fixture
    document["policy"]["rules"][-1]["slo"]["first_output"]["under_s"] = UNDER_S


def streams(example: Example, count: int) -> list[Answer]:
    return [example.ask(stream=True) for _ in range(count)]


def shares(example: Example, asked: int = 32) -> dict[str, float]:
    """By deployment, of so many requests, eight at a time."""
    by = [one.by for one in example.ask_many(asked, stream=True, record=False)]
    return {str(name): by.count(name) / asked for name in set(by)}


def test_home_while_it_is_quick(example: Example) -> None:
    example.play(home="slow@40")
    answers = streams(example, 12)
    assert [answer.by for answer in answers] == ["home"] * 12
    last = answers[-1]
    assert near(last.candidate("home")["first_output_s"], last.first_s)
    assert last.candidate("home")["tier"] == "ready"
    assert all(answer.last["slo_met"] for answer in answers)


def test_a_long_prompt_holds_up_nobody_at_home(example: Example) -> None:
    answer = example.ask(words(6_500), stream=True)
    assert (answer.by, answer.rule) == ("cloud", "long-prompts")
    example.play(cloud="error_500", **{"cloud-2": "unavailable_503"})
    assert example.ask(words(6_500), stream=True).tried == ["cloud", "cloud-2", "home"]


def test_a_failure_spills_too(example: Example) -> None:
    example.play(home="unavailable_503")
    assert example.ask(stream=True).tried == ["home", "cloud"]
    example.play(cloud="error_500")
    assert example.ask(stream=True).tried == ["home", "cloud", "cloud-2"]


@pytest.mark.uncounted
def test_slow_it_spills_and_quick_again_it_is_used_again(example: Example) -> None:
    example.play(home="slow@20")
    assert shares(example)["home"] > 0.9
    example.play(home="slow@400")
    answers = streams(example, 30)
    by = [answer.by for answer in answers]
    assert by[0] == "home"
    assert by[-15:].count("cloud") >= 13  # two of a hundred see how it does at home
    spilt = next(answer for answer in reversed(answers) if answer.by == "cloud")
    ejected, slow = spilt.candidate("home"), [answer for answer in answers if answer.by == "home"]
    if ejected["tier"] == "burning":
        assert ejected["slo"]["burn"] >= 20
    else:
        assert ejected["tier"] == "late"
        assert ejected["first_output_s"] > UNDER_S
        assert near(ejected["first_output_s"], slow[-1].first_s)
    assert spilt.candidate("cloud")["tier"] == "ready"
    assert any(line.startswith("home: eligible, number 3") for line in spilt.sentences)
    example.play(home="slow@20")
    example.wait_for(lambda: shares(example).get("home", 0) > 0.9, within_s=HOME_WITHIN_S, every_s=0.2)
    assert example.ask(stream=True).candidate("home")["first_output_s"] < UNDER_S


@pytest.mark.uncounted
def test_a_queue_spills_what_would_wait_too_long(example: Example) -> None:
    """At home one request at a time is answered, in 25 ms: ten in a queue keep the objective, twenty do not."""
    example.play(home="one_at_a_time@25", cloud="slow@100")
    example.wait_for(lambda: example.ask(stream=True).by == "home", within_s=HOME_WITHIN_S)
    example.ask_many(150, at_once=24, stream=True, record=False)  # in which it is learned what others cost
    example.wait_for(
        lambda: [one.by for one in streams(example, 5)] == ["home"] * 5, within_s=HOME_WITHIN_S
    )  # it had burnt
    busy = example.ask_many(150, at_once=24, stream=True)
    by = [answer.by for answer in busy]
    assert by.count("home") > 15
    assert by.count("cloud") > 15
    for answer in busy:
        chosen = answer.decision["candidates"][0]
        if chosen["deployment"] == "home" and chosen["tier"] == "ready":
            assert chosen["first_output_s"] <= UNDER_S
        if chosen["deployment"] == "cloud":
            assert answer.candidate("home")["tier"] in ("late", "burning")
    quick = [answer.last["first_output_s"] for answer in busy if answer.by == "home"]
    assert sum(seconds < 2 * UNDER_S for seconds in quick) > 0.9 * len(quick)
    example.wait_for(lambda: [one.by for one in streams(example, 5)] == ["home"] * 5, within_s=HOME_WITHIN_S)
