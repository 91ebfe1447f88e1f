"""How an attempt can end, whose fault it is, and what follows. One closed vocabulary (law 9).

Bodies, logs, metrics, breakers and the flow all read this table. HTTP statuses are not here: `api` chooses them.
"""

import enum
from typing import Any, Final

import msgspec

from gateway.values.word import Word


class Fault(Word):
    """Who has to act so that it does not happen again."""

    CALLER = "caller"
    POLICY = "policy"
    PROVIDER = "provider"
    GATEWAY = "gateway"


class Then(enum.Enum):
    """What the flow does next."""

    DONE = "done"
    NEXT = "next"
    STOP = "stop"


class Outcome(Word):
    """How an attempt, or a request, ended."""

    OK = "ok"
    # before an answer
    CONNECT_FAILED = "connect_failed"
    TLS_FAILED = "tls_failed"
    CONNECT_TIMEOUT = "connect_timeout"
    CONNECTION_LOST = "connection_lost"
    NO_SIGN_OF_LIFE = "no_sign_of_life"
    FIRST_OUTPUT_TIMEOUT = "first_output_timeout"
    IDLE_TIMEOUT = "idle_timeout"
    TOTAL_TIMEOUT = "total_timeout"
    # a refusal by the provider
    BAD_REQUEST = "bad_request"
    FIELD_REFUSED = "field_refused"
    CONTEXT_TOO_LONG = "context_too_long"
    CONTENT_POLICY = "content_policy"
    CREDENTIAL_REFUSED = "credential_refused"
    NO_CREDENTIAL = "no_credential"
    QUOTA_EXHAUSTED = "quota_exhausted"
    DEPLOYMENT_GONE = "deployment_gone"
    REDIRECTED = "redirected"
    RATE_LIMITED = "rate_limited"
    OVERLOADED = "overloaded"
    SERVER_ERROR = "server_error"
    # an answer that is none
    ERROR_IN_ANSWER = "error_in_answer"
    EMPTY_ANSWER = "empty_answer"
    FORMAT_UNMET = "format_unmet"
    MALFORMED_ANSWER = "malformed_answer"
    ANSWER_TOO_LARGE = "answer_too_large"
    TRUNCATED = "truncated"
    # ours, the policy's and the caller's
    CALLER_LEFT = "caller_left"
    LIMIT_PASSED = "limit_passed"
    HEDGE_LOST = "hedge_lost"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    NO_CANDIDATE = "no_candidate"
    REFUSED_BY_RULE = "refused_by_rule"
    CALLER_STALLED = "caller_stalled"
    GATEWAY_BUSY = "gateway_busy"
    GATEWAY_STOPPED = "gateway_stopped"
    INTERNAL_ERROR = "internal_error"


class Consequence(msgspec.Struct, frozen=True):
    """A row of the table. `fault` is None where nobody is at fault.

    `again`: it may pass by itself, so the same deployment can be asked again after a pause, when no other is left.
    """

    fault: Fault | None
    then: Then
    sentence: str
    again: bool = False


_P, _C, _G = Fault.PROVIDER, Fault.CALLER, Fault.GATEWAY

