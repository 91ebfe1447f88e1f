"""The latency model against simulated deployments: what it predicts is what comes, soon after it changed as well."""

import random
import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects.reported import MOST_TOKENS
from gateway.learning.latency import LEARN_WITHIN_S, LatencyModel
from gateway.values.outcome import Outcome
from gateway.values.records import Attempt
from gateway.values.snapshot import Latency, Line, Quantiles
from tests.learning.attempts import attempt, used

PERCENTILES = (50, 90, 95, 99)
BASE, PER_TOKEN, PER_OTHER, PACE = 0.1, 1e-4, 0.02, 0.01


class Simulated:
    """A deployment with a known line and noise, and the model that watches it. Requests come at a steady rate."""

    def __init__(self, *, stream: bool = True, sigma: float = 0.2, seed: int = 1, every_s: float = 0.05) -> None:
        self.model, self.stream, self.sigma, self.every_s = LatencyModel(), stream, sigma, every_s
        self.chance, self.now, self.slow = random.Random(seed), 1.7e9, 1.0

    @property
    def latency(self) -> Latency:
        assert self.model.latency is not None
        return self.model.latency

    def request(self) -> tuple[int, int, int, float, float]:
        """Prompt, in flight, output, first output and total of the next request, which is learned."""
        prompt, others, output = self.chance.randint(10, 4000), self.chance.randint(0, 20), self.chance.randint(20, 300)
        first = (BASE + PER_TOKEN * prompt + PER_OTHER * others) * self.noise()
        total = first + PACE * (output - 1) * self.noise()
        self.now += self.every_s
        made = attempt(
            first_output_s=first if self.stream else None,
            duration_s=total,
            in_flight=others,
            usage=used(prompt, output),
        )
        self.learn(made, prompt, output)
        return prompt, others, output, first, total

    def learn(self, made: Attempt, prompt: float = 1000, output: float | None = None) -> None:
        self.model.learn(made, stream=self.stream, prompt_tokens=prompt, output_tokens=output, now=self.now)

    def noise(self) -> float:
        return self.slow * self.chance.lognormvariate(0, self.sigma)

    def requests(self, count: int) -> None:
        for _ in range(count):
            self.request()

    def typical(self, percentile: int = 50) -> float:
        found = self.latency.first_output_at(1000, 5, percentile)
        assert found is not None
        return found


TYPICAL = BASE + PER_TOKEN * 1000 + PER_OTHER * 5


def test_nothing_seen_is_nothing_known() -> None:
    assert LatencyModel().latency is None
    only_whole = Simulated(stream=False)
    only_whole.requests(20)
    assert only_whole.latency.first_output_at(1000, 0, 95) is None
    assert only_whole.latency.total_at(1000, 0, None, 95, True) is None


@given(st.integers(0, 30))
def test_a_known_line_is_found(seed: int) -> None:
    watched = Simulated(seed=seed, sigma=0.1)
    watched.requests(300)
    for prompt, others in ((100, 0), (1000, 5), (4000, 20)):
        true = BASE + PER_TOKEN * prompt + PER_OTHER * others
        assert watched.latency.first_output_at(prompt, others, 50) == pytest.approx(true, rel=0.2)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("sigma", [0.05, 0.5])
def test_quantiles_hold_for_requests_to_come(stream: bool, sigma: float) -> None:
    watched = Simulated(stream=stream, sigma=sigma)
    watched.requests(200)
    held, count = dict.fromkeys(PERCENTILES, 0), 4000
    for _ in range(count):
        latency = watched.latency
        prompt, others, output, first, total = watched.request()
        for percentile in PERCENTILES:
            if stream:
                held[percentile] += first <= (latency.first_output_at(prompt, others, percentile) or 0)
            else:
                held[percentile] += total <= (latency.total_at(prompt, others, output, percentile, False) or 0)
    shares = [held[percentile] / count for percentile in PERCENTILES]
    assert shares == pytest.approx([0.5, 0.9, 0.95, 0.99], abs=0.03)
    assert shares[3] >= 0.98


