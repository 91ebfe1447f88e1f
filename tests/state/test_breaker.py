"""The breaker: when it shuts, what proves that it may admit again, and that no order of events leaves it stuck."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.state.breaker import (
    FAILED,
    FEW_IN_A_ROW,
    FIRST_PAUSE_S,
    FORGET_S,
    LONGEST_PAUSE_S,
    PROOFS,
    WINDOW_S,
    Breaker,
    Phase,
)
from gateway.values.outcome import TOLD_OVERLOAD, Outcome

OK, BROKEN = Outcome.OK, Outcome.SERVER_ERROR
LONGEST = LONGEST_PAUSE_S + 0.001


def one(breaker: Breaker, outcome: Outcome, now: float) -> None:
    breaker.ended(breaker.began(now), outcome, now)


def shut(breaker: Breaker, now: float = 0.0) -> None:
    for _ in range(FEW_IN_A_ROW):
        one(breaker, BROKEN, now)
    assert breaker.phase is Phase.SHUT


def admit(breaker: Breaker, now: float) -> None:
    for _ in range(PROOFS):
        one(breaker, OK, now)
    assert breaker.phase is Phase.ADMITTING


def shut_at(breaker: Breaker, outcomes: "list[Outcome]", per_s: float, since: float) -> float:
    """When it is shut while attempts end so, one after the other; -1 if it is not."""
    for number, outcome in enumerate(outcomes):
        now = since + number / per_s
        one(breaker, outcome, now)
        if breaker.phase is Phase.SHUT:
            return now - since
    return -1.0


@pytest.mark.parametrize("healthy_s", [0, 60])
def test_at_200_a_second_it_is_shut_within_a_second_new_or_not(healthy_s: int) -> None:
    breaker = Breaker()
    assert shut_at(breaker, [OK] * 200 * healthy_s, 200, 0.0) < 0
    assert 0 <= shut_at(breaker, [BROKEN] * 200, 200, float(healthy_s)) < 0.2


def test_it_is_shut_as_soon_though_long_streams_that_began_before_still_end_well() -> None:
    breaker = Breaker()
    old = [breaker.began(0.0) for _ in range(1000)]
    for number in range(200):
        breaker.ended(old[number], OK, 1 + number / 200)
        one(breaker, BROKEN, 1 + number / 200)
    assert breaker.phase is Phase.SHUT


def test_one_stream_a_minute_is_enough_to_shut_it_and_to_admit_again() -> None:
    breaker = Breaker()
    assert shut_at(breaker, [OK] * 30 + [BROKEN] * 10, 1 / 60, 0.0) == (30 + FEW_IN_A_ROW - 1) * 60
    assert shut_at(breaker, [OK] * PROOFS, 1 / 60, 3600.0) < 0
    assert breaker.phase is Phase.ADMITTING


@pytest.mark.parametrize(("share", "is_shut"), [(0.1, False), (0.3, False), (0.7, True)])
def test_under_load_it_is_the_share_that_counts(share: float, is_shut: bool) -> None:
    dice = random.Random(1)
    outcomes = [BROKEN if dice.random() < share else OK for _ in range(20_000)]
    assert (shut_at(Breaker(), [OK] * 20 + outcomes, 200, 0.0) >= 0) is is_shut


def test_quick_failures_beside_many_slow_answers_do_not_shut_it() -> None:
    """200 a second that take 30 s, and one in a hundred fails at once: no sign of life comes for 30 s after a failure."""
    breaker, waiting = Breaker(), []
    for number in range(200 * 90):
        now = number / 200
        ticket = breaker.began(now)
        if number % 100 == 0:
            breaker.ended(ticket, BROKEN, now)
        else:
            waiting.append((now + 30, ticket))
        while waiting and waiting[0][0] <= now:
            breaker.ended(waiting.pop(0)[1], OK, now)
        assert breaker.phase is Phase.ADMITTING


def test_what_is_older_than_the_window_does_not_count() -> None:
    breaker = Breaker()
    assert shut_at(breaker, [OK] * 1000, 1000, 0.0) < 0
    half = [OK, BROKEN] * 30
    assert shut_at(breaker, half, 1000, 1.0) < 0  # 30 of 1060
    assert shut_at(breaker, half, 1000, 2.5 + WINDOW_S) >= 0


def test_what_began_before_it_was_shut_proves_nothing() -> None:
    breaker = Breaker()
    old = [breaker.began(0.0) for _ in range(50)]
    shut(breaker)
    until = breaker.shut_until
    for number, ticket in enumerate(old[:40]):
        breaker.ended(ticket, OK if number % 2 else BROKEN, 0.5)
    assert (breaker.phase, breaker.shut_until) == (Phase.SHUT, until)
    probe = breaker.began(until)
    for ticket in old[40:]:
        breaker.ended(ticket, OK if ticket % 2 else BROKEN, until)
    assert breaker.phase is Phase.PROBING
    assert breaker.probes_out
    breaker.ended(probe, BROKEN, until)
    assert breaker.shut_until == until + 2 * FIRST_PAUSE_S


def test_a_first_output_is_proof_enough_for_another_probe() -> None:
    """Else one long stream would hold the only place for minutes."""
    breaker = Breaker()
    shut(breaker)
    for number in range(PROOFS):
        assert not breaker.probes_out
        ticket = breaker.began(2.0)
        assert breaker.probes_out is (number == 0)
        breaker.lives(ticket, 2.0)
    assert breaker.phase is Phase.ADMITTING


def test_a_probe_that_breaks_off_after_its_first_output_shuts_it_again() -> None:
    breaker = Breaker()
    shut(breaker)
    ticket = breaker.began(2.0)
    breaker.lives(ticket, 2.0)
    breaker.ended(ticket, Outcome.TRUNCATED, 3.0)
    assert (breaker.phase, breaker.shut_until) == (Phase.SHUT, 3.0 + 2 * FIRST_PAUSE_S)


@pytest.mark.parametrize(
    "outcome",
    [Outcome.RATE_LIMITED, Outcome.OVERLOADED, Outcome.CALLER_LEFT, Outcome.HEDGE_LOST, Outcome.DEADLINE_EXCEEDED],
)
def test_a_probe_that_says_nothing_leaves_its_place_to_the_next(outcome: Outcome) -> None:
    breaker = Breaker()
    shut(breaker)
    for _ in range(20):
        one(breaker, outcome, 2.0)
        assert breaker.phase is Phase.PROBING
        assert not breaker.probes_out
    admit(breaker, 3.0)


def test_a_probe_that_lost_to_a_hedge_is_followed_by_one_that_is_seen_through() -> None:
    breaker = Breaker()
    shut(breaker)
    for _ in range(3):
        assert not breaker.sees_through
        one(breaker, Outcome.HEDGE_LOST, 2.0)
        assert breaker.sees_through
        ticket = breaker.began(2.0)
        assert not breaker.sees_through
        breaker.ended(ticket, Outcome.CALLER_LEFT, 2.0)
    one(breaker, Outcome.HEDGE_LOST, 3.0)
    one(breaker, BROKEN, 3.0)
    assert breaker.phase is Phase.SHUT
    assert not breaker.sees_through


def test_pauses_double_to_a_bound_and_are_forgotten_slowly() -> None:
    breaker, now, pauses = Breaker(), 0.0, []
    shut(breaker)
    for _ in range(8):
        pauses.append(breaker.shut_until - now)
        now = breaker.shut_until
        one(breaker, BROKEN, now)
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]
    now = breaker.shut_until
    admit(breaker, now)
    shut(breaker, now + 1)  # a long fault that returns
    assert breaker.shut_until - now - 1 == LONGEST_PAUSE_S
    now = breaker.shut_until
    admit(breaker, now)
    shut(breaker, now + 3 * FORGET_S)
    assert breaker.shut_until - now - 3 * FORGET_S == 4
    admit(breaker, breaker.shut_until)
    shut(breaker, 1e6)
    assert breaker.shut_until == 1e6 + FIRST_PAUSE_S


def test_a_restart_forgets_its_faults() -> None:
    breaker = Breaker()
    old = [breaker.began(0.0) for _ in range(10)]
    shut(breaker)
    breaker.restart()
    assert breaker.phase is Phase.ADMITTING
    for ticket in old:
        breaker.ended(ticket, BROKEN, 0.0)
    assert breaker.phase is Phase.ADMITTING


steps = st.lists(
    st.tuples(
        st.sampled_from(["begin", "begin", "live", "end", "fail", "end_any"]), st.floats(0, 5), st.integers(0, 99)
    )
)


@given(steps, st.sampled_from(list(Outcome)))
def test_probes_are_bounded_and_nothing_is_for_ever(script: list[tuple[str, float, int]], any_outcome: Outcome) -> None:
    breaker, now, running = Breaker(), 0.0, list[int]()
    probing = set[int]()
    for what, after, which in script:
        now += after
        before = breaker.phase
        may = not breaker.probes_out and not (before is Phase.SHUT and now < breaker.shut_until)
        if what == "begin":
            if not may:
                continue
            ticket = breaker.began(now)
            running.append(ticket)
            if breaker.phase is Phase.PROBING:
                probing.add(ticket)
        elif running:
            ticket = running[which % len(running)]
            if what == "live":
                breaker.lives(ticket, now)
                probing.discard(ticket)
            else:
                running.remove(ticket)
                probing.discard(ticket)
                breaker.ended(ticket, {"end": OK, "fail": BROKEN}.get(what, any_outcome), now)
        if breaker.phase is not Phase.PROBING:
            probing.clear()
        assert len(probing) <= PROOFS
        assert breaker.shut_until <= now + LONGEST_PAUSE_S
    for ticket in running:
        breaker.ended(ticket, any_outcome, now)
    admit_anyhow(breaker, now + LONGEST)


def admit_anyhow(breaker: Breaker, now: float) -> None:
    """All is well again: as many as prove it are let in, one after the other."""
    for _ in range(PROOFS + 1):
        assert not breaker.probes_out
        one(breaker, OK, now)
    assert breaker.phase is Phase.ADMITTING


def test_a_clock_that_is_set_back_begins_the_window_anew() -> None:
    """Else an hour's answers would count, and no share of failures be half of them."""
    breaker = Breaker()
    assert shut_at(breaker, [OK] * 3000, 1000, 3600.0) < 0
    dice = random.Random(1)
    assert 0 <= shut_at(breaker, [BROKEN if dice.random() < 0.7 else OK for _ in range(300)], 100, 0.0) < 1


def test_told_overload_is_not_counted() -> None:
    assert not FAILED & TOLD_OVERLOAD
