"""Which of a request's attempts gave its answer, when it began and how long it is, in whatever order they ended."""

from typing import Any

from gateway.values.outcome import Outcome
from gateway.values.records import Attempt, answering, first_output_s, output_tokens
from gateway.values.usage import Usage


def attempt(name: str, outcome: Outcome, started_s: float, tokens: int | None = None, **more: Any) -> Attempt:
    usage = None if tokens is None else Usage(prompt_tokens=1, completion_tokens=tokens)
    return Attempt(deployment=name, outcome=outcome, started_s=started_s, duration_s=2.0, usage=usage, **more)


FAILED = attempt("a", Outcome.SERVER_ERROR, 0.0)
BROKEN = attempt("b", Outcome.CONNECTION_LOST, 1.0, 40, first_output_s=0.5)
IN_VAIN = attempt("c", Outcome.CONNECT_FAILED, 4.0, continues=100)
REST = attempt("d", Outcome.OK, 5.0, 60, first_output_s=0.7, continues=100)
LOST = attempt("e", Outcome.HEDGE_LOST, 0.0, 5, first_output_s=0.1)
WHOLE = attempt("f", Outcome.OK, 0.5, 30)


def test_a_continued_stream_began_where_it_broke_and_is_as_long_as_all_its_parts() -> None:
    assert answering([FAILED, BROKEN, REST]) == [BROKEN, REST]
    assert first_output_s([FAILED, BROKEN, REST]) == 1.5
    assert output_tokens([FAILED, BROKEN, REST]) == 100
    assert first_output_s([FAILED, BROKEN, IN_VAIN]) == 1.5
    assert output_tokens([FAILED, BROKEN, IN_VAIN]) is None


def test_what_lost_is_no_answer_though_it_ended_last() -> None:
    assert answering([WHOLE, LOST]) == [WHOLE]
    assert (first_output_s([WHOLE, LOST]), output_tokens([WHOLE, LOST])) == (None, 30)


def test_where_nothing_answered_the_last_one_counts() -> None:
    assert answering([FAILED]) == [FAILED]
    assert (answering([]), first_output_s([]), output_tokens([])) == ([], None, None)
