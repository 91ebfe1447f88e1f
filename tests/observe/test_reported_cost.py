"""What a provider says that an answer cost, beside what its price makes."""

import pytest

from gateway.observe.metrics import Metrics
from gateway.values.outcome import Outcome
from gateway.values.records import Attempt, AttemptFinished, AttemptStarted
from gateway.values.usage import Usage


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, {"deployment": "d", **labels})


@pytest.mark.parametrize(
    ("reported", "usd", "more", "less"),
    [(0.02, 0.015, 0.005, None), (0.01, 0.015, None, 0.005), (0.02, None, None, None), (None, 0.015, None, None)],
)
def test_both_are_counted_and_by_how_much_they_differ(
    reported: float | None, usd: float | None, more: float | None, less: float | None
) -> None:
    metrics = Metrics()
    usage = Usage(prompt_tokens=10, completion_tokens=2, reported_usd=reported)
    metrics.attempt_started(AttemptStarted("d"))
    attempt = Attempt(deployment="d", outcome=Outcome.OK, started_s=0.0, duration_s=1.0, usage=usage, cost_usd=usd)
    metrics.attempt_finished(AttemptFinished(attempt))
    assert value(metrics, "gateway_reported_cost_usd_total") == reported
    for way, expected in (("more", more), ("less", less)):
        found = value(metrics, "gateway_cost_difference_usd_total", reported=way)
        assert found == (None if expected is None else pytest.approx(expected))
