"""The tables of reasons and outcomes are whole: a word that is added has its sentence and its status, or this fails."""

import pytest

from gateway.http.errors import OUTCOMES, REFUSALS
from gateway.routing.sentences import reason_sentence
from gateway.values.decision import Cause, Reason
from gateway.values.outcome import CONSEQUENCES, Outcome, Then

NEVER_TOLD = {
    Outcome.OK,
    Outcome.HEDGE_LOST,
    Outcome.CALLER_LEFT,
    Outcome.CALLER_STALLED,
}  # nothing to tell, or nobody who reads
BY_CAUSE = {Outcome.NO_CANDIDATE, Outcome.REFUSED_BY_RULE}
HIDDEN = {Cause.SCOPE}  # a caller hears nothing of deployments that it may not know of


@pytest.mark.parametrize("cause", Cause)
def test_each_cause_has_a_sentence(cause: Cause) -> None:
    for needed, has in (("9", "3"), (9.0, 3.0), (9.0, None), ("admitting", "shut")):
        assert "{" not in reason_sentence(Reason(cause, needed, has))


def test_each_cause_has_a_status() -> None:
    assert {*REFUSALS} == {*Cause} - HIDDEN


def test_each_outcome_has_an_owner_and_what_follows() -> None:
    assert {*CONSEQUENCES} == {*Outcome}
    assert {one for one, row in CONSEQUENCES.items() if row.fault is None} <= NEVER_TOLD


def test_each_failure_has_a_status() -> None:
    failures = {one for one, row in CONSEQUENCES.items() if row.then is not Then.DONE}
    assert failures - NEVER_TOLD - BY_CAUSE <= {*OUTCOMES}
