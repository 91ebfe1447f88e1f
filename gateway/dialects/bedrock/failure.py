"""What an error of Bedrock means: a non-2xx answer, or an exception in a stream.

Source: the errors of Converse, ConverseStream and InvokeModel in Amazon Bedrock Runtime's API (2023-09-30, as of November 2026),
and AWS, "Common errors". The kind is in the header `x-amzn-errortype`, or the body's `__type`; a stream has it in the message's
headers. A refusal that concerns the gateway's own credential or account is never told to the caller as its own.
"""

import contextlib
import re
from collections.abc import Mapping

import msgspec

from gateway.dialects.amazon_frames import Frame
from gateway.dialects.refusal_words import words_of
from gateway.dialects.waits import retry_after_s
from gateway.values.outcome import CONSEQUENCES, AttemptFailed, Fault, Outcome

_BY_KIND: dict[str, Outcome] = {
    "accessdeniedexception": Outcome.CREDENTIAL_REFUSED,
    "expiredtoken": Outcome.CREDENTIAL_REFUSED,
    "expiredtokenexception": Outcome.CREDENTIAL_REFUSED,
    "incompletesignatureexception": Outcome.CREDENTIAL_REFUSED,
    "internalfailure": Outcome.SERVER_ERROR,
    "internalserverexception": Outcome.SERVER_ERROR,
    "invalidclienttokenid": Outcome.CREDENTIAL_REFUSED,
    "invalidsignatureexception": Outcome.CREDENTIAL_REFUSED,
    "missingauthenticationtokenexception": Outcome.CREDENTIAL_REFUSED,
    "modelerrorexception": Outcome.SERVER_ERROR,
    "modelnotreadyexception": Outcome.OVERLOADED,
    "modelstreamerrorexception": Outcome.SERVER_ERROR,
    "modeltimeoutexception": Outcome.OVERLOADED,
    "notauthorized": Outcome.CREDENTIAL_REFUSED,
    "optinrequired": Outcome.CREDENTIAL_REFUSED,
    "requestexpired": Outcome.CREDENTIAL_REFUSED,
    "resourcenotfoundexception": Outcome.DEPLOYMENT_GONE,
    "servicequotaexceededexception": Outcome.QUOTA_EXHAUSTED,
    "serviceunavailable": Outcome.OVERLOADED,
    "serviceunavailableexception": Outcome.OVERLOADED,
    "signaturedoesnotmatch": Outcome.CREDENTIAL_REFUSED,
    "throttlingexception": Outcome.RATE_LIMITED,
    "unrecognizedclientexception": Outcome.CREDENTIAL_REFUSED,
}
_BY_STATUS: dict[int, Outcome] = {
    401: Outcome.CREDENTIAL_REFUSED,
    403: Outcome.CREDENTIAL_REFUSED,
    404: Outcome.DEPLOYMENT_GONE,
    405: Outcome.DEPLOYMENT_GONE,
    407: Outcome.CREDENTIAL_REFUSED,
    408: Outcome.OVERLOADED,
    409: Outcome.OVERLOADED,
    410: Outcome.DEPLOYMENT_GONE,
    424: Outcome.SERVER_ERROR,
    425: Outcome.OVERLOADED,
    429: Outcome.RATE_LIMITED,
    503: Outcome.OVERLOADED,
}
# of a ValidationException, the first that is said
_WORDS: tuple[tuple[Outcome, tuple[str, ...]], ...] = (
    (
        Outcome.DEPLOYMENT_GONE,
        (
            "model identifier is invalid", "on-demand throughput isn", "on-demand throughput is not", "end of its life",
            "model version", "operation is not supported for this model", "marked by provider as legacy",
        ),
    ),
    (
        Outcome.CONTEXT_TOO_LONG,
        (
            "input is too long", "prompt is too long", "too many input tokens", "exceed context limit", "context length",
            "context window", "maximum number of input tokens", "too many total text bytes",
        ),
    ),
    (Outcome.CREDENTIAL_REFUSED, ("operation not allowed", "access to this model is not available")),
    (Outcome.CONTENT_POLICY, ("content filter", "content_filter", "blocked by", "usage policy")),
)  # fmt: skip
_WORD = re.compile(r"[A-Za-z0-9_]{1,64}")
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_MALFORMED = re.compile(r"^(?:malformed input request: )?#?/?([A-Za-z0-9_/]+): ")


class _Body(msgspec.Struct):
    message: str | None = None
    Message: str | None = None
    type: str | None = msgspec.field(default=None, name="__type")


class _Said(msgspec.Struct, frozen=True):
    kind: str = ""
    message: str | None = None


_decode = msgspec.json.Decoder(_Body).decode


def failure(status: int, headers: Mapping[str, str], body: bytes, now: float) -> AttemptFailed:
    """The failure, with the provider's own words only where they concern the caller's request."""
    said, wait = _said(headers, body), retry_after_s(headers, now)
    outcome = _outcome(status, said)
    request_id = headers.get("x-amzn-requestid", "")
    told = [f"HTTP {status}", said.kind, f"request {request_id}" if _REQUEST_ID.fullmatch(request_id) else ""]
    return _failed(outcome, ", ".join(filter(None, told)), said, status=status, wait=wait)


def failure_in_stream(frame: Frame) -> AttemptFailed:
    """What an exception, or an error, of a stream means."""
    kind = _kind(frame.text(":exception-type") or frame.text(":error-code"))
    said = _Said(kind, _words(frame.payload) or frame.text(":error-message") or None)
    outcome = _outcome(400, said) if kind.lower() == "validationexception" else _BY_KIND.get(kind.lower())
    return _failed(outcome or Outcome.ERROR_IN_ANSWER, f"the stream carried an error: {kind or 'unnamed'}", said)


def _failed(
    outcome: Outcome, detail: str, said: _Said, *, status: int | None = None, wait: float | None = None
) -> AttemptFailed:
    is_callers = CONSEQUENCES[outcome].fault is Fault.CALLER
    path = _MALFORMED.match((said.message or "").lower()) if is_callers else None
    return AttemptFailed(
        outcome,
        detail,
        status=status,
        message=said.message if is_callers else None,
        param=path[1].replace("/", ".") if path else None,
        retry_after_s=wait,
    )


def _said(headers: Mapping[str, str], body: bytes) -> _Said:
    kind = _kind(headers.get("x-amzn-errortype", ""))
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = _decode(body)
        return _Said(kind or _kind(found.type or ""), found.message or found.Message or words_of(body).message)
    return _Said(kind, words_of(body).message)


def _words(payload: bytes) -> str | None:
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = _decode(payload)
        return found.message or found.Message
    return None


def _kind(said: str) -> str:
    """`com.amazon.coral.service#ThrottlingException:http://...` as ThrottlingException."""
    word = said.partition(":")[0].rpartition("#")[2].strip()
    return word[:1].upper() + word[1:] if _WORD.fullmatch(word) else ""


def _outcome(status: int, said: _Said) -> Outcome:
    if 300 <= status < 400:
        return Outcome.REDIRECTED
    kind = said.kind.lower()
    if kind in _BY_KIND:
        return _BY_KIND[kind]
    if status in (400, 413, 422):
        words = (said.message or "").lower()
        return next((one for one, any_of in _WORDS if any(word in words for word in any_of)), Outcome.BAD_REQUEST)
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status >= 500:
        return Outcome.SERVER_ERROR
    return Outcome.BAD_REQUEST if 400 <= status < 500 else Outcome.MALFORMED_ANSWER
