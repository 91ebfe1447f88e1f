"""Trials of staged revisions, by the records that the bus carries: what is worse is withdrawn, what is not is not."""

import random

import pytest
from msgspec.structs import replace

from gateway.policies import trial as room
from gateway.policies.trial import Trial
from gateway.routing.staging import Staging
from gateway.values.decision import Bounds, Decision
from gateway.values.outcome import CONSEQUENCES, Outcome
from gateway.values.records import Attempt, RequestFinished
from gateway.values.request import Facts
from gateway.values.revision import Arm, Withdrawal
from gateway.values.sensitivity import Sensitivity
from gateway.values.slo import Slo, Target
from gateway.values.usage import Usage

RUNS, WITHIN = 100, 6_000  # requests
BASE, SHARE = 0.1, 0.2
FACTS = Facts(
    model="m", sensitivity=Sensitivity.PUBLIC, needs=frozenset(), prompt_tokens=1, max_output_tokens=None, stream=True
)
PROMISE = Slo(first_output=Target(1.0))


def record(revision: str, outcome: Outcome = Outcome.OK, first_output_s: float | None = 0.5) -> RequestFinished:
    decision = Decision("d", 1.0, revision, "r", FACTS, 0, (), ("a",), Bounds(60.0, 1))
    attempt = Attempt(deployment="a", outcome=outcome, started_s=0.0, duration_s=2.0, first_output_s=first_output_s)
    return RequestFinished(
        id="x", surface="s", decision=decision, outcome=outcome, fault=CONSEQUENCES[outcome].fault, attempts=(attempt,),
        answered_by="a", duration_s=2.0, overhead_s=0.0, first_output_s=first_output_s, output_started=True,
    )  # fmt: skip


def trial(promise: Slo | None = None) -> Trial:
    return Trial("1-a", "2-b", lambda _facts, _at: promise)


def withdrawn_after(seed: int, times: float) -> int | None:
    """Of so many requests, if staged ones fail this many times as often."""
    chance, tried = random.Random(seed), trial()
    split = Staging(None, SHARE, seed)  # type: ignore[arg-type]
    good, bad = (
        {name: record(name, outcome) for name in ("1-a", "2-b")} for outcome in (Outcome.OK, Outcome.SERVER_ERROR)
    )
    for number in range(1, WITHIN + 1):
        staged = split.takes(None, f"{seed:04x}{number:024x}")
        fails = chance.random() < BASE * (times if staged else 1)
        if tried.count((bad if fails else good)["2-b" if staged else "1-a"]) is Withdrawal.ERRORS:
            return number
    return None


def test_what_doubles_errors_is_withdrawn_within_the_stated_number_of_requests() -> None:
    ends = [withdrawn_after(seed, 2.0) for seed in range(RUNS)]
    assert None not in ends


def test_what_is_harmless_is_not() -> None:
    assert [withdrawn_after(seed, 1.0) for seed in range(RUNS)] == [None] * RUNS


@pytest.mark.parametrize(
    ("outcome", "counts", "fails"),
    [
        (Outcome.OK, True, False),
        (Outcome.NO_CANDIDATE, True, True),
        (Outcome.DEADLINE_EXCEEDED, True, True),
        (Outcome.CREDENTIAL_REFUSED, True, True),
        (Outcome.CALLER_LEFT, False, False),
        (Outcome.REFUSED_BY_RULE, False, False),
        (Outcome.BAD_REQUEST, False, False),
    ],
)
def test_what_counts_as_failed_is_what_the_caller_sees_and_is_not_to_blame_for(
    outcome: Outcome, counts: bool, fails: bool
) -> None:
    tried = trial()
    tried.count(record("2-b", outcome))
    assert tried.arms() == (
        Arm(0, 0, 0, 0, 0),
        Arm(int(counts), int(fails), 0, 0, int(outcome is Outcome.REFUSED_BY_RULE)),
    )


def test_requests_of_other_revisions_do_not_count() -> None:
    tried = trial(PROMISE)
    tried.count(record("0-c", Outcome.SERVER_ERROR))
    assert tried.arms() == (Arm(0, 0, 0, 0, 0), Arm(0, 0, 0, 0, 0))


def test_both_arms_are_held_against_what_the_revision_in_force_promises() -> None:
    """A staged revision that drops or loosens its objective is slow all the same."""
    tried, loose = trial(PROMISE), Slo(first_output=Target(60.0))
    slow = record("2-b", first_output_s=5.0)
    for own in (None, loose):
        tried.count(replace(slow, decision=replace(slow.decision, slo=own)))
    strict = record("2-b", first_output_s=0.5)  # and one that promises more is not slow
    tried.count(replace(strict, decision=replace(strict.decision, slo=Slo(first_output=Target(0.1)))))
    assert tried.arms()[1] == Arm(3, 0, 3, 2, 0)


def test_a_stream_that_was_continued_has_the_pace_of_all_its_parts() -> None:
    tried = trial(Slo(output_token=Target(0.1)))
    parts = [(Outcome.CONNECTION_LOST, 0.0, 0), (Outcome.OK, 1.0, 50)]
    attempts = tuple([
        Attempt(
            deployment="a", outcome=outcome, started_s=started_s, duration_s=1.0, first_output_s=0.1, continues=continues,
            usage=Usage(prompt_tokens=1, completion_tokens=15),
        )
        for outcome, started_s, continues in parts
    ])  # fmt: skip
    tried.count(replace(record("2-b", first_output_s=0.1), attempts=attempts))
    assert tried.arms()[1] == Arm(1, 0, 1, 0, 0)


def test_what_is_slower_is_withdrawn_for_its_objective() -> None:
    tried, why = trial(PROMISE), None
    for number in range(2_000):
        staged = number % 5 == 0
        why = tried.count(
            record("2-b" if staged else "1-a", first_output_s=1.5 if staged and number % 10 == 0 else 0.5)
        )
        if why is not None:
            break
    assert why is Withdrawal.SLO
    assert "missed the objective" in tried.sentence(why)


def test_a_difference_too_small_to_matter_is_no_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """However certain it is: twelve of twenty thousand, and none of the others."""
    assert _ended() is None
    monkeypatch.setattr(room, "LEAST_EXCESS", 0.0)
    assert _ended() is Withdrawal.ERRORS


def _ended() -> Withdrawal | None:
    tried, bad = trial(), record("2-b", Outcome.SERVER_ERROR)
    good = {name: record(name) for name in ("1-a", "2-b")}
    for number in range(200_000):
        is_bad = number % 16_500 == 16_490
        why = tried.count(bad if is_bad else good["2-b" if number % 10 == 0 else "1-a"])
        if why is not None:
            return why
    return None
