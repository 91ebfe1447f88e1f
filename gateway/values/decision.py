"""A decision: made once per request; explained, logged, replayed and simulated from this same value (law 14)."""

import enum

import msgspec

from gateway.values.request import Facts
from gateway.values.slo import Slo, SloReading
from gateway.values.snapshot import Reading


class Cause(enum.Enum):
    """Why a deployment was left out. Closed: a new filter adds its word here (docs/contributing.md)."""

    CLEARANCE = "clearance"
    REQUIREMENT = "requirement"
    CAPABILITY = "capability"
    SURFACE = "surface"
    CONTEXT = "context"
    OUTPUT = "output"
    HEALTH = "health"
    LIMIT = "limit"
    RATE_LIMIT = "rate_limit"
    COST = "cost"
    SCOPE = "scope"
    FIELD = "field"
    LOSS = "loss"


class Tier(enum.Enum):
    """Where an eligible deployment stands before its score counts. In this order."""

    PROBE = "probe"  # a small share of requests: to see whether it recovered, or how it does at all
    READY = "ready"
    LATE = "late"  # predicted to come too late (gateway/routing/lateness.py)
    BURNING = "burning"  # it has burned the objective's error budget fast: ejected until it recovers
    LAST_RESORT = "last_resort"  # not of the model's pool: the rule's fallback names it
    RESTING = "resting"  # it refused one request after the other for what will last


class Reason(msgspec.Struct, frozen=True, gc=False):
    """Why, as data: what was needed and what the deployment has. Sentences are made where they are read."""

    cause: Cause
    needed: str | int | float
    has: str | int | float | None


class Candidate(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One deployment as the decision saw it. Without reasons against it, it is eligible and has a rank (from 0).

    `most_usd` is the most that an attempt can cost, `expected_usd` what it probably will; `first_output_s` and `total_s`
    are predicted at the objective's percentile. `score` is by the rule's objective, in [0, 1]; None if what it needs is
    unknown; its parts follow from the numbers (`gateway.routing.scores`). One that is left out by what never changes
    (clearance, requirement, capability) was not read: its numbers are added by `gateway.routing.counterfactual`.
    """

    deployment: str
    against: tuple[Reason, ...] = ()
    rank: int | None = None
    tier: Tier | None = None
    reading: Reading | None = None
    quality: float | None = None
    most_usd: float | None = None
    expected_usd: float | None = None
    first_output_s: float | None = None
    total_s: float | None = None
    slo: SloReading | None = None
    score: float | None = None
    weight: float | None = None  # where the rule splits by weights; None: a fallback only
    lost: tuple[str, ...] = ()  # members of the body that are left out there, as its servers would refuse them
    continues: bool = False  # where the rule wants it: its servers go on with an answer that another one began
    unsaid: tuple[str, ...] = ()  # what the translation for it loses, where that is known
    adapted: tuple[str, ...] = ()  # what it says otherwise, as `path: note`; by `explain`


class Bounds(msgspec.Struct, frozen=True, omit_defaults=True):
    """What all attempts of the request share (law 2). The seconds bound those of the deployment's own timeouts."""

    deadline_s: float
    max_attempts: int
    max_cost_usd: float | None = None
    first_output_s: float | None = None
    idle_s: float | None = None
    min_output_tokens_per_s: float | None = None


class Decision(msgspec.Struct, frozen=True, omit_defaults=True):
    """`attempts` are the deployments to try, in order; empty means refused, and the candidates say why.

    `at` is the snapshot's `now`. Same plan, facts, snapshot and seed give the same decision.
    `refused` is true if the rule itself refuses what the request carries.
    """

    id: str
    at: float
    revision: str
    rule: str
    facts: Facts
    seed: int
    candidates: tuple[Candidate, ...]
    attempts: tuple[str, ...]
    bounds: Bounds
    slo: Slo | None = None
    mix: tuple[float, float, float, float] | None = (
        None  # the objective: cost, latency, quality, load; they add up to 1
    )
    refused: bool = False
    hedge_after_s: float | None = None  # when a second attempt may start beside the first
    continues: bool = False  # if the stream breaks after its output has begun, a candidate that can may go on with it
    address: int | None = None  # of several of the first deployment to try, the position of that which it goes to

    def lost_at(self, deployment: str) -> tuple[str, ...]:
        """Members of the request's body that are left out of what is sent there."""
        if not self.facts.extra_fields:
            return ()
        return next((one.lost for one in self.candidates if one.deployment == deployment), ())
