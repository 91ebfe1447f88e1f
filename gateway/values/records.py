"""What the bus carries: things that happened, as they happened. Listeners receive these and nothing else."""

from collections.abc import Sequence

import msgspec

from gateway.values.anomaly import Anomaly
from gateway.values.decision import Decision
from gateway.values.outcome import Fault, Outcome
from gateway.values.usage import Usage
from gateway.values.worker import AddressesSeen


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One call to one deployment. Times are seconds; `started_s` counts from the request's arrival."""

    deployment: str
    outcome: Outcome
    started_s: float
    duration_s: float
    first_output_s: float | None = None  # from the attempt's start
    status: int | None = None  # the provider's HTTP status
    usage: Usage | None = None
    cost_usd: float | None = None
    detail: str | None = None
    upstream_model: str | None = None  # the model that answered, by its own word
    finish_reason: str | None = None
    connection_reused: bool | None = None
    resent: bool = False  # the connection that it was sent on first had been closed, or led nowhere, and was replaced
    in_flight: int = 0  # at the deployment when this began, without this
    held_by_caller: bool = False  # most of its stream's time is the caller's, who read slowly
    slo_met: bool | None = None  # whether it kept the rule's objective; None if it does not count, or there is none
    address: int | None = None  # which of the deployment's, where several are told apart or one is read
    base_url: str | None = None  # that address
    seen: AddressesSeen | None = None  # what it was chosen from; None if the decision says it, or there is one address
    continues: int = 0  # how many characters of the answer another attempt had given before this one went on with it
    retry_after_s: float | None = None  # what the provider asked for before the next
    wait_s: float = 0.0  # of the time before the first output, what was expected to go by in the provider's queue
    lost: tuple[str, ...] = ()  # members of the body that were left out of what was sent
    adapted: tuple[str, ...] = ()  # members that were said otherwise, as `path: note`
    anomalies: tuple[Anomaly, ...] = ()  # what was odd about its answer, which was taken all the same

    @property
    def may_have_cost(self) -> bool:
        """False if nothing was sent, or the provider refused it."""
        return self.connection_reused is not None and (self.status is None or 200 <= self.status < 300)


def answering(attempts: Sequence[Attempt]) -> Sequence[Attempt]:
    """Those that gave the answer, or came nearest to one, in the order in which they did: more than one where a broken
    stream was continued. What lost to another attempt may be on record after the one that won.
    """
    own = [one for one in attempts if one.outcome is not Outcome.HEDGE_LOST]
    first = next((at for at in range(len(own) - 1, -1, -1) if not own[at].continues), 0)
    return own[first:]


def first_output_s(attempts: Sequence[Attempt]) -> float | None:
    """When the answer began, in seconds from the request's arrival; None if none was seen to."""
    answer = answering(attempts)
    first = answer[0] if answer else None
    return None if first is None or first.first_output_s is None else first.started_s + first.first_output_s


def output_tokens(attempts: Sequence[Attempt]) -> int | None:
    """Of the answer, with all its parts; None if they are not known."""
    used = [one.usage for one in answering(attempts)]
    known = [usage.completion_tokens for usage in used if usage is not None]
    return sum(known) if known and len(known) == len(used) else None


class RequestFinished(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a request. `fault` is None where nobody is at fault; `overhead_s` is time not spent upstream."""

    id: str
    surface: str
    decision: Decision
    outcome: Outcome
    fault: Fault | None
    attempts: tuple[Attempt, ...]
    answered_by: str | None
    duration_s: float
    overhead_s: float
    first_output_s: float | None  # from the request's arrival
    output_started: bool  # whether the caller had been sent part of an answer
    queued_s: float = 0.0  # of the gateway's own time, what it waited for room


class DecisionMade(msgspec.Struct, frozen=True):
    """A request was decided, or decided anew before its first attempt; exactly one RequestFinished follows the last of them."""

    decision: Decision


class AttemptStarted(msgspec.Struct, frozen=True):
    """An attempt was begun; every one of these is followed by one AttemptFinished."""

    deployment: str


class AttemptFinished(msgspec.Struct, frozen=True):
    """An attempt ended, however it ended."""

    attempt: Attempt


class RequestAbandoned(msgspec.Struct, frozen=True):
    """A request whose caller left before its body was whole."""

    surface: str


class RequestRejected(msgspec.Struct, frozen=True):
    """A request that never became one: bad JSON, no credential, too large. `code` is of a closed set (api/errors)."""

    surface: str
    status: int
    code: str
