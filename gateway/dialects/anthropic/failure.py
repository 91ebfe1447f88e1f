"""What a non-2xx answer means. Reads Anthropic's error object, or none at all.

Source: Anthropic, "Errors" (2026-11): a status and a `type` each; since API version 2026-10-21 a stable
`details.error_code` too. A refusal that concerns the gateway's own credential, credit or configuration is never told to
the caller as its own.
"""

import contextlib
import re
from collections.abc import Mapping

import msgspec

from gateway.dialects.anthropic.headroom import wait_s
from gateway.dialects.anthropic.wire import ABSENT, ErrorObject, code_of, error_of
from gateway.dialects.refusal_words import unframed, words_of
from gateway.dialects.refusals import REFUSED, of_status, says, word
from gateway.dialects.waits import retry_after_s
from gateway.values.outcome import CONSEQUENCES, AttemptFailed, Fault, Outcome

# "prompt is too long: 210000 tokens > 200000 maximum", "input length and `max_tokens` exceed context limit: ..."
_CONTEXT_WORDS = ("prompt is too long", "exceed context limit", "context window", "input is too long")
_POLICY_WORDS = ("content filtering policy", "usage policy", "content_policy")
# what is wrong with the gateway's own account, though the status is the one of a bad request
_QUOTA_WORDS = (
    "credit balance", "spend_limit_reached", "billing_unavailable", "usage limits", "spend limit", "billing_error",
)  # fmt: skip
_ACCOUNT_WORDS = ("organization has been disabled", "organization_on_hold", "api key", "oauth token")
_FILE_WORDS = re.compile(r"\bfile\b")

_PATH = re.compile(r"([a-z_]+(?:\.[a-z0-9_]+)*): ")  # "messages.1.content.0.text: Field required"


class _Body(msgspec.Struct):
    error: msgspec.Raw = ABSENT


_decode = msgspec.json.Decoder(_Body).decode


def failure(status: int, headers: Mapping[str, str], body: bytes, now: float) -> AttemptFailed:
    """The failure, with the provider's own words only where they concern the caller's request."""
    error, wait = _error_of(unframed(body)), retry_after_s(headers, now)
    if status in REFUSED and not error.message:
        error.message = words_of(unframed(body)).message
    code, message = word(code_of(error)), error.message or None
    outcome = _outcome(status, f"{error.type} {code} {message}".lower(), wait)
    if outcome is Outcome.RATE_LIMITED and wait is None:
        wait = wait_s(headers, now)
    kind = code or word(error.type)
    is_callers = CONSEQUENCES[outcome].fault is Fault.CALLER
    path = _PATH.match(message) if is_callers and message else None
    return AttemptFailed(
        outcome,
        f"HTTP {status}" + (f", {kind}" if kind else ""),
        status=status,
        message=message if is_callers else None,
        param=path[1] if path else None,
        code=code,
        retry_after_s=wait,
    )


def _error_of(body: bytes) -> ErrorObject:
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = error_of(_decode(body).error)
        return ErrorObject(found.message, found.type, found.details)
    return ErrorObject()


def _outcome(status: int, words: str, wait: float | None) -> Outcome:
    stands_for = of_status(status)
    if stands_for is None:
        return _of_refusal(words)
    if stands_for is Outcome.SERVER_ERROR:
        is_busy = "overloaded" in words or (status == 503 and wait is not None)
        return Outcome.OVERLOADED if is_busy else Outcome.SERVER_ERROR
    return _unless_said(stands_for, words, wait)


def _unless_said(outcome: Outcome, words: str, wait: float | None) -> Outcome:
    """What a status stands for, unless its words say that it is something else."""
    if outcome is Outcome.CREDENTIAL_REFUSED and says(words, _POLICY_WORDS):
        return Outcome.CONTENT_POLICY
    if outcome is Outcome.RATE_LIMITED and wait is None and says(words, _QUOTA_WORDS):
        return Outcome.QUOTA_EXHAUSTED
    if outcome is Outcome.DEPLOYMENT_GONE and "model" not in words and _FILE_WORDS.search(words):
        return Outcome.BAD_REQUEST  # one that the caller's own request names
    return outcome


def _of_refusal(words: str) -> Outcome:
    for outcome, said in (
        (Outcome.CONTEXT_TOO_LONG, _CONTEXT_WORDS),
        (Outcome.QUOTA_EXHAUSTED, _QUOTA_WORDS),
        (Outcome.CREDENTIAL_REFUSED, _ACCOUNT_WORDS),
        (Outcome.CONTENT_POLICY, _POLICY_WORDS),
    ):
        if says(words, said):
            return outcome
    return Outcome.OVERLOADED if "overloaded_error" in words else Outcome.BAD_REQUEST
