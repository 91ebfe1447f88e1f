"""What a non-2xx answer means. Reads OpenAI's error object, vLLM's and llama.cpp's variants, or none at all.

A refusal that concerns the gateway's own credential, quota or configuration is never told to the caller as its own.
"""

import contextlib
import re
from collections.abc import Mapping

import msgspec

from gateway.dialects.openai.headroom import wait_s
from gateway.dialects.refusal_words import unframed, words_of
from gateway.dialects.said_waits import said_wait_s
from gateway.dialects.waits import retry_after_s
from gateway.values.outcome import AttemptFailed, Outcome

_CONTEXT_WORDS = (
    "context_length_exceeded",
    "exceed_context_size_error",
    "maximum context length",
    "context length",
    "input_tokens",
)
# the last two come with a 403: xAI's "Content violates usage guidelines", OpenRouter's "... and your input was flagged"
_POLICY_WORDS = (
    "content_filter", "content_policy", "responsibleaipolicyviolation", "violates usage guidelines",
    "input was flagged",
)  # fmt: skip
_QUOTA_WORDS = ("insufficient_quota", "billing", "credit balance", "quota exceeded")
_PASSING_WORDS = ("rate_limit_exceeded", "per min", "per_minute", "perminute", "retry in", "try again in")

# what is wrong with the gateway's own key, account or configuration, though the status is the one of a bad request:
# Google's and xAI's keys, Anthropic's credit, Groq's and OpenRouter's models
_OURS: dict[Outcome, tuple[str, ...]] = {
    Outcome.CREDENTIAL_REFUSED: ("api key not valid", "api_key_invalid", "incorrect api key", "invalid_api_key"),
    Outcome.QUOTA_EXHAUSTED: ("insufficient_quota", "credit balance is too low"),
    Outcome.DEPLOYMENT_GONE: ("model_not_found", "model_decommissioned", "invalid_model", "not a valid model id"),
}

# vLLM 0.32's queue limits: "The request queue is full.", "Too many queued prompt tokens"
_OVERLOAD_WORDS = ("overload", "queue", "capacity", "too many", "busy", "rate limit", "slow down", "throttl")

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
    529: Outcome.OVERLOADED,
}
_REFUSED = frozenset({400, 413, 422})  # for what the caller asked
_MAY_WAIT = frozenset({402, 403, 408, 409, 425, 429})
_WORD = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class _Error(msgspec.Struct):
    message: str | None = None
    type: str | None = None
    param: str | None = None
    code: str | int | None = None


class _Body(msgspec.Struct):
    error: _Error | str | None = None


_decode = msgspec.json.Decoder(_Body | list[_Body], strict=False).decode  # Google wraps it in a list
_decode_bare = msgspec.json.Decoder(_Error, strict=False).decode  # Mistral, and vLLM before 0.10


def failure(status: int, headers: Mapping[str, str], body: bytes, now: float) -> AttemptFailed:
    """The failure, with the provider's own words only where they concern the caller's request."""
    error, wait = _error_of(unframed(body)), retry_after_s(headers, now)
    if wait is None and (status in _MAY_WAIT or status >= 500):
        wait = said_wait_s(unframed(body), now)
    if status in _REFUSED and not error.message:
        words = words_of(unframed(body))
        error = msgspec.structs.replace(error, message=words.message, param=error.param or words.param)
    outcome = _outcome(status, error, wait)
    if outcome is Outcome.SERVER_ERROR and status == 503 and (wait is not None or _says_overload(error)):
        outcome = Outcome.OVERLOADED
    if outcome is Outcome.RATE_LIMITED and wait is None:
        wait = wait_s(headers, now)
    return AttemptFailed(
        outcome,
        f"HTTP {status}" + (f", {_clean(error)}" if _clean(error) else ""),
        status=status,
        message=None if status == 403 else error.message or None,  # that of a 403 may name the account
        param=error.param,
        code=_word(error.code),
        retry_after_s=wait,
    )


def _word(code: str | int | None) -> str | None:
    """The provider's code where it is a word; some repeat the status there, or say a sentence."""
    return code if isinstance(code, str) and not code.isdigit() and _WORD.fullmatch(code) else None


def _error_of(body: bytes) -> _Error:
    try:
        parsed = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Error()
    one = (parsed[0] if parsed else _Body()) if isinstance(parsed, list) else parsed
    if one.error is None:
        with contextlib.suppress(msgspec.DecodeError):
            return _decode_bare(body)
        return _Error()
    return _Error(message=one.error) if isinstance(one.error, str) else one.error


def _clean(error: _Error) -> str | None:
    """The provider's word for the error, if it is one: free text may hold a prompt or a key."""
    word = error.type or _word(error.code)
    return word if word and _WORD.fullmatch(word) else None


def _outcome(status: int, error: _Error, wait: float | None) -> Outcome:
    words = f"{error.code} {error.type} {error.param} {error.message}".lower()
    if 300 <= status < 400:
        return Outcome.REDIRECTED
    if status in _REFUSED:
        return _of_refusal(words)
    if status in _BY_STATUS:
        return _unless_said(_BY_STATUS[status], words, wait)
    if status >= 500:
        return Outcome.SERVER_ERROR
    return Outcome.BAD_REQUEST if 400 <= status < 500 else Outcome.MALFORMED_ANSWER


def _unless_said(outcome: Outcome, words: str, wait: float | None) -> Outcome:
    """What a status stands for, unless its words say that it is something else."""
    if outcome is Outcome.CREDENTIAL_REFUSED and any(word in words for word in _POLICY_WORDS):
        return Outcome.CONTENT_POLICY
    if outcome is Outcome.RATE_LIMITED and not _passes(words, wait) and any(word in words for word in _QUOTA_WORDS):
        return Outcome.QUOTA_EXHAUSTED
    return outcome


def _passes(words: str, wait: float | None) -> bool:
    """Whether a 429 is of a rate: such ones speak of billing and quotas too."""
    if "insufficient_quota" in words:
        return False
    return wait is not None or any(word in words for word in _PASSING_WORDS)


def _says_overload(error: _Error) -> bool:
    """A 503 that says no more than that is a failure; one for want of room is not."""
    words = f"{error.code} {error.type} {error.message}".lower()
    return any(word in words for word in _OVERLOAD_WORDS)


def _of_refusal(words: str) -> Outcome:
    if any(word in words for word in _CONTEXT_WORDS):
        return Outcome.CONTEXT_TOO_LONG
    if any(word in words for word in _POLICY_WORDS):
        return Outcome.CONTENT_POLICY
    ours = (outcome for outcome, said in _OURS.items() if any(word in words for word in said))
    return next(ours, Outcome.BAD_REQUEST)
