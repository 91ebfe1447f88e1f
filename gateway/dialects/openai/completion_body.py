"""One body of legacy completions, whole or an event of a stream: what it says, and whether it is an answer.

Source: OpenAI's OpenAPI description 2.3.0 (CreateCompletionResponse), and what vLLM 0.32 and llama.cpp were seen to send. A
choice that says nothing is an answer: a model may end at once.
"""

import contextlib
from collections.abc import Callable
from typing import Protocol

import msgspec

from gateway.dialects.openai.failure import failure_in_answer
from gateway.dialects.openai.finish import finish_of, means_failure
from gateway.dialects.openai.reported_usage import read_usage
from gateway.dialects.openai.ways import USUAL, Ways
from gateway.dialects.openai.wire import ABSENT, is_present
from gateway.dialects.reported import ReportedUsage
from gateway.values.anomaly import Anomaly
from gateway.values.answer import WholeAnswer
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.surrogates import without_lone_surrogates


class Habits(Protocol):
    """What a vendor writes otherwise than OpenAI in one answer, put in order. `prelude`: an event's data that it may send
    before the first one; it says nothing.
    """

    prelude: bytes

    def whole(self, body: bytes) -> bytes:
        """A whole answer."""

    def event(self, data: bytes) -> bytes:
        """The data of one event of a stream, in turn."""


class CompletionChoice(msgspec.Struct, gc=False):
    """What one choice says, or goes on with."""

    index: int = 0
    text: str | None = None
    finish_reason: str | None = None
    error: msgspec.Raw = ABSENT


class CompletionBody(msgspec.Struct, gc=False):
    """A whole answer, or one event's data."""

    choices: list[CompletionChoice] | None = None
    usage: msgspec.Raw = ABSENT
    service_tier: msgspec.Raw = ABSENT
    model: str | None = None
    error: msgspec.Raw = ABSENT


_decode = msgspec.json.Decoder(CompletionBody).decode


def parse(data: bytes) -> CompletionBody | None:
    """None if this is no completion."""
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _decode(data)
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _decode(without_lone_surrogates(data))
    return None


def in_order(put: Callable[[bytes], bytes], data: bytes) -> bytes:
    """As it is where the vendor did not write it as it used to."""
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError, LookupError, TypeError):
        return put(data)
    return data


def says_failure(body: CompletionBody) -> bool:
    """True if it holds an error, of the answer or of a choice, or a choice that ended so."""
    return is_present(body.error) or any(
        is_present(choice.error) or means_failure(choice.finish_reason) for choice in body.choices or ()
    )


def judged(
    body: bytes, wanted: int, finishes: frozenset[str], habits: Habits | None = None, ways: Ways = USUAL
) -> WholeAnswer:
    """Raises AttemptFailed if it is no answer of so many choices."""
    parsed = parse(body)
    if parsed is not None and habits is not None:
        body = in_order(habits.whole, body)
        parsed = parse(body)
    if parsed is None:
        raise AttemptFailed(Outcome.MALFORMED_ANSWER if body.strip() else Outcome.EMPTY_ANSWER, "not a completion")
    if says_failure(parsed):
        raise failure_in_answer(body, ways.codes, "a 2xx that holds an error")
    if not parsed.choices:
        raise AttemptFailed(Outcome.EMPTY_ANSWER, "a 2xx without choices")
    ends = [finish_of(choice.finish_reason) for choice in parsed.choices]
    if None in ends or len(ends) < wanted:
        raise AttemptFailed(Outcome.TRUNCATED, "a choice is missing, or has no finish_reason")
    told = read_usage(parsed.usage, parsed.service_tier, ways.usage)
    anomalies = _anomalies(told, known=finishes.issuperset(end for end in ends if end is not None))
    return WholeAnswer(body, told.usage, parsed.model, ends[0], told.counts, anomalies)


def _anomalies(told: ReportedUsage, *, known: bool) -> tuple[Anomaly, ...]:
    odd = (Anomaly.ODD_USAGE,) if told.odd else ()
    return odd if known else (Anomaly.UNKNOWN_FINISH_REASON, *odd)