def test_a_streams_total_is_rather_too_long() -> None:
    watched = Simulated()
    watched.requests(200)
    held = 0
    for _ in range(1000):
        latency = watched.latency
        prompt, others, output, _, total = watched.request()
        predicted = latency.total_at(prompt, others, output, 95, True)
        assert predicted is not None
        held += total <= predicted
        assert predicted < 4 * total
    assert held >= 950


@pytest.mark.parametrize("times", [10.0, 0.1])
@pytest.mark.parametrize("every_s", [0.01, 0.1, 1.0])
def test_a_step_is_seen_within_twenty_requests_or_two_seconds(times: float, every_s: float) -> None:
    watched = Simulated(every_s=every_s)
    watched.requests(500)
    before = watched.typical(50), watched.typical(95)
    watched.slow = times
    watched.requests(max(20, int(2 / every_s)))
    assert watched.typical(50) / before[0] == pytest.approx(times, rel=0.4)
    assert watched.typical(95) / before[1] == pytest.approx(times, rel=0.5)


def test_a_slow_down_shows_first_where_it_hurts() -> None:
    """Half of the requests are ten times slower: the upper quantiles know after twenty requests."""
    watched = Simulated(every_s=0.2)
    watched.requests(500)
    for number in range(20):
        watched.slow = 10.0 if number % 2 else 1.0
        watched.request()
    assert watched.typical(95) > 5 * TYPICAL


def test_what_is_over_is_forgotten_by_a_few_probes_too() -> None:
    """One request in two seconds, as a deployment has that is passed over: back within half a minute."""
    watched = Simulated(every_s=0.05)
    watched.requests(100)
    watched.slow = 10.0
    watched.requests(300)
    watched.slow, watched.every_s = 1.0, 2.0
    watched.requests(12)
    assert watched.typical(95) < 3 * TYPICAL


def test_steady_noise_is_no_step() -> None:
    watched = Simulated(sigma=1.0)
    fewest = 128
    watched.requests(200)
    for _ in range(5000):
        watched.request()
        fewest = min(fewest, watched.latency.samples)
    assert fewest == 128


def test_time_outs_make_it_slow() -> None:
    """Only its successes would say that it is fast."""
    watched = Simulated()
    watched.requests(100)
    for _ in range(10):
        watched.requests(4)
        watched.learn(attempt(Outcome.FIRST_OUTPUT_TIMEOUT, duration_s=30.0))
    watched.model.solve(watched.now)
    assert watched.typical(50) < 1.0
    assert watched.typical(95) > 10.0


def test_a_deployment_that_only_times_out_is_known_to_be_slow() -> None:
    watched = Simulated()
    for _ in range(3):
        watched.learn(attempt(Outcome.FIRST_OUTPUT_TIMEOUT, duration_s=30.0))
    assert watched.typical() >= 20.0


def test_callers_in_haste_say_nothing_of_whom_nobody_saw_answer() -> None:
    watched = Simulated()
    watched.learn(attempt(Outcome.CALLER_LEFT, duration_s=0.01))
    watched.learn(attempt(Outcome.SERVER_ERROR, duration_s=0.001))
    assert watched.model.latency is None


def test_callers_who_leave_early_make_nothing_look_fast_or_slow() -> None:
    """Half of the callers leave before the first output would have come; the others' answers say how it is."""
    watched, alone = Simulated(sigma=0.3), Simulated(sigma=0.3)
    for _ in range(300):
        watched.request()
        watched.learn(attempt(Outcome.CALLER_LEFT, duration_s=0.02))
    alone.requests(300)
    for percentile in (50, 90):
        assert watched.typical(percentile) == pytest.approx(alone.typical(percentile), rel=0.3)


def test_callers_who_leave_late_hide_no_slowness() -> None:
    """Everybody leaves at the median: half of the answers are never seen, but known to have been slower."""
    watched = Simulated(sigma=0.5)
    for _ in range(300):
        watched.now += 0.05
        first = TYPICAL * watched.chance.lognormvariate(0, 0.5)
        if first < TYPICAL:
            made = attempt(first_output_s=first, duration_s=first + 1, in_flight=5)
        else:
            made = attempt(Outcome.CALLER_LEFT, duration_s=TYPICAL, in_flight=5)
        watched.learn(made)
    assert watched.typical(95) >= 0.9 * TYPICAL


