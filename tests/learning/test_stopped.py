"""What is estimated of an attempt that was stopped while its provider was at work."""

import pytest

from gateway.learning.stopped import usage_until_stopped
from gateway.values.outcome import CONSEQUENCES, Fault, Outcome
from gateway.values.snapshot import Latency, Line, Quantiles, Reading
from tests.learning.attempts import asked

FLAT = Quantiles(1.0, 1.0, 1.0, 1.0)
WHOLE = Line(2.0, 0.0, 0.0, FLAT)
PACE = Quantiles(0.1, 0.2, 0.2, 0.2)


@pytest.mark.parametrize(
    ("latency", "usual", "expected"),
    [
        (Latency(9, 0.0, Line(0.5, 0.0, 0.0, FLAT), PACE), 50.0, 10.0),
        (Latency(9, 0.0, None, None, WHOLE), 50.0, 25.0),
        (Latency(9, 0.0, None, None, Line(0.5, 0.0, 0.0, FLAT)), 50.0, 50.0),
        (Latency(9, 0.0, None, None, WHOLE), None, None),
        (Latency(9, 0.0), 50.0, None),
        (None, 50.0, None),
    ],
    ids=["by the pace", "by the share of the time", "no more than usual", "no length", "no times", "nothing"],
)
def test_what_was_generated_in_a_second(latency: Latency | None, usual: float | None, expected: float | None) -> None:
    reading = Reading(latency=latency, output_tokens=usual)
    used = usage_until_stopped(Outcome.CALLER_LEFT, asked(100, stream=False), reading, 1.0)
    assert (None if used is None else used.completion_tokens) == expected


def test_a_stream_without_output_has_its_prompt_and_nothing_more() -> None:
    used = usage_until_stopped(Outcome.HEDGE_LOST, asked(100), Reading(), 1.0)
    assert used is not None
    assert (used.prompt_tokens, used.completion_tokens, used.estimated) == (100, 0, True)


@pytest.mark.parametrize("outcome", [one for one in Outcome if CONSEQUENCES[one].fault is Fault.PROVIDER])
def test_of_a_provider_that_failed_nothing_is_estimated(outcome: Outcome) -> None:
    assert usage_until_stopped(outcome, asked(100), Reading(), 1.0) is None
