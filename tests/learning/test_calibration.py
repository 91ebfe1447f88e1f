"""Forecasts hold: of the requests after a forecast for 95 of 100, 5 % ± 2 are slower, whatever the deployment does."""

import math
import random
from collections.abc import Callable

import pytest

from gateway.learning.latency import LatencyModel
from gateway.values.decision import Tier
from gateway.values.outcome import Outcome
from gateway.values.records import Attempt
from gateway.values.usage import Usage
from tests.learning.sources import Queue, Seen, Source, Times, arrivals

MEDIAN_S, SIGMA = 0.45, 0.5
LENGTH_S, WARM = 300.0, 50
SEEDS = range(3)


def played(times: Callable[[random.Random], Times], rate: Callable[[float], float], until_s: float) -> list[list[Seen]]:
    """One run for each seed."""
    runs = []
    for seed in SEEDS:
        source = Source(times(random.Random(seed)))
        runs.append(source.asked(arrivals(random.Random(seed + 1000), until_s, rate)))
    return runs


def slower(runs: list[list[Seen]]) -> float:
    later = [one for run in runs for one in run[WARM:]]
    return sum(one.is_slower for one in later) / len(later)


def drawn(slow: Callable[[float], float] = lambda _: 1.0) -> Callable[[random.Random], Times]:
    """A provider's: each its own, so many times as slow at that time."""
    return lambda chance: lambda at, _: MEDIAN_S * slow(at) * chance.lognormvariate(0, SIGMA)


SOURCES: dict[str, Callable[[float], float]] = {
    "steady": lambda _: 1.0,
    "drifts": lambda at: 3.0 ** (0.5 - 0.5 * math.cos(2 * math.pi * at / LENGTH_S)),
    "steps": lambda at: 3.0 if LENGTH_S / 3 < at < LENGTH_S * 2 / 3 else 1.0,
}


@pytest.mark.parametrize("slow", SOURCES.values(), ids=SOURCES)
def test_of_a_provider_that_draws(slow: Callable[[float], float]) -> None:
    assert 0.03 <= slower(played(drawn(slow), lambda _: 4.0, LENGTH_S)) <= 0.07


@pytest.mark.parametrize("times", [1.2, 1.4])
def test_of_a_small_step_under_little_noise(times: float) -> None:
    """Less than is taken for a jump."""

    def draws(chance: random.Random) -> Times:
        return lambda at, _: MEDIAN_S * (times if at > LENGTH_S / 3 else 1.0) * chance.lognormvariate(0, 0.1)

    assert 0.03 <= slower(played(draws, lambda _: 4.0, LENGTH_S)) <= 0.07


def test_of_one_that_is_seldom_asked() -> None:
    assert 0.03 <= slower(played(drawn(), lambda _: 0.5, 1200.0)) <= 0.07


@pytest.mark.parametrize("rate", [lambda at: 12.0 if at % 40 < 6 else 1.5, lambda _: 5.0], ids=["bursts", "by chance"])
def test_of_an_own_server_whose_queue_comes_and_goes(rate: Callable[[float], float]) -> None:
    assert 0.03 <= slower(played(lambda _: Queue(), rate, 600.0)) <= 0.07


def test_of_waits_that_nothing_tells() -> None:
    """Eight of a hundred wait for seconds, each by itself: then the forecast has to say so."""

    def times(chance: random.Random) -> Times:
        def first_s(_: float, prompt: int) -> float:
            waits_s = 3.0 * chance.lognormvariate(0, 0.5) if chance.random() < 0.08 else 0.0
            return (0.04 + 0.127e-3 * prompt) * chance.lognormvariate(0, 0.1) + waits_s

        return first_s

    assert 0.03 <= slower(played(times, lambda _: 4.0, LENGTH_S)) <= 0.07


def test_what_hardly_ever_takes_two_seconds_is_hardly_ever_called_late() -> None:
    """Of these 0.14 % take that long. What few answers show of a tail is no promise."""
    whole = [one for run in played(drawn(), lambda _: 4.0, LENGTH_S) for one in run]
    assert sum(one.tier is Tier.LATE for one in whole) < 0.002 * len(whole)


def test_a_few_at_once_are_forecast_by_what_they_took() -> None:
    """Only the first had nothing ahead of it: that one alone says nothing of how those spread."""
    chance, model = random.Random(0), LatencyModel()
    took = sorted(0.9 + 0.4 * chance.random() for _ in range(14))
    for number, seconds in enumerate(took):
        model.learn_first(40, number, 40 * number, seconds, 0.0, 1.7e9 + seconds)
    model.solve(1.7e9 + 2.0)
    assert model.latency is not None
    found = model.latency.first_output_at(40, 0, 95, 0)
    assert found is not None
    assert took[0] < found < 1.1 * took[-1]


def test_a_stall_in_a_short_answer_is_no_pace() -> None:
    """One in twenty-five answers, of three tokens, stalls for half a second: a long answer is not forecast by it at 95 of 100."""
    model = LatencyModel()
    for number in range(100):
        stalls = number % 25 == 0
        tokens, rest_s = (3, 0.5) if stalls else (200, 2.6)
        attempt = Attempt(
            deployment="a", outcome=Outcome.OK, started_s=0.0, duration_s=0.1 + rest_s, first_output_s=0.1,
            usage=Usage(prompt_tokens=40, completion_tokens=tokens),
        )  # fmt: skip
        model.learn(attempt, stream=True, prompt_tokens=40, output_tokens=tokens, now=1.7e9 + number / 5)
    model.solve(1.7e9 + 20.0)
    assert model.latency is not None
    assert model.latency.output_token is not None
    assert model.latency.output_token.p95 < 2 * 2.6 / 199


@pytest.mark.parametrize("every_s", [1.0, 4.0])
@pytest.mark.parametrize("waits", [(2.5, 5.3), (60.0,), (0.8, 0.9, 1.0)])
def test_waits_that_are_over_are_over(waits: tuple[float, ...], every_s: float) -> None:
    """Short prompts waited in a queue that is gone: a long one is forecast by its own work."""
    line: Times = lambda _, prompt: 0.04 + 0.127e-3 * prompt  # noqa: E731 - one of the times
    source = waited(line, waits)
    at = 35.0 + max(waits)
    for _ in range(2):
        at += every_s
        source.asked(iter([(at, 60)]))
    found = source.forecast(at + 2.0, 1070).candidates[0].first_output_s
    assert found is not None
    assert 0.8 * line(0, 1070) < found < 1.5 * line(0, 1070)


def test_a_queue_of_which_nothing_is_heard_is_forgotten() -> None:
    source = waited(Queue(), (2.5, 5.3))
    soon, later = (source.forecast(at, 1070).candidates[0].first_output_s for at in (36.6, 56.6))
    assert soon is not None
    assert later is not None
    assert soon < 6.0
    assert later < 0.3


def waited(line: Times, waits: tuple[float, ...]) -> Source:
    """Thirty answers on the line, then so many short prompts at once that wait."""
    chance = random.Random(1)
    source = Source(line, own=True)
    source.asked(iter([(float(number), chance.randint(100, 1500)) for number in range(30)]))
    left = iter(waits)
    source.behaves(lambda _at, _prompt: next(left))
    source.asked(iter([(31.0 + number / 10, 40) for number in range(len(waits))]))
    source.behaves(line)
    return source