def test_a_caller_who_reads_slowly_teaches_no_pace() -> None:
    watched = Simulated()
    watched.learn(attempt(first_output_s=0.1, duration_s=60.0, usage=used(9, 20), held_by_caller=True), output=20)
    assert watched.latency.output_token is None
    assert watched.latency.first_output_at(1000, 0, 50) is not None


@pytest.mark.parametrize("stream", [True, False])
def test_a_queue_that_went_by_sooner_than_expected_teaches_no_haste(stream: bool) -> None:
    """At home half a second was expected to go by in its queue, and nearly nothing did: 100 times in a row."""
    source = Simulated(stream=stream)
    source.requests(60)
    latency = source.latency
    before = latency.first_output_at(1000, 0, 95) if stream else latency.total_at(1000, 0, 100, 95, stream=False)
    for _ in range(100):
        first = (BASE + PER_TOKEN * 1000) * source.noise()
        total = first + PACE * 99
        source.now += source.every_s
        made = attempt(
            first_output_s=first if stream else None, duration_s=total, in_flight=0, usage=used(1000, 100), wait_s=0.5
        )
        source.learn(made, 1000, 100)
    latency = source.latency
    after = latency.first_output_at(1000, 0, 95) if stream else latency.total_at(1000, 0, 100, 95, stream=False)
    assert before is not None
    assert after is not None
    assert 0.7 * before < after < 1.4 * before
    assert latency.samples > 100


def test_when_it_was_measured_and_that_nothing_waits_for_long() -> None:
    watched = Simulated(every_s=0.001)
    watched.requests(50)
    assert watched.now - watched.latency.measured_at < LEARN_WITHIN_S
    assert watched.model.due is not None
    watched.model.solve(watched.now)
    assert watched.latency.measured_at == watched.now
    assert watched.model.due is None


numbers = st.floats(0, 1e9)
quantiles = st.builds(Quantiles, numbers, numbers, numbers, numbers)
lines = st.builds(Line, numbers, numbers, numbers, quantiles, numbers)
latencies = st.builds(
    Latency, st.integers(0, 256), numbers, st.none() | lines, st.none() | quantiles, st.none() | lines
)  # fmt: skip


@given(latencies)
def test_it_comes_back_from_the_journal_exactly(latency: Latency) -> None:
    assert msgspec.json.decode(msgspec.json.encode(latency), type=Latency) == latency


@given(latencies, st.sampled_from(PERCENTILES), st.booleans())
def test_a_total_is_unknown_only_where_nothing_was_seen(latency: Latency, percentile: int, stream: bool) -> None:
    total = latency.total_at(100, 1, 50.0, percentile, stream)
    streams = latency.first_output is not None and latency.output_token is not None
    assert (total is None) == (latency.total is None and not streams)
    assert total is None or total >= 0.0


@pytest.mark.parametrize("seed", range(10))
def test_whatever_servers_count_is_learned(seed: int) -> None:
    chance, model, now = random.Random(seed), LatencyModel(), 1e9
    for _ in range(60):
        now += chance.choice([0.0, 0.001, 1.0, 100.0])
        seconds = chance.choice([1e-6, 0.01, 0.1, 1.0, 600.0])
        made = attempt(
            duration_s=seconds,
            first_output_s=chance.choice([None, seconds * chance.random(), seconds]),
            in_flight=chance.choice([0, 1, 1000]),
        )
        model.learn(
            made,
            stream=chance.random() < 0.5,
            prompt_tokens=chance.choice([1.0, 10.0, 1000.0, MOST_TOKENS]),
            output_tokens=chance.choice([0.0, 1.0, 10.0, MOST_TOKENS]),
            now=now,
        )
    model.solve(now)
    assert model.latency is not None


def test_what_it_costs() -> None:
    """Tens of microseconds are allowed here, as a busy machine measures; benchmarks look closer."""
    watched = Simulated(every_s=0.01)
    watched.requests(200)
    made = attempt(first_output_s=0.2, duration_s=1.0, usage=used(1000, 50), in_flight=3)
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(400):
            watched.now += 0.01
            watched.learn(made, 1000, 50)
        best = min(best, (time.perf_counter() - began) / 400)
    assert best < 30e-6
