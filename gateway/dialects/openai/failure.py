"""What a non-2xx answer means. Reads OpenAI's error object, vLLM's and llama.cpp's variants, or none at all.

A refusal that concerns the gateway's own credential, quota or configuration is never told to the caller as its own.
"""

from collections.abc import Mapping

import msgspec

from gateway.dialects.openai.error_object import ErrorObject, error_of
from gateway.dialects.openai.headroom import wait_s
from gateway.dialects.openai.ways import USUAL, Ways
from gateway.dialects.refusal_words import unframed, words_of
from gateway.dialects.refusals import REFUSED, Codes, of_status, says
from gateway.dialects.said_waits import said_wait_s
from gateway.dialects.waits import retry_after_s
from gateway.values.outcome import AttemptFailed, Outcome

# those of MiniMax, OpenAI, xAI, Groq and Poolside as earendil-works/pi lists them (packages/ai/src/utils/overflow.ts, b494348)
_CONTEXT_WORDS = (
    "context_length_exceeded",
    "exceed_context_size_error",
    "maximum context length",
    "context length",
    "input_tokens",
    "range of input length",  # Alibaba
    "exceeded model token limit",  # Moonshot
    "total number of tokens in the prompt",  # Cohere
    "context window exceeds limit",  # MiniMax
    "exceeds the context window",  # OpenAI
    "maximum prompt length is",  # xAI
    "reduce the length of the messages",  # Groq
    "maximum allowed input length",  # Poolside, by OpenRouter
    "max_new_tokens` must be",  # text-generation-inference
    "inputs` must have less than",
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

_MAY_WAIT = frozenset({402, 403, 408, 409, 425, 429})

# where an answer has begun with 200, its error says what it is only by these words
_IN_ANSWERS: dict[Outcome, tuple[str, ...]] = {
    Outcome.QUOTA_EXHAUSTED: ("insufficient_quota",),
    Outcome.RATE_LIMITED: ("rate_limit_exceeded", "rate_limit_error"),
    Outcome.CONTEXT_TOO_LONG: ("context_length_exceeded",),
    Outcome.CREDENTIAL_REFUSED: ("invalid_api_key",),
    Outcome.OVERLOADED: ("overloaded_error",),
}
_TOLD_IN_ANSWERS = frozenset({
    Outcome.QUOTA_EXHAUSTED, Outcome.RATE_LIMITED, Outcome.CONTEXT_TOO_LONG, Outcome.CREDENTIAL_REFUSED,
    Outcome.OVERLOADED, Outcome.CONTENT_POLICY, Outcome.DEPLOYMENT_GONE,
})  # fmt: skip
_STATUS_DIGITS = 3


def failure(status: int, headers: Mapping[str, str], body: bytes, now: float, ways: Ways = USUAL) -> AttemptFailed:
    """The failure, with the provider's own words only where they concern the caller's request."""
    error, wait = error_of(unframed(body)), retry_after_s(headers, now)
    if wait is None and (status in _MAY_WAIT or status >= 500):
        wait = said_wait_s(unframed(body), now)
    if status in REFUSED and not error.message:
        words = words_of(unframed(body))
        error = msgspec.structs.replace(error, message=words.message, param=error.param or words.param)
    outcome = _known(error, ways.codes) or ways.codes.get(str(status)) or _outcome(status, error, wait)
    if outcome is Outcome.SERVER_ERROR and status == 503 and (wait is not None or _says_overload(error)):
        outcome = Outcome.OVERLOADED
    if outcome is Outcome.RATE_LIMITED and wait is None:
        wait = wait_s(headers, now, ways.rate_headers)
    return AttemptFailed(
        outcome,
        f"HTTP {status}" + (f", {error.kind()}" if error.kind() else ""),
        status=status,
        message=None if status == 403 else error.message or None,  # that of a 403 may name the account
        param=error.param,
        code=error.code_word(),
        retry_after_s=wait,
    )


def failure_in_answer(said: bytes, codes: Codes, where: str) -> AttemptFailed:
    """What an error in a 2xx, or in a stream, means. Its words may hold what was asked: they are not passed on.

    Vendors that have answered 200 by then say there what the status would have been (OpenRouter, vLLM), or their own code.
    """
    error = error_of(said)
    outcome = _known(error, codes)
    if outcome is not None:
        return AttemptFailed(outcome, f"{where}: {error.kind() or error.code}", code=error.code_word())
    if str(error.code).isdecimal() and len(str(error.code)) == _STATUS_DIGITS:
        outcome = _outcome(int(str(error.code)), error, None)
    if outcome is None or outcome is Outcome.SERVER_ERROR:
        outcome = next((one for one, words in _IN_ANSWERS.items() if says(error.words(), words)), None)
    if outcome not in _TOLD_IN_ANSWERS:
        outcome = Outcome.ERROR_IN_ANSWER
    kind = error.kind()
    return AttemptFailed(outcome, f"{where}: {kind}" if kind else where, code=error.code_word())


def _known(error: ErrorObject, codes: Codes) -> Outcome | None:
    """What the vendor means by its code. MiniMax has one for all that it refuses: its words tell a prompt too long from others."""
    outcome = error.known(codes)
    too_long = outcome is Outcome.BAD_REQUEST and says(error.words(), _CONTEXT_WORDS)
    return Outcome.CONTEXT_TOO_LONG if too_long else outcome


def _outcome(status: int, error: ErrorObject, wait: float | None) -> Outcome:
    stands_for = of_status(status)
    return _of_refusal(error.words()) if stands_for is None else _unless_said(stands_for, error.words(), wait)


def _unless_said(outcome: Outcome, words: str, wait: float | None) -> Outcome:
    """What a status stands for, unless its words say that it is something else: Together's 403 is of a prompt too long."""
    if outcome is Outcome.CREDENTIAL_REFUSED and says(words, _CONTEXT_WORDS):
        return Outcome.CONTEXT_TOO_LONG
    if outcome is Outcome.CREDENTIAL_REFUSED and says(words, _POLICY_WORDS):
        return Outcome.CONTENT_POLICY
    if outcome is Outcome.RATE_LIMITED and not _passes(words, wait) and says(words, _QUOTA_WORDS):
        return Outcome.QUOTA_EXHAUSTED
    return outcome


def _passes(words: str, wait: float | None) -> bool:
    """Whether a 429 is of a rate: such ones speak of billing and quotas too."""
    if "insufficient_quota" in words:
        return False
    return wait is not None or says(words, _PASSING_WORDS)


def _says_overload(error: ErrorObject) -> bool:
    """A 503 that says no more than that is a failure; one for want of room is not."""
    return says(f"{error.code} {error.type} {error.message}".lower(), _OVERLOAD_WORDS)


def _of_refusal(words: str) -> Outcome:
    if says(words, _CONTEXT_WORDS):
        return Outcome.CONTEXT_TOO_LONG
    if says(words, _POLICY_WORDS):
        return Outcome.CONTENT_POLICY
    ours = (outcome for outcome, said in _OURS.items() if says(words, said))
    return next(ours, Outcome.BAD_REQUEST)
