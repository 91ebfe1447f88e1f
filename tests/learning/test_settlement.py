"""What an attempt is settled with: the provider's count, else an estimate of what it has shown, or had time for."""

import pytest

from gateway.learning.readings import Readings
from gateway.learning.settlement import usage_of
from gateway.values.answer import StreamSummary
from gateway.values.outcome import Outcome
from gateway.values.request import Facts
from gateway.values.sensitivity import Sensitivity
from gateway.values.snapshot import Reading
from gateway.values.usage import Usage
from tests.learning.test_readings import attempt, decision, deployment

ASKED = Facts(
    model="m", sensitivity=Sensitivity.PUBLIC, needs=frozenset(), prompt_tokens=100, max_output_tokens=None, stream=True
)


def used(
    said: StreamSummary | None, outcome: Outcome, status: int | None = 200, *, was_sent: bool = True
) -> Usage | None:
    return usage_of(said, ASKED, outcome, Reading(), duration_s=1.0, status=status, was_sent=was_sent)


def test_the_providers_own_count_comes_first() -> None:
    told = Usage(prompt_tokens=90, completion_tokens=7)
    assert used(StreamSummary(told, None, None, 3), Outcome.CALLER_LEFT) == told


def test_a_stream_that_was_cut_off_is_estimated_by_its_events() -> None:
    found = used(StreamSummary(None, None, None, 12), Outcome.CONNECTION_LOST)
    assert found == Usage(prompt_tokens=100, completion_tokens=12, estimated=True)


def test_what_was_given_up_before_it_showed_anything_used_its_prompt() -> None:
    found = used(None, Outcome.HEDGE_LOST, None)
    assert found == Usage(prompt_tokens=100, completion_tokens=0, estimated=True)


@pytest.mark.parametrize(("status", "was_sent"), [(429, True), (None, False)], ids=["refused", "not sent"])
def test_what_was_refused_or_never_sent_used_nothing(status: int | None, was_sent: bool) -> None:
    assert used(None, Outcome.CALLER_LEFT, status, was_sent=was_sent) is None


def test_an_attempt_counts_at_its_address_from_its_beginning_to_its_end() -> None:
    readings = Readings()
    readings.workers.declare([deployment("a", 3)])
    hold = readings.began("a", 1.0, address=2)
    assert [one.in_flight for one in readings.workers.of("a")] == [0, 0, 1]
    readings.ended(attempt(Outcome.CONNECT_FAILED), hold, decision(), 2.0)
    assert [one.in_flight for one in readings.workers.of("a")] == [0, 0, 0]
    assert [one.rank(2.0) for one in readings.workers.of("a")] == [0, 0, 1]
