"""The policy document, as an operator writes it. Each field is its own documentation in the published schema.

To add a condition: a field of `When` here, and its row in `gateway/routing/conditions.py`.
"""

from typing import Annotated, Literal

import msgspec

from gateway.values.deployment import Capability, Hosting
from gateway.values.outcome import Outcome
from gateway.values.sensitivity import Sensitivity

Names = Annotated[list[str], msgspec.Meta(min_length=1)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]


class When(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What a request must be for the rule to match. All that are given must hold; none given matches all."""

    model: Annotated[Names | None, msgspec.Meta(description="The model asked for is one of these.")] = None
    team: Annotated[Names | None, msgspec.Meta(description="The key's team is one of these.")] = None
    tags: Annotated[dict[str, str] | None, msgspec.Meta(description="The request carries these tags.")] = None
    sensitivity: Annotated[
        list[Sensitivity] | None, msgspec.Meta(description="The request's sensitivity is one of these.")
    ] = None
    needs: Annotated[
        list[Capability] | None, msgspec.Meta(description="The request needs all of these capabilities.")
    ] = None
    stream: Annotated[bool | None, msgspec.Meta(description="Whether a stream is asked for.")] = None
    min_prompt_tokens: Annotated[
        Annotated[int, msgspec.Meta(ge=0)] | None, msgspec.Meta(description="Estimated prompt tokens, at least.")
    ] = None
    max_prompt_tokens: Annotated[
        Annotated[int, msgspec.Meta(ge=0)] | None, msgspec.Meta(description="Estimated prompt tokens, at most.")
    ] = None


class Require(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What a deployment must be, beyond what the request itself needs."""

    hosting: Annotated[Hosting | None, msgspec.Meta(description="Whose machines may answer.")] = None
    region: Annotated[Names | None, msgspec.Meta(description="The deployment's region is one of these.")] = None
    clearance: Annotated[
        Sensitivity | None, msgspec.Meta(description="The deployment's clearance is at least this.")
    ] = None
    capabilities: Annotated[list[Capability] | None, msgspec.Meta(description="The deployment has all of these.")] = (
        None
    )
    deployments: Annotated[Names | None, msgspec.Meta(description="Only these deployments.")] = None


class Prefer(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Which eligible deployment comes first."""

    order: Annotated[
        Names | None,
        msgspec.Meta(description="These first, in this order; then the others in the order of the model's pool."),
    ] = None


class Limits(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What all attempts of one request share. A caller may ask for less, never for more."""

    deadline_s: Annotated[Seconds | None, msgspec.Meta(description="Seconds for all attempts together.")] = None
    max_attempts: Annotated[
        Annotated[int, msgspec.Meta(ge=1, le=10)], msgspec.Meta(description="Attempts at most.")
    ] = 3
    max_cost_usd: Annotated[
        Annotated[float, msgspec.Meta(gt=0)] | None,
        msgspec.Meta(description="Predicted cost of an attempt at most; excludes deployments of unknown price."),
    ] = None


class Fallback(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Which refusals move on to the next candidate. Failures of a provider always do."""

    also_on: Annotated[
        list[Literal["context_too_long", "content_policy", "bad_request"]],
        msgspec.Meta(description="Refusals of the request itself that nonetheless move on."),
    ] = []

    def moves_on(self, outcome: Outcome) -> bool:
        """True if the rule lets this refusal move on."""
        return outcome.value in self.also_on


class Rule(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One rule. The first that matches decides."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]
    description: str | None = None
    when: When = When()
    require: Require = Require()
    prefer: Prefer = Prefer()
    limits: Limits = Limits()
    fallback: Fallback = Fallback()


class Policy(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A policy: rules, tried in order. The last one must match every request."""

    rules: Annotated[list[Rule], msgspec.Meta(min_length=1)]
    description: str | None = None
