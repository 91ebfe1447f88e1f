"""Decode: is this 2xx body an answer, and what does it say of itself?"""

from gateway.dialects.gemini.errors import ErrorObject, error_of
from gateway.dialects.gemini.reported_usage import read_usage, with_searches
from gateway.dialects.gemini.stop import FAILED, KNOWN, MAX_TOKENS, REFUSED, UNSPECIFIED
from gateway.dialects.gemini.wire import ABSENT, Response, is_present, read_response
from gateway.dialects.reported import of_output
from gateway.values.anomaly import Anomaly
from gateway.values.answer import WholeAnswer
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.usage import Usage

_BUSY = {"UNAVAILABLE": Outcome.OVERLOADED, "RESOURCE_EXHAUSTED": Outcome.RATE_LIMITED}


def decode(body: bytes) -> WholeAnswer:
    """Raises AttemptFailed: an error in the answer, malformed, cut short, or empty (FAULTS S15)."""
    found = parse(body)
    reason = reason_of(found)
    any_output = any(part.holds_output() for one in found.candidates or () for part in one.parts())
    told = of_output(read_usage(found.usage_metadata), any_output=any_output)
    grounding = next((one.grounding_metadata for one in found.candidates or ()), ABSENT)
    told = with_searches(told, grounding, found.model_version)
    if reason is None and any_output:
        raise AttemptFailed(Outcome.TRUNCATED, "an answer without a finishReason")
    check_reason(reason)
    blocked = found.blocked() is not None
    if not is_answer(any_output=any_output, reason=reason, usage=told.usage, blocked=blocked):
        raise AttemptFailed(Outcome.EMPTY_ANSWER, "an answer that holds nothing")
    odd = (Anomaly.ODD_USAGE,) if told.odd else ()
    anomalies = odd if reason in KNOWN or blocked else (Anomaly.UNKNOWN_FINISH_REASON, *odd)
    return WholeAnswer(body, told.usage, found.model_version, reason, told.counts, anomalies)


def parse(body: bytes) -> Response:
    """A body as an answer. Raises AttemptFailed if it has none of one's members, or holds an error."""
    if not body.strip():
        raise AttemptFailed(Outcome.EMPTY_ANSWER, "a 2xx with an empty body")
    found = read_response(body)
    if found is not None and is_present(found.error):
        raise error_in_answer(error_of(found.error), "a 2xx whose body holds an error")
    if found is None or (found.candidates is None and found.prompt_feedback is None and found.usage_metadata is ABSENT):
        raise AttemptFailed(Outcome.MALFORMED_ANSWER, "the body is not an answer of Gemini's")
    return found


def reason_of(response: Response) -> str | None:
    """Why the first candidate ended, or why the prompt was blocked."""
    said = next((one.finish_reason for one in response.candidates or () if one.finish_reason), None)
    return response.blocked() if not said or said == UNSPECIFIED else said


def check_reason(reason: str | None) -> None:
    """Raises AttemptFailed for one by which the model failed."""
    if reason in FAILED:
        raise AttemptFailed(Outcome.MALFORMED_ANSWER, f"the model failed: finishReason {reason}")


def is_answer(*, any_output: bool, reason: str | None, usage: Usage | None, blocked: bool = False) -> bool:
    """Is a finished answer one, though it may hold nothing? Yes if a filter stopped it, or it ended while the model thought.
    One that stopped by itself and says nothing is a fault.
    """
    if any_output or blocked or reason in REFUSED:
        return True
    return reason == MAX_TOKENS and usage is not None and usage.completion_tokens > 0


def error_in_answer(error: ErrorObject, where: str) -> AttemptFailed:
    """What an error in a 2xx, or in a stream, means. Its words may hold what was asked: they are not passed on."""
    outcome = _BUSY.get(error.status or "", Outcome.ERROR_IN_ANSWER)
    return AttemptFailed(outcome, f"{where}: {error.status}" if error.status in _BUSY else where)
