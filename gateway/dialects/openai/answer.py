"""Decode: is this 2xx body an answer, and what does it say of itself?"""

import contextlib
from typing import Any

import msgspec

from gateway.dialects.openai.error_object import is_failed_status
from gateway.dialects.openai.failure import failure_in_answer
from gateway.dialects.openai.finish import ANY, finish_of, means_failure
from gateway.dialects.openai.output import says_anything
from gateway.dialects.openai.repair import members, said_in_parts
from gateway.dialects.openai.reported_usage import read_usage
from gateway.dialects.openai.ways import USUAL, Ways
from gateway.dialects.openai.wire import ABSENT, Said, is_answer, is_present
from gateway.dialects.reported import ReportedUsage, of_output
from gateway.values.anomaly import Anomaly
from gateway.values.answer import WholeAnswer
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.surrogates import without_lone_surrogates


class _Choice(msgspec.Struct, gc=False):
    message: Said | None = None
    finish_reason: str | None = None
    error: msgspec.Raw = ABSENT


class _Body(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None
    usage: msgspec.Raw = ABSENT
    service_tier: msgspec.Raw = ABSENT
    model: str | None = None
    error: msgspec.Raw = ABSENT
    base_resp: msgspec.Raw = ABSENT


_decode_body = msgspec.json.Decoder(_Body).decode
_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


def decode(body: bytes, finishes: frozenset[str] = ANY, ways: Ways = USUAL) -> WholeAnswer:
    """Raises AttemptFailed: an error in the answer, malformed, cut short, or empty (FAULTS S15). `finishes` are the finish
    reasons that its vendor is known to give.
    """
    parsed = _parse(body)
    if is_present(parsed.error) or is_failed_status(parsed.base_resp):
        raise failure_in_answer(body, ways.codes, "a 2xx whose body holds an error")
    if not parsed.choices:
        raise AttemptFailed(Outcome.EMPTY_ANSWER, "a 2xx without choices")
    said = [choice.message for choice in parsed.choices]
    if None in said:
        raise AttemptFailed(Outcome.MALFORMED_ANSWER, "a choice without a message")
    if any(is_present(choice.error) or means_failure(choice.finish_reason) for choice in parsed.choices):
        raise AttemptFailed(Outcome.ERROR_IN_ANSWER, "a choice that ended with an error")
    any_output = any(message.holds_output() for message in said if message is not None) or says_anything(body)
    told = of_output(read_usage(parsed.usage, parsed.service_tier, ways.usage), any_output=any_output)
    ends = [finish_of(choice.finish_reason) for choice in parsed.choices]
    known = finishes.issuperset(ends)
    if None in ends and (any_output or (told.usage is not None and told.usage.completion_tokens)):
        raise AttemptFailed(Outcome.TRUNCATED, "a choice without a finish_reason")
    if not is_answer(any_output=any_output, finish_reason=ends[0], known=known, usage=told.usage):
        raise AttemptFailed(Outcome.EMPTY_ANSWER, "a 2xx whose choices hold nothing")
    if any(type(message.content) is list for message in said if message is not None):
        body = _in_text(body)
    return WholeAnswer(body, told.usage, parsed.model, ends[0], told.counts, _anomalies(told, known=known))


def _anomalies(told: ReportedUsage, *, known: bool) -> tuple[Anomaly, ...]:
    odd = (Anomaly.ODD_USAGE,) if told.odd else ()
    return odd if known else (Anomaly.UNKNOWN_FINISH_REASON, *odd)


def _in_text(body: bytes) -> bytes:
    """The answer with its content as a caller of chat expects it."""
    answer: dict[str, Any] = members(body)
    choices = [members(choice) for choice in _decode_list(answer["choices"])]
    answer["choices"] = [{**choice, "message": said_in_parts(members(choice["message"]))} for choice in choices]
    return _encode(answer)


def _parse(body: bytes) -> _Body:
    if not body.strip():
        raise AttemptFailed(Outcome.EMPTY_ANSWER, "a 2xx with an empty body")
    try:
        return _decode_body(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return _decode_body(without_lone_surrogates(body))
        raise AttemptFailed(Outcome.MALFORMED_ANSWER, f"not a chat completion: {problem}") from None
