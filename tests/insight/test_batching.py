"""The server with continuous batching against sums that can be done by hand, and laws that hold for all traffic."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.insight.batching import BatchingServer
from gateway.insight.clock import VirtualClock
from gateway.insight.server import EpisodeFailures, Job
from gateway.insight.world import Batching, Episode, Failures
from gateway.values.headroom import Headroom
from gateway.values.outcome import Outcome

BEGAN = 1_700_000_000.0
PREFILL, STEP, BATCHED = 10_000.0, 0.01, 1000


class Asker:
    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.first: float | None = None
        self.end: float | None = None
        self.outcome: Outcome | None = None

    def told(self, headroom: Headroom) -> None:
        raise AssertionError("an own server has no rate limits")

    def gave_output(self) -> None:
        assert self.first is None
        assert self.end is None
        self.first = self.clock.now - BEGAN

    def ended(self, outcome: Outcome, status: int | None, retry_after_s: float | None) -> None:
        assert self.end is None
        self.outcome, self.end = outcome, self.clock.now - BEGAN


class Stand:
    def __init__(self, *episodes: Episode, **batching: float) -> None:
        self.clock = VirtualClock(BEGAN)
        spec = Batching(
            **({"prefill_tokens_per_s": PREFILL, "step_s": STEP, "batched_tokens": BATCHED} | batching)  # type: ignore[arg-type]
        )
        self.server = BatchingServer(spec, EpisodeFailures(self.clock, Failures(), episodes, BEGAN), self.clock)

    def ask(self, at: float, prompt_tokens: int, output_tokens: int) -> tuple[Job, Asker]:
        self.clock.run_until(BEGAN + at)
        asker = Asker(self.clock)
        job = Job(prompt_tokens, output_tokens, 1, asker)
        self.server.begin(job)
        return job, asker

    def run(self) -> None:
        self.clock.run_until(BEGAN + 10_000)


def near(seconds: float) -> object:
    return pytest.approx(seconds, rel=1e-6, abs=2e-6)


def test_one_alone_takes_its_prompt_and_a_step_for_each_token() -> None:
    stand = Stand()
    _, asker = stand.ask(1.0, 2000, 101)
    stand.run()
    prefill = 2000 / BATCHED * STEP + 2000 / PREFILL
    assert asker.first == near(1.0 + prefill)
    assert asker.end == near(1.0 + prefill + 100 * STEP)


def test_a_second_waits_for_the_prompt_before_it_and_slows_the_first() -> None:
    stand = Stand(step_per_sequence_s=0.001)
    _, one = stand.ask(0.0, 1000, 101)
    _, two = stand.ask(0.0, 1000, 101)
    stand.run()
    assert one.first == near(STEP + 0.1)
    assert two.first == near(one.first + (STEP + 0.001) + 0.1)  # a step of a prompt's chunk beside one that generates
    left = 100 - 1  # of the first, which had one token in that step
    assert one.end == near(two.first + left * (STEP + 0.002))
    assert two.end == near(one.end + 1 * (STEP + 0.001))


def test_seats_are_bounded_and_the_gauges_say_who_waits() -> None:
    stand = Stand(max_running=2)
    askers = [stand.ask(0.0, 10, 1001)[1] for _ in range(3)]
    stand.clock.run_until(BEGAN + 5.0)
    gauges = stand.server.gauges()
    assert (gauges.running, gauges.waiting) == (2, 1)
    assert askers[2].first is None
    stand.run()
    assert askers[0].end is not None
    assert askers[2].first is not None
    assert askers[2].first > askers[0].end
    after = stand.server.gauges()
    assert (after.running, after.waiting, after.ended) == (0, 0, 3.0)


def test_a_cache_that_is_full_holds_the_next_back() -> None:
    stand = Stand(kv_tokens=1000)
    _, one = stand.ask(0.0, 500, 100)
    _, two = stand.ask(0.0, 500, 100)
    stand.run()
    assert two.first is not None
    assert two.first > (one.end or math.inf)


def test_one_that_leaves_frees_its_place_and_hears_no_more() -> None:
    stand = Stand(max_running=1)
    job, one = stand.ask(0.0, 10, 100_000)
    _, two = stand.ask(0.0, 10, 11)
    stand.clock.run_until(BEGAN + 1.0)
    came = stand.server.generated(job)
    assert came == pytest.approx((1.0 - (one.first or 0.0)) / STEP + 1, abs=1)
    stand.server.leave(job)
    stand.run()
    assert one.end is None
    assert two.end == near(1.0 + 10 / BATCHED * STEP + 10 / PREFILL + 10 * STEP)


def test_an_episode_slows_what_is_under_way() -> None:
    stand = Stand(Episode(start_s=1.0, end_s=3.0, slower=10))
    _, asker = stand.ask(0.0, 0, 201)
    stand.run()
    assert asker.end == near(1.0 + 2.0 + 0.01 * (200 - 100 - 20))


asked = st.lists(
    st.tuples(st.floats(0, 20), st.integers(0, 5000), st.integers(1, 500), st.floats(0, 30)), min_size=1, max_size=25
)


@given(asked, st.integers(1, 8), st.one_of(st.none(), st.integers(100, 20_000)))
def test_laws(requests: list[tuple[float, int, int, float]], seats: int, kv: int | None) -> None:
    """Everybody who stays is answered once, first come first served; no answer is quicker than alone; seats hold."""
    more = {} if kv is None else {"kv_tokens": kv}
    stand = Stand(max_running=seats, step_per_sequence_s=0.0005, **more)
    told: list[tuple[float, int, int, Asker, bool]] = []
    for at, prompt, output, patience in sorted(requests):
        job, asker = stand.ask(at, prompt, output)
        leaves = patience < 3
        told.append((at, prompt, output, asker, leaves))
        if leaves:
            stand.clock.at(BEGAN + at + patience, stand.server.leave, job)
        gauges = stand.server.gauges()
        assert gauges.running <= seats
    stand.run()
    firsts = []
    for at, prompt, output, asker, leaves in told:
        alone = prompt / BATCHED * STEP + prompt / PREFILL
        if not leaves:
            assert asker.outcome is Outcome.OK
            assert asker.first is not None
            assert asker.end is not None
            firsts.append(asker.first)
            assert asker.first - at >= alone - 1e-5
            assert asker.end - asker.first >= (output - 1) * STEP - 1e-5
    assert firsts == sorted(firsts)
    gauges = stand.server.gauges()
    assert (gauges.running, gauges.waiting) == (0, 0)
    assert gauges.kv_use == 0.0
