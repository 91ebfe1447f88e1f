"""What a non-2xx answer means. Reads Google's error object (google.rpc.Status), or none at all.

Source: the Gemini API's error codes and Vertex AI's, google.api.ErrorReason, and what both APIs were reported to say. Google
answers a bad key with the status of a bad request. A refusal that concerns the gateway's own credential, quota or
configuration is never told to the caller as its own.
"""

import re
from collections.abc import Mapping

import msgspec

from gateway.dialects.gemini.errors import Details, ErrorObject, details_of, error_of
from gateway.dialects.gemini.wire import read_response
from gateway.dialects.refusal_words import unframed, words_of
from gateway.dialects.said_waits import said_wait_s
from gateway.dialects.waits import retry_after_s
from gateway.values.outcome import CONSEQUENCES, AttemptFailed, Fault, Outcome

# google.api.ErrorReason, of ErrorInfo
_CREDENTIAL_REASONS = frozenset({
    "API_KEY_INVALID", "API_KEY_EXPIRED", "API_KEY_SERVICE_BLOCKED", "API_KEY_HTTP_REFERRER_BLOCKED",
    "API_KEY_IP_ADDRESS_BLOCKED", "API_KEY_ANDROID_APP_BLOCKED", "API_KEY_IOS_APP_BLOCKED", "SERVICE_DISABLED",
    "ACCESS_TOKEN_EXPIRED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "ACCESS_TOKEN_TYPE_UNSUPPORTED", "CREDENTIALS_MISSING",
    "IAM_PERMISSION_DENIED", "CONSUMER_INVALID", "CONSUMER_SUSPENDED", "LOCATION_POLICY_VIOLATED", "ACCOUNT_STATE_INVALID",
})  # fmt: skip
_BILLING_REASONS = frozenset({"BILLING_DISABLED", "BILLING_NOT_ACTIVE"})
# "The input token count (1048577) exceeds the maximum number of tokens allowed (1048576)."; Vertex: "The input token count is
# 1100000 but model only supports up to 1048576."; "... exceeds the maximum number of input tokens"
_CONTEXT_WORDS = ("input token count", "maximum number of tokens", "maximum number of input tokens", "context window")
_CREDENTIAL_WORDS = ("api key not valid", "api key expired", "api key not found", "user location is not supported")
_QUOTA_WORDS = (
    "enable billing",
    "billing account",
    "prepayment credits",
    "credits are depleted",
    "spending cap",
    "spend cap",
)
_POLICY_WORDS = ("prohibited use policy", "blocked by model armor", "safety filters", "usage guidelines")
# what the model at this deployment lacks; another candidate's may have it
_UNABLE_WORDS = ("is not enabled for", "is not supported for", "not supported by this model", "does not support")
_CALLERS = re.compile(r"\bfiles?\b|cached ?content", re.IGNORECASE)  # what the caller's own request names
_DAILY = "perday"
_PER_MINUTE = ("perminute", "persecond")

_BY_STATUS: dict[int, Outcome] = {
    401: Outcome.CREDENTIAL_REFUSED,
    402: Outcome.QUOTA_EXHAUSTED,
    403: Outcome.CREDENTIAL_REFUSED,
    404: Outcome.DEPLOYMENT_GONE,
    405: Outcome.DEPLOYMENT_GONE,
    407: Outcome.CREDENTIAL_REFUSED,
    408: Outcome.OVERLOADED,
    409: Outcome.OVERLOADED,
    410: Outcome.DEPLOYMENT_GONE,
    425: Outcome.OVERLOADED,
    429: Outcome.RATE_LIMITED,
    499: Outcome.OVERLOADED,
    529: Outcome.OVERLOADED,
}
_REFUSED = frozenset({400, 413, 422})  # for what the caller asked
_MAY_WAIT = frozenset({403, 408, 409, 425, 429})
_WORD = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def failure(status: int, headers: Mapping[str, str], body: bytes, now: float) -> AttemptFailed:
    """The failure, with the provider's own words only where they concern the caller's request."""
    error, wait = _error_in(unframed(body)), retry_after_s(headers, now)
    if wait is None and (status in _MAY_WAIT or status >= 500):
        wait = said_wait_s(unframed(body), now)
    if status in _REFUSED and not error.message:
        error = msgspec.structs.replace(error, message=words_of(unframed(body)).message)
    details = details_of(error)
    outcome = _outcome(status, error, details, wait)
    is_callers = CONSEQUENCES[outcome].fault is Fault.CALLER or outcome is Outcome.FIELD_REFUSED
    word = _word(error.status)
    return AttemptFailed(
        outcome,
        f"HTTP {status}" + (f", {word}" if word else ""),
        status=status,
        message=error.message or None if is_callers else None,
        param=details.field if is_callers else None,
        code=_word(details.reason),
        retry_after_s=wait,
    )