CONSEQUENCES: dict[Outcome, Consequence] = {
    Outcome.OK: Consequence(None, Then.DONE, "answered in full"),
    Outcome.CONNECT_FAILED: Consequence(_P, Then.NEXT, "no connection could be made", again=True),
    Outcome.TLS_FAILED: Consequence(_P, Then.NEXT, "the TLS handshake failed"),
    Outcome.CONNECT_TIMEOUT: Consequence(_P, Then.NEXT, "no connection was made in time", again=True),
    Outcome.CONNECTION_LOST: Consequence(_P, Then.NEXT, "the connection was lost before an answer", again=True),
    Outcome.NO_SIGN_OF_LIFE: Consequence(
        _P, Then.NEXT, "no sign of life came for far longer than answers lately took", again=True
    ),
    Outcome.FIRST_OUTPUT_TIMEOUT: Consequence(_P, Then.NEXT, "no output came in time"),
    Outcome.IDLE_TIMEOUT: Consequence(_P, Then.NEXT, "the answer stalled"),
    Outcome.TOTAL_TIMEOUT: Consequence(_P, Then.NEXT, "the answer was not complete in time"),
    Outcome.BAD_REQUEST: Consequence(_C, Then.STOP, "the provider refused the request as invalid"),
    Outcome.FIELD_REFUSED: Consequence(
        _G, Then.NEXT, "the provider refused a field of the request that another candidate may take"
    ),
    Outcome.CONTEXT_TOO_LONG: Consequence(_C, Then.STOP, "the prompt is longer than the model's context"),
    Outcome.CONTENT_POLICY: Consequence(_C, Then.STOP, "the provider's content policy refused the request"),
    Outcome.CREDENTIAL_REFUSED: Consequence(_G, Then.NEXT, "the provider refused the gateway's credential"),
    Outcome.NO_CREDENTIAL: Consequence(_G, Then.NEXT, "the gateway has no valid credential for the provider"),
    Outcome.QUOTA_EXHAUSTED: Consequence(_G, Then.NEXT, "the gateway's quota with the provider is used up"),
    Outcome.DEPLOYMENT_GONE: Consequence(_G, Then.NEXT, "the provider does not know this model or address"),
    Outcome.REDIRECTED: Consequence(_G, Then.NEXT, "the provider answered with a redirect, which is not followed"),
    Outcome.RATE_LIMITED: Consequence(_P, Then.NEXT, "the provider's rate limit was reached", again=True),
    Outcome.OVERLOADED: Consequence(_P, Then.NEXT, "the provider is overloaded", again=True),
    Outcome.SERVER_ERROR: Consequence(_P, Then.NEXT, "the provider failed", again=True),
    Outcome.ERROR_IN_ANSWER: Consequence(_P, Then.NEXT, "the answer carried an error", again=True),
    Outcome.EMPTY_ANSWER: Consequence(_P, Then.NEXT, "the answer was empty"),
    Outcome.FORMAT_UNMET: Consequence(
        _P, Then.NEXT, "the answer did not keep to the format that was asked for", again=True
    ),
    Outcome.MALFORMED_ANSWER: Consequence(_P, Then.NEXT, "the answer was not what the protocol says"),
    Outcome.ANSWER_TOO_LARGE: Consequence(_P, Then.NEXT, "the answer was larger than allowed"),
    Outcome.TRUNCATED: Consequence(_P, Then.NEXT, "the answer ended before it was complete", again=True),
    Outcome.CALLER_LEFT: Consequence(_C, Then.STOP, "the caller left"),
    Outcome.LIMIT_PASSED: Consequence(Fault.POLICY, Then.NEXT, "the answer was slower than the rule allows"),
    Outcome.HEDGE_LOST: Consequence(None, Then.STOP, "another attempt was faster"),
    Outcome.DEADLINE_EXCEEDED: Consequence(Fault.POLICY, Then.STOP, "the request's deadline passed"),
    Outcome.NO_CANDIDATE: Consequence(Fault.POLICY, Then.STOP, "no deployment may or can answer this request"),
    Outcome.REFUSED_BY_RULE: Consequence(_C, Then.STOP, "the policy refuses what the request carries"),
    Outcome.CALLER_STALLED: Consequence(_C, Then.STOP, "the caller did not read its stream"),
    Outcome.GATEWAY_BUSY: Consequence(_G, Then.STOP, "the gateway has more requests than it can take"),
    Outcome.GATEWAY_STOPPED: Consequence(_G, Then.STOP, "the gateway was stopped before the answer was complete"),
    Outcome.INTERNAL_ERROR: Consequence(_G, Then.STOP, "the gateway failed"),
}


# the provider is able and says that it has too much to do: it is asked less, never taken for broken
TOLD_OVERLOAD = frozenset({Outcome.RATE_LIMITED, Outcome.OVERLOADED})
# what is wrong with the gateway's own key, account or settings there: no waiting mends it, and every request meets it
LASTING = frozenset(
    outcome
    for outcome, row in CONSEQUENCES.items()
    if row.fault is Fault.GATEWAY and row.then is Then.NEXT and outcome is not Outcome.FIELD_REFUSED
)

_BY_THE_GATEWAY = (Outcome.GATEWAY_STOPPED, Outcome.HEDGE_LOST, Outcome.CALLER_STALLED)


def of_cancellation(cancelled: BaseException) -> Outcome:
    """Why a task was cancelled: it is told by the cancellation's message; without one the caller left."""
    said = cancelled.args[0] if cancelled.args else None
    return next((one for one in _BY_THE_GATEWAY if one.value == said), Outcome.CALLER_LEFT)


class AttemptFailed(Exception):
    """An attempt ended as `outcome`. `detail` is for operators: it holds no credential and no prompt.

    `message` is what the provider itself said of the caller's request, to be passed on where the caller is at fault;
    `status` is the provider's HTTP status where there was one; `retry_after_s` what it asked for. Whoever catches one may
    hold it for longer than the next who does: it is final (`replaced` gives another).
    """

    def __init__(  # noqa: PLR0913 - what a provider can say of a failure
        self,
        outcome: Outcome,
        detail: str,
        *,
        status: int | None = None,
        message: str | None = None,
        param: str | None = None,
        code: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(f"{outcome.value}: {detail}")
        self.outcome: Final = outcome
        self.detail: Final = detail
        self.status: Final = status
        self.message: Final = message
        self.param: Final = param
        self.code: Final = code
        self.retry_after_s: Final = retry_after_s

    def replaced(self, **changes: Any) -> "AttemptFailed":
        """The same failure but for what is named, by the names of the constructor; this one stays as it is."""
        return AttemptFailed(**{name: getattr(self, name) for name in _PARTS} | changes)


_PARTS = ("outcome", "detail", "status", "message", "param", "code", "retry_after_s")
