"""The policy document, as an operator writes it. Each field is its own documentation in the published schema."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from gateway.routing.document.attempts import Fallback, Limits
from gateway.routing.document.preference import Prefer, Require, SloEntry
from gateway.routing.document.when import When
from gateway.values.finding import Kind
from gateway.values.priority import PriorityName
from gateway.values.sensitivity import Sensitivity


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

    mode: Annotated[
        Literal["enforce", "report"] | None,
        Meta(
            description="enforce: what is found raises the request's sensitivity. report: it is on the decision and counted, "
            "and decides nothing. Absent: report where all deployments are commercial and neither the policy nor the "
            "configuration says anything of sensitivity; else enforce."
        ),
    ] = None
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