def is_googles(body: bytes) -> bool:
    """Whether a refusal is in Google's form: so says what stands before another vendor's model on Vertex AI."""
    return _error_in(unframed(body)).status is not None


def _word(said: str | None) -> str | None:
    return said if said and _WORD.fullmatch(said) else None


def _error_in(body: bytes) -> ErrorObject:
    found = read_response(body)
    return ErrorObject() if found is None else error_of(found.error)


def _outcome(status: int, error: ErrorObject, details: Details, wait: float | None) -> Outcome:
    words = (error.message or "").lower()
    if 300 <= status < 400:
        return Outcome.REDIRECTED
    if status in _REFUSED:
        return _of_refusal(words, details)
    if status in _BY_STATUS:
        return _unless_said(_BY_STATUS[status], words, details, wait)
    if status >= 500:
        is_busy = "overloaded" in words or (status == 503 and (wait is not None or error.status == "UNAVAILABLE"))
        return Outcome.OVERLOADED if is_busy else Outcome.SERVER_ERROR
    return Outcome.BAD_REQUEST if 400 <= status < 500 else Outcome.MALFORMED_ANSWER


def _unless_said(outcome: Outcome, words: str, details: Details, wait: float | None) -> Outcome:
    """What a status stands for, unless its reason, its quotas or its words say that it is something else."""
    if outcome is Outcome.RATE_LIMITED and _is_spent(words, details, wait):
        return Outcome.QUOTA_EXHAUSTED
    if outcome is Outcome.CREDENTIAL_REFUSED:
        if details.reason in _BILLING_REASONS or _says(words, _QUOTA_WORDS):
            return Outcome.QUOTA_EXHAUSTED
        if details.reason not in _CREDENTIAL_REASONS and _CALLERS.search(words):
            return Outcome.BAD_REQUEST
    if outcome is Outcome.DEPLOYMENT_GONE and "model" not in words and _CALLERS.search(words):
        return Outcome.BAD_REQUEST
    return outcome


def _is_spent(words: str, details: Details, wait: float | None) -> bool:
    """Whether a 429 is of what no short wait brings back: a day's quota, or money."""
    quotas = [one.lower() for one in details.quotas]
    if any(_DAILY in one for one in quotas) and not any(rate in one for one in quotas for rate in _PER_MINUTE):
        return True
    return wait is None and _says(words, _QUOTA_WORDS)


def _of_refusal(words: str, details: Details) -> Outcome:
    if details.reason in _CREDENTIAL_REASONS or _says(words, _CREDENTIAL_WORDS):
        return Outcome.CREDENTIAL_REFUSED
    if details.reason in _BILLING_REASONS:
        return Outcome.QUOTA_EXHAUSTED
    for outcome, said in (
        (Outcome.CONTEXT_TOO_LONG, _CONTEXT_WORDS),
        (Outcome.QUOTA_EXHAUSTED, _QUOTA_WORDS),
        (Outcome.CONTENT_POLICY, _POLICY_WORDS),
        (Outcome.FIELD_REFUSED, _UNABLE_WORDS),
    ):
        if _says(words, said):
            return outcome
    return Outcome.BAD_REQUEST


def _says(words: str, any_of: tuple[str, ...]) -> bool:
    return any(word in words for word in any_of)
