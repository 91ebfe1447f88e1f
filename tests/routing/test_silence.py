"""How long a deployment may give no sign of life: by what it took, by what was asked for, and never by a guess."""

from typing import Any

import pytest

from gateway.routing.forecast import STALE_AFTER_S
from gateway.routing.silence import silence_s
from gateway.values.deployment import Deployment, Hosting, Timeouts
from gateway.values.request import Facts
from gateway.values.sensitivity import Sensitivity
from gateway.values.snapshot import UNREAD, Latency, Line, Quantiles, Reading

NOW = 1_000_000.0
SPREAD = Quantiles(1.0, 1.2, 1.5, 2.0)
VARIED, ALIKE = Quantiles(100, 200, 300, 400), Quantiles(100, 100, 100, 100)


def silence(
    *, stream: bool = False, asked: int | None = None, adaptive: bool = True, most: int | None = None, wait_s: float = 0.0,
    prompt_tokens: int = 100, **reading: Any,
) -> float | None:  # fmt: skip
    deployment = Deployment(
        name="a", provider="openai", model="m", base_url="http://127.0.0.1:1/v1", hosting=Hosting.COMMERCIAL, region=None,
        clearance=Sensitivity.PUBLIC, capabilities=frozenset(), context_tokens=None, max_output_tokens=most, price=None,
        timeouts=Timeouts(adaptive=adaptive),
    )  # fmt: skip
    facts = Facts(
        model="a", needs=frozenset(), sensitivity=Sensitivity.PUBLIC, prompt_tokens=prompt_tokens, stream=stream,
        max_output_tokens=asked, exact_tokens=True,
    )  # fmt: skip
    return silence_s(deployment, Reading(**reading) if reading else UNREAD, facts, wait_s, NOW)


def latency(*, samples: int = 50, age_s: float = 0.0, per_token_s: float = 0.01, base_s: float = 0.5) -> Latency:
    first = Line(0.4, 0.001, 0.0, SPREAD)
    return Latency(samples, NOW - age_s, first, None, Line(base_s, 0.0, 0.0, SPREAD, per_output_token_s=per_token_s))


def test_of_a_stream_it_is_a_multiple_of_the_time_to_its_first_output() -> None:
    assert silence(stream=True, latency=latency()) == pytest.approx(8 * (0.4 + 100 * 0.001) * 2)
    assert silence(stream=True, latency=latency(), prompt_tokens=10_000) == pytest.approx(8 * (0.4 + 10.0) * 2)
    assert silence(stream=True, latency=latency(), wait_s=7.0) == pytest.approx(8 * 0.5 * 2 + 7.0)


def test_of_a_whole_answer_it_is_one_of_answers_like_it() -> None:
    """Minutes are not waited where ten tokens were asked for; what is asked for is waited for."""
    ten = silence(asked=10, latency=latency(), output_lengths=VARIED)
    assert ten == pytest.approx(8 * (0.5 + 10 * 0.01) * 2)
    long = silence(asked=16_000, latency=latency(), output_lengths=VARIED)
    assert long is not None
    assert long >= 1.4 * 16_000 * 0.01 * 2


def test_where_nobody_says_how_long_it_may_be_one_much_longer_than_usual_is_waited_for() -> None:
    one = silence(latency=latency(), output_lengths=VARIED)
    assert one is not None
    assert 4000 * 0.01 * 2 < one < 300
    declared = silence(latency=latency(), output_lengths=VARIED, most=1000)
    assert declared is not None
    assert declared < one


def test_answers_that_are_all_alike_do_not_say_what_a_token_takes() -> None:
    """Then all of their time is taken for that of their tokens."""
    one = silence(asked=1000, latency=latency(per_token_s=0.0, base_s=2.0), output_lengths=ALIKE)
    assert one is not None
    assert one >= 10 * 2.0 * 2
    varied = silence(asked=1000, latency=latency(per_token_s=0.0, base_s=2.0), output_lengths=VARIED)
    assert varied == pytest.approx(8 * 2.0 * 2)


@pytest.mark.parametrize("stream", [True, False])
def test_nothing_follows_from_little_or_from_long_ago_nor_where_it_is_not_wanted(stream: bool) -> None:
    assert silence(stream=stream) is None
    assert silence(stream=stream, latency=latency(samples=5)) is None
    assert silence(stream=stream, latency=latency(age_s=STALE_AFTER_S + 1)) is None
    assert silence(stream=stream, latency=latency(), adaptive=False) is None
    assert silence(stream=True, latency=Latency(50, NOW, None, None, latency().total)) is None
    assert silence(stream=stream, latency=latency()) is not None
