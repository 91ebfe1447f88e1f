"""Every error that a caller can see: its status, type and code. The caller's dialect gives it its form.

A closed vocabulary: `code` is one of these, or for a refusal of the caller's own request the provider's word.
"""

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.routing.able_again import able_again_s
from gateway.routing.filters import PASSING
from gateway.routing.sentences import candidate_sentence, found_sentence
from gateway.values.decision import Cause, Decision
from gateway.values.error_view import ErrorView
from gateway.values.outcome import CONSEQUENCES, AttemptFailed, Fault, Outcome


class ApiError(Exception):
    """An error on its way to the caller. `param` is the path of the field at fault; `headers` are the answer's, by name."""

    def __init__(  # noqa: PLR0913 - the members of OpenAI's error object, and what carries it
        self,
        status: int,
        code: str,
        message: str,
        *,
        kind: str = "invalid_request_error",
        param: str | None = None,
        retry_after_s: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.kind = kind
        self.param = param
        self.more: dict[str, Any] = {}  # beside the error in its body
        self.headers = dict(headers or {})
        if retry_after_s is not None:
            self.headers["retry-after"] = str(max(1, math.ceil(min(retry_after_s, _LONGEST_RETRY_AFTER_S))))

    def view(self, request_id: str | None = None) -> ErrorView:
        """What a dialect writes of it."""
        return ErrorView(
            status=self.status,
            code=self.code,
            message=self.message,
            kind=self.kind,
            param=self.param,
            request_id=request_id,
            more=self.more,
        )


class ErrorRow(msgspec.Struct, frozen=True):
    """How an outcome looks to the caller."""

    status: int
    kind: str
    code: str


_UPSTREAM, _INVALID, _LATE = "upstream_error", "invalid_request_error", "timeout_error"

OUTCOMES: dict[Outcome, ErrorRow] = {
    Outcome.CONNECT_FAILED: ErrorRow(502, _UPSTREAM, "connect_failed"),
    Outcome.TLS_FAILED: ErrorRow(502, _UPSTREAM, "tls_failed"),
    Outcome.CONNECT_TIMEOUT: ErrorRow(504, _LATE, "connect_timeout"),
    Outcome.CONNECTION_LOST: ErrorRow(502, _UPSTREAM, "connection_lost"),
    Outcome.NO_SIGN_OF_LIFE: ErrorRow(504, _LATE, "no_sign_of_life"),
    Outcome.FIRST_OUTPUT_TIMEOUT: ErrorRow(504, _LATE, "first_output_timeout"),
    Outcome.IDLE_TIMEOUT: ErrorRow(504, _LATE, "idle_timeout"),
    Outcome.TOTAL_TIMEOUT: ErrorRow(504, _LATE, "total_timeout"),
    Outcome.BAD_REQUEST: ErrorRow(400, _INVALID, "bad_request"),
    Outcome.FIELD_REFUSED: ErrorRow(502, _UPSTREAM, "field_refused"),
    Outcome.CONTEXT_TOO_LONG: ErrorRow(400, _INVALID, "context_length_exceeded"),
    Outcome.CONTENT_POLICY: ErrorRow(400, _INVALID, "content_policy_violation"),
    Outcome.CREDENTIAL_REFUSED: ErrorRow(502, _UPSTREAM, "credential_refused"),
    Outcome.NO_CREDENTIAL: ErrorRow(502, _UPSTREAM, "no_credential"),
    Outcome.QUOTA_EXHAUSTED: ErrorRow(502, _UPSTREAM, "quota_exhausted"),
    Outcome.DEPLOYMENT_GONE: ErrorRow(502, _UPSTREAM, "deployment_gone"),
    Outcome.REDIRECTED: ErrorRow(502, _UPSTREAM, "redirected"),
    Outcome.RATE_LIMITED: ErrorRow(429, "rate_limit_error", "rate_limited"),
    Outcome.OVERLOADED: ErrorRow(503, _UPSTREAM, "overloaded"),
    Outcome.SERVER_ERROR: ErrorRow(502, _UPSTREAM, "server_error"),
    Outcome.ERROR_IN_ANSWER: ErrorRow(502, _UPSTREAM, "error_in_answer"),
    Outcome.FORMAT_UNMET: ErrorRow(502, _UPSTREAM, "format_unmet"),
    Outcome.EMPTY_ANSWER: ErrorRow(502, _UPSTREAM, "empty_answer"),
    Outcome.MALFORMED_ANSWER: ErrorRow(502, _UPSTREAM, "malformed_answer"),
    Outcome.ANSWER_TOO_LARGE: ErrorRow(502, _UPSTREAM, "answer_too_large"),
    Outcome.TRUNCATED: ErrorRow(502, _UPSTREAM, "truncated"),
    Outcome.LIMIT_PASSED: ErrorRow(504, _LATE, "limit_passed"),
    Outcome.DEADLINE_EXCEEDED: ErrorRow(504, _LATE, "deadline_exceeded"),
    Outcome.REFUSED_BY_RULE: ErrorRow(403, "permission_error", "sensitive_content_refused"),
    Outcome.GATEWAY_BUSY: ErrorRow(503, "unavailable_error", "gateway_busy"),
    Outcome.GATEWAY_STOPPED: ErrorRow(503, "unavailable_error", "gateway_stopped"),
    Outcome.INTERNAL_ERROR: ErrorRow(500, "server_error", "internal_error"),
}

_PASSED_ON = frozenset({413, 422})

# why no candidate was left: the first cause that stands against any of them names the error
REFUSALS: dict[Cause, ErrorRow] = {
    Cause.HEALTH: ErrorRow(503, "unavailable_error", "no_healthy_deployment"),
    Cause.LIMIT: ErrorRow(503, "unavailable_error", "at_capacity"),
    Cause.RATE_LIMIT: ErrorRow(429, "rate_limit_error", "rate_limited"),
    Cause.CONTEXT: ErrorRow(400, _INVALID, "context_length_exceeded"),
    Cause.OUTPUT: ErrorRow(400, _INVALID, "max_tokens_too_large"),
    Cause.CAPABILITY: ErrorRow(400, _INVALID, "unsupported_feature"),
    Cause.SURFACE: ErrorRow(400, _INVALID, "unsupported_surface"),
    Cause.FIELD: ErrorRow(400, _INVALID, "unsupported_feature"),
    Cause.LOSS: ErrorRow(400, _INVALID, "fields_would_be_lost"),
    Cause.COST: ErrorRow(400, _INVALID, "max_cost_too_low"),
    Cause.REQUIREMENT: ErrorRow(403, "permission_error", "refused_by_policy"),
    Cause.CLEARANCE: ErrorRow(403, "permission_error", "sensitivity_not_cleared"),
}


_LONGEST_RETRY_AFTER_S = 3600.0  # a caller that is told more gives up, or waits for what has long passed


def of_failure(failure: AttemptFailed, decision: Decision, deployment: str | None) -> ApiError:
    """What the caller is told of a failed request. A provider's words are passed on only about the caller's request."""
    if failure.outcome is Outcome.NO_CANDIDATE:
        return _refusal(decision)
    row = OUTCOMES[failure.outcome]
    if failure.outcome is Outcome.REFUSED_BY_RULE:
        return ApiError(row.status, row.code, _carries(decision), kind=row.kind)
    consequence = CONSEQUENCES[failure.outcome]
    if consequence.fault is Fault.CALLER:
        message = failure.message or _sentence(f"{consequence.sentence}.")
        own = failure.outcome is Outcome.CONTEXT_TOO_LONG  # applications look for this word
        code = row.code if own else failure.code or row.code
        status = failure.status if failure.status in _PASSED_ON else row.status
        return ApiError(status, code, message, kind=row.kind, param=failure.param)
    where = f" ({deployment})" if deployment else ""
    return ApiError(
        row.status,
        row.code,
        _sentence(f"{consequence.sentence}{where}."),
        kind=row.kind,
        retry_after_s=failure.retry_after_s,
    )


def _sentence(words: str) -> str:
    """With a capital; the rest as it is: it holds names."""
    return words[:1].upper() + words[1:]


def _refusal(decision: Decision) -> ApiError:
    """The candidate that came closest, by the fewest kinds of reasons against it, says what the caller can do.

    Nothing is said of those that the key may not know of.
    """
    candidates = [one for one in decision.candidates if all(reason.cause is not Cause.SCOPE for reason in one.against)]
    closest = min(candidates, key=lambda candidate: len({reason.cause for reason in candidate.against}))
    causes = {reason.cause for reason in closest.against}
    row = next(row for cause, row in reversed(REFUSALS.items()) if cause in causes)
    why = " ".join(map(candidate_sentence, candidates))
    message = f"No deployment may or can answer this request. {why}"
    if row is REFUSALS[Cause.CLEARANCE]:
        message += f" {_what_decides(decision)}"
    readings = {one.deployment: one.reading for one in candidates}
    later = able_again_s(decision, (), readings.get, decision.at) if causes <= PASSING else None
    lost = [str(reason.needed) for reason in closest.against if reason.cause is Cause.LOSS]
    param = lost[0].partition(",")[0] if lost and row is REFUSALS[Cause.LOSS] else None
    return ApiError(row.status, row.code, message, kind=row.kind, param=param, retry_after_s=later)


def _carries(decision: Decision) -> str:
    """The class and the kinds that were found, never what was found."""
    facts = decision.facts
    return f"Rule {decision.rule!r} refuses this request: it is {facts.sensitivity.value}, {found_sentence(facts)}."


def _what_decides(decision: Decision) -> str:
    """Why the request has its class, and the settings that decide."""
    facts = decision.facts
    return (
        f"The request counts as {facts.sensitivity.value}, the highest of x-gateway-sensitivity, the floor of its key and "
        f"team, and the classes of what detection found in it ({found_sentence(facts)}). 'detection' in the policy says "
        "what class each kind makes, 'clearance' of a deployment what it may see."
    )


def not_post() -> ApiError:
    """405."""
    return ApiError(405, "method_not_allowed", "Use POST.", headers={"allow": "POST"})


def broken_body() -> ApiError:
    """400: the body's framing is malformed, or its end never came."""
    return ApiError(400, "incomplete_body", "The body ended before it was whole, or its chunks are malformed.")


def encoded() -> ApiError:
    """415: nobody here would decode the body. The header says what is taken (RFC 9110 15.5.16)."""
    message = "Invalid header 'content-encoding': expected 'identity', or none; send the body as it is, not compressed."
    headers = {"accept-encoding": "identity"}
    return ApiError(415, "unsupported_content_encoding", message, param="content-encoding", headers=headers)


def no_room(retry_after_s: float) -> ApiError:
    """503: the gateway has no thread in time on which to look at what the request carries."""
    row = OUTCOMES[Outcome.GATEWAY_BUSY]
    message = _sentence(f"{CONSEQUENCES[Outcome.GATEWAY_BUSY].sentence}.")
    return ApiError(row.status, row.code, message, kind=row.kind, retry_after_s=retry_after_s)


def throttled(retry_after_s: float) -> ApiError:
    """429: most of what this caller sent lately could not be taken."""
    message = "Most of what this key sent lately could not be taken; send less."
    return ApiError(429, "throttled", message, kind="rate_limit_error", retry_after_s=retry_after_s)


def unknown_model(name: str) -> ApiError:
    """404, as OpenAI's."""
    message = f"The model {name!r} does not exist or you may not use it; GET /v1/models lists those that you may."
    return ApiError(404, "model_not_found", message, param="model")


def stopped() -> ApiError:
    """The gateway stops; another replica, or this one in a moment, can be asked."""
    row = OUTCOMES[Outcome.GATEWAY_STOPPED]
    message = _sentence(f"{CONSEQUENCES[Outcome.GATEWAY_STOPPED].sentence}.")
    return ApiError(row.status, row.code, message, kind=row.kind, retry_after_s=1.0)


def internal() -> ApiError:
    """A bug of ours; the log has the rest."""
    return ApiError(500, "internal_error", "The gateway failed. The log has the cause.", kind="server_error")
