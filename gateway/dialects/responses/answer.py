"""Decode: is this 2xx body a response that has ended well, and what does it say of itself?"""

import contextlib

import msgspec

from gateway.dialects.anthropic.wire import read
from gateway.dialects.openai.wire import is_present
from gateway.dialects.reported import ReportedUsage, of_output
from gateway.dialects.responses.usage import read_usage
from gateway.dialects.responses.wire import Response, response
from gateway.values.anomaly import Anomaly
from gateway.values.answer import WholeAnswer
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.usage import Usage

FILTERED = "content_filter"
_REASONS = frozenset({"completed", "max_output_tokens", FILTERED})
_CODES = {
    "rate_limit_exceeded": Outcome.RATE_LIMITED, "server_is_overloaded": Outcome.OVERLOADED, "slow_down": Outcome.OVERLOADED,
    "overloaded_error": Outcome.OVERLOADED, "insufficient_quota": Outcome.QUOTA_EXHAUSTED,
    "context_length_exceeded": Outcome.CONTEXT_TOO_LONG, "invalid_prompt": Outcome.CONTENT_POLICY,
    "bio_policy": Outcome.CONTENT_POLICY, "image_content_policy_violation": Outcome.CONTENT_POLICY,
    "invalid_encrypted_content": Outcome.FIELD_REFUSED,
}  # fmt: skip


class _Error(msgspec.Struct):
    code: str | int | None = None


_error = msgspec.json.Decoder(_Error | str | None)


def decode(body: bytes) -> WholeAnswer:
    """Raises AttemptFailed: an error in the answer, malformed, not at its end, or empty."""
    if not body.strip():
        raise AttemptFailed(Outcome.EMPTY_ANSWER, "a 2xx with an empty body")
    found = read(response, body)
    if found is None:
        raise AttemptFailed(Outcome.MALFORMED_ANSWER, "the body is not a response")
    told, reason = judged(found, "a 2xx whose body holds an error")
    return WholeAnswer(body, told.usage, found.model, reason, told.counts, anomalies_of(told, reason))


def judged(found: Response, where: str, *, any_output: bool = False) -> tuple[ReportedUsage, str]:
    """The usage of a response that has ended, and why it did: `completed`, or what made it incomplete. `any_output`: some came
    before it. Raises AttemptFailed if it is no answer.
    """
    if is_present(found.error) or found.status in ("failed", "cancelled"):
        raise error_in_answer(found.error, where)
    if found.output is None:
        raise AttemptFailed(Outcome.MALFORMED_ANSWER, "not a response: it has no output")
    if found.status not in ("completed", "incomplete"):
        raise AttemptFailed(Outcome.TRUNCATED, "a response that has not ended")
    any_output = any_output or any(item.holds_output() for item in found.output)
    told = of_output(read_usage(found.usage, found.service_tier, found.output), any_output=any_output)
    reason = reason_of(found)
    if not _is_answer(any_output=any_output, reason=reason, usage=told.usage):
        raise AttemptFailed(Outcome.EMPTY_ANSWER, "a response whose output holds nothing")
    return told, reason


def reason_of(found: Response) -> str:
    """Why it ended."""
    if found.status != "incomplete":
        return "completed"
    details = found.incomplete_details
    return (details.reason if details is not None else None) or "incomplete"


def anomalies_of(told: ReportedUsage, reason: str) -> tuple[Anomaly, ...]:
    """What was odd about it."""
    odd = (Anomaly.ODD_USAGE,) if told.odd else ()
    return odd if reason in _REASONS else (Anomaly.UNKNOWN_FINISH_REASON, *odd)


def error_in_answer(error: msgspec.Raw, where: str) -> AttemptFailed:
    """What an error in a 2xx, or in a stream, means. Its words may hold what was asked: they are not passed on."""
    code = code_of(error)
    outcome = _CODES.get(code, Outcome.ERROR_IN_ANSWER)
    return AttemptFailed(outcome, f"{where}: {code}" if code in _CODES else where)


def code_of(error: msgspec.Raw) -> str:
    """An error's code; empty where it has none."""
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = _error.decode(error)
        return found if isinstance(found, str) else str(found.code or "") if found is not None else ""
    return ""


def _is_answer(*, any_output: bool, reason: str, usage: Usage | None) -> bool:
    if any_output or reason == FILTERED:
        return True
    return usage is not None and usage.completion_tokens > 0 and reason in _REASONS
