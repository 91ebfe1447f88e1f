"""The policy document, as an operator writes it. Each field is its own documentation in the published schema.

To add a condition: a field of `When` here, and its row in `gateway/routing/conditions.py`.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from gateway.values.deployment import Capability, Hosting
from gateway.values.finding import Kind
from gateway.values.outcome import Outcome
from gateway.values.priority import PriorityName
from gateway.values.sensitivity import Sensitivity

Names = Annotated[list[str], Meta(min_length=1)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Count = Annotated[int, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
Weight = Annotated[float, Meta(ge=0, le=1e6)]
Clock = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["07:30"])]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Percentile = Literal[50, 90, 95, 99]


class Time(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A window of the week. One that ends before it begins runs over midnight; its days are those on which it begins."""

    days: Annotated[Annotated[list[Day], Meta(min_length=1)] | None, Meta(description="Absent: every day.")] = None
    start: Annotated[Clock, Meta(description="HH:MM, written with quotes; included.")] = "00:00"
    end: Annotated[Clock, Meta(description="HH:MM, written with quotes; not included. The same as start: all day.")] = (
        "00:00"
    )
    timezone: Annotated[str, Meta(description="An IANA name like Europe/Berlin.")] = "UTC"


class When(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True, rename={"not_": "not"}):
    """What a request must be for the rule to match. All that are given must hold; none given matches all."""

    model: Annotated[Names | None, Meta(description="The model asked for is one of these.")] = None
    key: Annotated[Names | None, Meta(description="The key is one of these, by its name.")] = None
    team: Annotated[Names | None, Meta(description="The key's team is one of these.")] = None
    tags: Annotated[
        dict[str, str | Names] | None, Meta(description="The request carries these tags; a list: one of its values.")
    ] = None
    sensitivity: Annotated[list[Sensitivity] | None, Meta(description="The request's sensitivity is one of these.")] = (
        None
    )
    found: Annotated[
        Annotated[list[Kind], Meta(min_length=1)] | None,
        Meta(description="Detection found at least one of these kinds."),
    ] = None
    needs: Annotated[list[Capability] | None, Meta(description="The request needs all of these capabilities.")] = None
    stream: Annotated[bool | None, Meta(description="Whether a stream is asked for.")] = None
    session: Annotated[bool | None, Meta(description="Whether the request names a session (x-gateway-session).")] = None
    min_prompt_tokens: Annotated[Count | None, Meta(description="Estimated prompt tokens, at least.")] = None
    max_prompt_tokens: Annotated[Count | None, Meta(description="Estimated prompt tokens, at most.")] = None
    min_output_tokens: Annotated[
        Count | None,
        Meta(description="The output limit asked for, at least; a request without a limit does not match."),
    ] = None
    max_output_tokens: Annotated[
        Count | None, Meta(description="The output limit asked for, at most; a request without a limit does not match.")
    ] = None
    time: Annotated[Time | None, Meta(description="The request comes in this window.")] = None
    all: Annotated[Annotated[list["When"], Meta(min_length=1)] | None, Meta(description="All of these match.")] = None
    any: Annotated[
        Annotated[list["When"], Meta(min_length=1)] | None, Meta(description="At least one of these matches.")
    ] = None
    not_: Annotated["When | None", Meta(description="This does not match.")] = None


