"""Decode: is this 2xx body an answer, and what does it say of itself?"""

import msgspec

from gateway.dialects.anthropic.reported_usage import read_usage
from gateway.dialects.anthropic.stop import KNOWN, MAX_TOKENS, REFUSAL
from gateway.dialects.anthropic.wire import Message, error_of, is_present, read
from gateway.dialects.reported import ReportedUsage, of_output
from gateway.values.anomaly import Anomaly
from gateway.values.answer import WholeAnswer
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.usage import Usage

_decoder = msgspec.json.Decoder(Message)
_BUSY = {"overloaded_error": Outcome.OVERLOADED, "rate_limit_error": Outcome.RATE_LIMITED}


def decode(body: bytes) -> WholeAnswer:
    """Raises AttemptFailed: an error in the answer, malformed, cut short, or empty (FAULTS S15)."""
    message = _parse(body)
    if is_present(message.error) or message.type == "error":
        raise error_in_answer(message.error, "a 2xx whose body holds an error")
    if message.content is None:
        raise AttemptFailed(Outcome.MALFORMED_ANSWER, "not a message: it has no content")
    any_output = any(block.holds_output() for block in message.content)
    told = of_output(read_usage(message.usage), any_output=any_output)
    reason = message.stop_reason
    if reason is None and (any_output or (told.usage is not None and told.usage.completion_tokens)):
        raise AttemptFailed(Outcome.TRUNCATED, "a message without a stop_reason")
    if not is_answer(any_output=any_output, reason=reason, usage=told.usage):
        raise AttemptFailed(Outcome.EMPTY_ANSWER, "a message that holds nothing")
    return WholeAnswer(body, told.usage, message.model, reason, told.counts, _anomalies(told, known=reason in KNOWN))


def is_answer(*, any_output: bool, reason: str | None, usage: Usage | None) -> bool:
    """Is a finished message one, though it may hold nothing? Yes if the model declined, ended with what it generated, or
    was to generate nothing: `max_tokens` 0 fills the prompt cache.
    """
    if any_output or reason == REFUSAL:
        return True
    return usage is not None and ((reason in KNOWN and usage.completion_tokens > 0) or reason == MAX_TOKENS)


def error_in_answer(error: msgspec.Raw, where: str) -> AttemptFailed:
    """What an error in a 2xx, or in a stream, means. Its words may hold what was asked: they are not passed on."""
    kind = error_of(error).type or ""
    return AttemptFailed(_BUSY.get(kind, Outcome.ERROR_IN_ANSWER), f"{where}: {kind}" if kind in _BUSY else where)


def _anomalies(told: ReportedUsage, *, known: bool) -> tuple[Anomaly, ...]:
    odd = (Anomaly.ODD_USAGE,) if told.odd else ()
    return odd if known else (Anomaly.UNKNOWN_FINISH_REASON, *odd)


def _parse(body: bytes) -> Message:
    if not body.strip():
        raise AttemptFailed(Outcome.EMPTY_ANSWER, "a 2xx with an empty body")
    message = read(_decoder, body)
    if message is None:
        raise AttemptFailed(Outcome.MALFORMED_ANSWER, "the body is not a message")
    return message
