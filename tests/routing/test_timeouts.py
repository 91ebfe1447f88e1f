"""Whichever limit comes first ends an attempt and names its outcome; the clock is given."""

import pytest

from gateway.routing.document import Limits
from gateway.routing.timeouts import AttemptTimeouts
from gateway.values.decision import Bounds
from gateway.values.deployment import Timeouts
from gateway.values.outcome import Outcome
from tests.insight.worlds import arrivals, catalogue, deployment, facts, planned, simulated, steady

OWN = Timeouts(first_output_s=10, idle_s=5, total_s=60)


def timeouts(deadline: float = 1_100.0, **bounds: float) -> AttemptTimeouts:
    return AttemptTimeouts(OWN, Bounds(100.0, 3, **bounds), 1_000.0, deadline)


def test_the_deployments_own_limits_are_its_fault_and_the_rules_are_not() -> None:
    assert timeouts().until(timeouts().first, 1_000.0) == (1_010.0, Outcome.FIRST_OUTPUT_TIMEOUT)
    ruled = timeouts(first_output_s=2, idle_s=60)
    assert ruled.until(ruled.first, 1_000.0) == (1_002.0, Outcome.LIMIT_PASSED)
    assert ruled.until(ruled.idle, 1_030.0) == (1_035.0, Outcome.IDLE_TIMEOUT)


def test_the_attempts_end_may_come_before_the_limit_of_a_wait() -> None:
    own, near = timeouts(), timeouts(deadline=1_004.0)
    assert own.until(own.idle, 1_058.0) == (1_060.0, Outcome.TOTAL_TIMEOUT)
    assert own.until((None, Outcome.IDLE_TIMEOUT), 1_001.0) == (1_060.0, Outcome.TOTAL_TIMEOUT)
    assert near.until(near.first, 1_000.0) == (1_004.0, Outcome.DEADLINE_EXCEEDED)


@pytest.mark.parametrize(
    ("limits", "total_s", "stream", "outcome", "after_s"),
    [
        (Limits(), 60, True, Outcome.FIRST_OUTPUT_TIMEOUT, 10.0),
        (Limits(first_output_s=3), 60, True, Outcome.LIMIT_PASSED, 3.0),
        (Limits(first_output_s=3), 60, False, Outcome.TOTAL_TIMEOUT, 60.0),
        (Limits(deadline_s=2), 60, True, Outcome.DEADLINE_EXCEEDED, 2.0),
        (Limits(first_output_s=7), 5, True, Outcome.TOTAL_TIMEOUT, 5.0),
    ],
    ids=["first output", "rule", "whole", "deadline", "total"],
)
def test_the_simulator_ends_an_attempt_by_the_same_limits(
    limits: Limits, total_s: float, stream: bool, outcome: Outcome, after_s: float
) -> None:
    slow = catalogue(deployment("a", timeouts=Timeouts(first_output_s=10, idle_s=5, total_s=total_s)))
    asked = arrivals([0.0], of=facts(stream=stream))
    (record,) = simulated(planned(slow, limits=limits), slow, {"a": steady(first_s=3_000.0)}, asked)
    first = record.attempts[0]
    assert (first.outcome, first.duration_s) == (outcome, pytest.approx(after_s, abs=1e-5))
