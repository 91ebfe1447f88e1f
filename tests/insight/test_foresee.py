"""What a server foresees of a job is what becomes of it if nobody comes after it; and to foresee changes nothing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.insight.batching import BatchingServer
from gateway.insight.clock import VirtualClock
from gateway.insight.commercial import CommercialServer
from gateway.insight.server import EpisodeFailures, Foreseen, Job, Server
from gateway.insight.world import Batching, Episode, Failures, FirstOutput, RateLimits, Service, Spread
from gateway.values.headroom import Headroom
from gateway.values.outcome import Outcome
from tests.insight.worlds import BEGAN

SLOW = Episode(start_s=3.0, end_s=6.0, slower=5.0)
DOWN = Failures(share=1.0)
BATCHING = Batching(
    prefill_tokens_per_s=5_000, step_s=0.01, step_per_sequence_s=0.001, max_running=4, kv_tokens=9_000, overhead_s=0.02
)
SERVICE = Service(
    first_output=FirstOutput(median_s=0.3, sigma=0.3, per_prompt_token_s=1e-5),
    output_token=Spread(median_s=0.01, sigma=0.2),
    limits=RateLimits(tokens_per_minute=10_000),
)
JOBS = st.lists(st.tuples(st.floats(0, 2), st.integers(1, 4_000), st.integers(1, 300)), min_size=1, max_size=8)


class Asker:
    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.first: float | None = None
        self.end: float | None = None
        self.outcome: Outcome | None = None

    def told(self, headroom: Headroom) -> None:
        pass

    def gave_output(self) -> None:
        self.first = self.clock.now

    def ended(self, outcome: Outcome, status: int | None, retry_after_s: float | None) -> None:
        self.outcome, self.end = outcome, self.clock.now


def server(kind: str, clock: VirtualClock, failures: Failures) -> Server:
    course = EpisodeFailures(clock, failures, [SLOW], BEGAN)
    return BatchingServer(BATCHING, course, clock) if kind == "own" else CommercialServer(SERVICE, course, clock)


def played(
    kind: str, jobs: list[tuple[float, int, int]], *, foresees: bool, failures: Failures
) -> tuple[list[tuple[float | None, float | None]], Foreseen | None]:
    """When each job had its first output and its end, and what was foreseen of the last one when it came."""
    clock = VirtualClock(BEGAN)
    asked = server(kind, clock, failures)
    askers, seen = [], None
    for number, (gap, prompt, output) in enumerate(jobs):
        clock.run_until(clock.now + gap)
        if number == len(jobs) - 1:
            clock.run_until(clock.now + 1.0)  # nobody is on the way
            if foresees:
                seen = asked.foresee(prompt, output, number)
        askers.append(Asker(clock))
        asked.begin(Job(prompt, output, number, askers[-1]))
    came = clock.now
    clock.run_until(BEGAN + 10_000)
    assert askers[-1].outcome is not None
    if foresees:
        if askers[-1].outcome is not Outcome.OK:
            assert seen is None
        else:
            assert seen is not None
            assert (came + seen.first_s, came + seen.total_s) == pytest.approx(
                (askers[-1].first, askers[-1].end), abs=1e-4
            )
    return [(one.first, one.end) for one in askers], seen


@pytest.mark.parametrize("kind", ["own", "commercial"])
@settings(max_examples=60, deadline=None)
@given(jobs=JOBS, failing=st.booleans())
def test_what_is_foreseen_comes_true_and_changes_nothing(
    kind: str, jobs: list[tuple[float, int, int]], failing: bool
) -> None:
    failures = DOWN if failing else Failures()
    ends, _ = played(kind, jobs, foresees=True, failures=failures)
    assert ends == played(kind, jobs, foresees=False, failures=failures)[0]