class Require(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What a deployment must be, beyond what the request itself needs."""

    hosting: Annotated[Hosting | None, Meta(description="Whose machines may answer.")] = None
    region: Annotated[Names | None, Meta(description="The deployment's region is one of these.")] = None
    clearance: Annotated[Sensitivity | None, Meta(description="The deployment's clearance is at least this.")] = None
    capabilities: Annotated[list[Capability] | None, Meta(description="The deployment has all of these.")] = None
    deployments: Annotated[Names | None, Meta(description="Only these deployments.")] = None
    known_price: Annotated[bool, Meta(description="Leave out deployments whose price is unknown.")] = False


class TargetEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """So many of 100 requests are faster than so many seconds."""

    under_s: Seconds
    percentile: Annotated[Percentile, Meta(description="95: of 100 requests, 95 are faster; 5 may miss.")] = 95


class SloEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What this rule promises. Deployments predicted to miss it, or that burn its error budget fast, are tried last."""

    first_output: Annotated[
        TargetEntry | None, Meta(description="Time to first token: to the first text, tool call or reasoning.")
    ] = None
    output_token: Annotated[TargetEntry | None, Meta(description="Time for each output token after the first.")] = None
    total: Annotated[TargetEntry | None, Meta(description="Time of the whole answer.")] = None
    window_s: Annotated[
        Annotated[float, Meta(ge=10, le=86_400)], Meta(description="Attainment is judged over this.")
    ] = 300.0
    min_requests: Annotated[
        Annotated[int, Meta(ge=1)], Meta(description="Below so many in the window: no judgement.")
    ] = 20
    pass_over_burn: Annotated[
        Annotated[float, Meta(gt=0)],
        Meta(description="A deployment whose misses are this many times the budget is passed over."),
    ] = 4.0
    return_burn: Annotated[Annotated[float, Meta(gt=0)], Meta(description="At this it comes back.")] = 1.0
    probe_share: Annotated[
        Annotated[float, Meta(gt=0, le=0.2)],
        Meta(
            description="The share of requests that goes to a deployment that is passed over, to see whether it recovered."
        ),
    ] = 0.02


class Mix(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """How much each part counts. Only their proportions matter."""

    cost: Weight = 0.0
    latency: Weight = 0.0
    quality: Weight = 0.0
    load: Weight = 0.0


class Prefer(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Which eligible deployment comes first: an order, weights or an objective; none: the order of the model's pool."""

    order: Annotated[
        Names | None,
        Meta(description="These first, in this order; then the others in the order of the model's pool."),
    ] = None
    weights: Annotated[
        Annotated[dict[str, Weight], Meta(min_length=1)] | None,
        Meta(description="Shares of traffic by deployment. One without a weight is a fallback only."),
    ] = None
    split_by: Annotated[
        Literal["request", "session", "key", "team"],
        Meta(description="With weights: what stays on the same deployment. A request without it is split by itself."),
    ] = "request"
    objective: Annotated[
        Literal["cost", "latency", "quality", "load"] | Mix | None,
        Meta(description="The best by this, or by a mix of them, comes first."),
    ] = None
    explore: Annotated[
        Annotated[float, Meta(ge=0, le=0.2)],
        Meta(description="With an objective: the share of requests that goes to deployments without recent readings."),
    ] = 0.02


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
    "connect_failed", "tls_failed", "connect_timeout", "connection_lost", "first_output_timeout", "idle_timeout",
    "total_timeout", "credential_refused", "quota_exhausted", "deployment_gone", "redirected", "rate_limited",
    "overloaded", "server_error", "error_in_answer", "empty_answer", "malformed_answer", "answer_too_large", "truncated",
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
            "ends it. continue: a vLLM or llama.cpp candidate goes on where the text ended, if it is plain text."
        ),
    ] = "error"
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


class Privacy(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What happens to a request for what it carries."""

    refuse: Annotated[bool, Meta(description="Refuse with 403, naming the class and the kinds that were found.")] = (
        False
    )


class Rule(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One rule. The first that matches decides."""

    name: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$", examples=["night-batches"])]
    description: str | None = None
    when: When = When()
    require: Require = Require()
    slo: SloEntry | None = None
    prefer: Prefer = Prefer()
    limits: Limits = Limits()
    fallback: Fallback = Fallback()
    privacy: Privacy = Privacy()
    priority: Annotated[
        PriorityName | None,
        Meta(description="Who goes first when the gateway has more requests than it can take. Absent: the key's."),
    ] = None
    count_tokens: Annotated[
        Literal["estimate", "exact"],
        Meta(
            description="exact: a vLLM deployment counts the prompt, before the rules are matched again; "
            "one that every rule that may then match would let see the request."
        ),
    ] = "estimate"


class DetectionSection(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What is looked for in every string of a request, and what class it makes of the request."""

    kinds: Annotated[list[Kind] | None, Meta(description="Absent: all kinds. Empty: nothing is looked for.")] = None
    classes: Annotated[
        dict[Kind, Sensitivity],
        Meta(
            description="Where a kind's class is to be another than e-mail and phone: confidential, all others: restricted."
        ),
    ] = {}
    if_it_fails: Annotated[
        Sensitivity, Meta(description="The class of a request that could not be looked at to its end.")
    ] = Sensitivity.RESTRICTED
    time_limit_ms: Annotated[Annotated[float, Meta(gt=0, le=60_000)], Meta(description="For one request.")] = 1000.0


class Policy(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A policy: rules, tried in order. The last one must match every request."""

    rules: Annotated[list[Rule], Meta(min_length=1)]
    description: str | None = None
    detection: DetectionSection = DetectionSection()
