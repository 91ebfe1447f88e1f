"""`require`, `slo` and `prefer`: who may answer, what is promised, and who comes first."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from gateway.routing.document.units import Names, Percentile, Seconds
from gateway.values.deployment import Capability, Hosting
from gateway.values.sensitivity import Sensitivity

Weight = Annotated[float, Meta(ge=0, le=1e6)]


class Require(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What a deployment must be, beyond what the request itself needs."""

    hosting: Annotated[Hosting | None, Meta(description="Whose machines may answer.")] = None
    region: Annotated[Names | None, Meta(description="The deployment's region is one of these.")] = None
    clearance: Annotated[Sensitivity | None, Meta(description="The deployment's clearance is at least this.")] = None
    capabilities: Annotated[list[Capability] | None, Meta(description="The deployment has all of these.")] = None
    deployments: Annotated[Names | None, Meta(description="Only these deployments.")] = None
    lossless: Annotated[
        bool,
        Meta(
            description="Leave out deployments that would lose a member of the request, as for a caller that sends "
            "x-gateway-strict. Each such request is translated before it is decided."
        ),
    ] = False
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
        Meta(
            description="A deployment whose misses are this many times the budget is ejected: ranked last, and only probed."
        ),
    ] = 4.0
    return_burn: Annotated[Annotated[float, Meta(gt=0)], Meta(description="At this it comes back.")] = 1.0
    probe_share: Annotated[
        Annotated[float, Meta(gt=0, le=0.2)],
        Meta(
            description="The share of requests that goes to a deployment that is late or ejected, to see whether it recovered."
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
