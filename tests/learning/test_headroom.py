"""What is left of a rate limit: as it was said last, less what was sent since; whatever is said, not for ever."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.learning.headroom import SentSince
from gateway.values.headroom import LONGEST_HOLD_S, Headroom, Quota


def left(sent: SentSince) -> tuple[float, float]:
    found = sent.headroom
    assert found is not None
    assert found.requests is not None
    assert found.tokens is not None
    return found.requests.left, found.tokens.left


def test_an_older_attempts_word_is_no_news() -> None:
    sent = SentSince()
    first, second = sent.sent(1, 10), sent.sent(2, 20)
    sent.told(2, second, Headroom(Quota(5, 9.0), Quota(100, 9.0)), 1.0)
    sent.told(1, first, Headroom(Quota(6, 9.0), Quota(120, 9.0)), 1.0)
    assert left(sent) == (5, 100)
    sent.sent(3, 30)
    assert left(sent) == (4, 70)


def test_a_silly_reset_holds_nobody_back_for_days() -> None:
    sent = SentSince()
    sent.told(1, sent.sent(1, 0), Headroom(Quota(0, 1e12)), 100.0)
    assert sent.headroom == Headroom(Quota(0, 100.0 + LONGEST_HOLD_S))


def test_what_was_not_said_is_not_known() -> None:
    sent = SentSince()
    sent.sent(1, 10)
    assert sent.headroom is None
    sent.told(1, 10, Headroom(None, Quota(5, 9.0)), 1.0)
    assert sent.headroom == Headroom(None, Quota(5, 9.0))


@given(st.lists(st.tuples(st.integers(1, 100), st.booleans()), min_size=1, max_size=60), st.integers(0, 50))
def test_a_provider_that_counts_on_arrival_is_never_run_into(script: list[tuple[int, bool]], limit: int) -> None:
    """Its answers come in any order and late: those that went out meanwhile are taken off."""
    sent, told, waiting = SentSince(), limit, []
    for ticket, (tokens, answered) in enumerate(script, 1):
        headroom = sent.headroom
        if headroom is not None and headroom.requests is not None and headroom.requests.left < 1:
            break
        total = sent.sent(ticket, tokens)
        told -= 1  # counted as it arrives
        waiting.append((ticket, total, told))
        if answered:
            which = waiting.pop(tokens % len(waiting))
            sent.told(which[0], which[1], Headroom(Quota(max(which[2], 0), 1e3), None), 1.0)
        if sent.headroom is not None and sent.headroom.requests is not None:
            assert sent.headroom.requests.left <= max(told, 0)
