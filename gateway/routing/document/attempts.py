"""`limits` and `fallback`: what the attempts of one request may take, and what follows one that failed."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from gateway.routing.document.units import Percentile, Seconds
from gateway.values.outcome import Outcome


class HedgeEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A second attempt beside a first that is late, at the next candidate; the first real output wins, the other ends."""

    after_s: Annotated[
        Seconds | None, Meta(description="Late is who has given nothing after this; absent: by the percentile.")
    ] = None
    percentile: Annotated[
        Percentile, Meta(description="95: late is who takes longer than it does for 95 of 100 requests.")
    ] = 95
    share: Annotated[
        Annotated[float, Meta(gt=0, le=1)], Meta(description="Of the rule's requests, how many may be hedged at most.")
    ] = 0.1


class Limits(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What all attempts of one request share. A caller may ask for less, never for more."""

    deadline_s: Annotated[Seconds | None, Meta(description="Seconds for all attempts together.")] = None
    max_attempts: Annotated[Annotated[int, Meta(ge=1, le=10)], Meta(description="Attempts at most.")] = 3
    max_cost_usd: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(description="The most that all attempts together may cost; excludes deployments of unknown price."),
    ] = None
    first_output_s: Annotated[
        Seconds | None,
        Meta(description="For a stream's first output; where the deployment's own timeout is shorter, that."),
    ] = None
    idle_s: Annotated[
        Seconds | None, Meta(description="Between two outputs; where the deployment's own timeout is shorter, that.")
    ] = None
    min_output_tokens_per_s: Annotated[
        Annotated[float, Meta(gt=0, le=100_000)] | None,
        Meta(
            description="The least rate of a stream once its output has begun, judged over ten seconds; a slower one ends "
            "as limit_passed."
        ),
    ] = None
    hedge: HedgeEntry | None = None


Refusal = Literal["context_too_long", "content_policy", "bad_request"]
Failure = Literal[
    "connect_failed", "tls_failed", "connect_timeout", "connection_lost", "no_sign_of_life", "first_output_timeout",
    "idle_timeout",
    "total_timeout", "credential_refused", "no_credential", "quota_exhausted", "deployment_gone", "redirected", "rate_limited",
    "overloaded", "server_error", "error_in_answer", "empty_answer", "malformed_answer", "answer_too_large", "truncated",
    "field_refused", "format_unmet",
]  # fmt: skip


class Fallback(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Which failures move on to the next candidate, and to which others than the model's pool."""

    also_on: Annotated[list[Refusal], Meta(description="Refusals of the request itself that nonetheless move on.")] = []
    not_on: Annotated[list[Failure], Meta(description="Failures of a provider that end the request instead.")] = []
    to: Annotated[
        list[str],
        Meta(
            description="Models or deployments to try, in this order, when the pool is used up. The rule's requirements hold."
        ),
    ] = []
    after_output: Annotated[
        Literal["error", "continue"],
        Meta(
            description="What becomes of a stream that breaks after output has reached the caller. error: an error event "
            "ends it. continue: a vLLM or llama.cpp candidate goes on where the text ended, if it is plain text, in the "
            "dialect that the caller reads."
        ),
    ] = "error"
    unmet_format: Annotated[
        Literal["mark", "next"],
        Meta(
            description="What becomes of a whole answer that is not the JSON that was asked for (response_format, "
            "output_config.format). mark: it is given, and counted in gateway_answer_anomalies. next: the next candidate is "
            "asked. A stream, whose caller has it by then, is always given and counted."
        ),
    ] = "mark"
    retries: Annotated[
        Annotated[int, Meta(ge=0, le=5)],
        Meta(
            description="How often a deployment is asked again, after a pause, when no other candidate is left and its "
            "failure may pass by itself."
        ),
    ] = 1
    max_pause_s: Annotated[
        Annotated[float, Meta(ge=0, le=3600)],
        Meta(
            description="The longest pause before a deployment is asked again. One that asks for a longer one by "
            "Retry-After is not asked again by the same request."
        ),
    ] = 5.0

    def moves_on(self, outcome: Outcome, otherwise: bool) -> bool:  # noqa: FBT001 - what the table of outcomes says
        """True if an attempt that ended so is followed by the next candidate."""
        if outcome.value in self.also_on:
            return True
        return otherwise and outcome.value not in self.not_on
