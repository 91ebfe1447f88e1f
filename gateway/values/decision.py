"""A decision: made once per request; explained, logged, replayed and simulated from this same value (law 14)."""

import enum

import msgspec

from gateway.values.request import Facts
from gateway.values.snapshot import Reading


class Cause(enum.Enum):
    """Why a deployment was left out. Closed: a new filter adds its word here and its sentence in routing/sentences."""

    CLEARANCE = "clearance"
    REQUIREMENT = "requirement"
    CAPABILITY = "capability"
    CONTEXT = "context"
    OUTPUT = "output"
    HEALTH = "health"
    COST = "cost"


class Reason(msgspec.Struct, frozen=True):
    """Why, as data: what was needed and what the deployment has. Sentences are made where they are read."""

    cause: Cause
    needed: str | int | float
    has: str | int | float | None


class Candidate(msgspec.Struct, frozen=True):
    """One deployment as the decision saw it. Without reasons against it, it is eligible and has a rank (from 0)."""

    deployment: str
    against: tuple[Reason, ...]
    rank: int | None
    reading: Reading
    predicted_cost_usd: float | None = None


class Bounds(msgspec.Struct, frozen=True):
    """What all attempts of the request share (law 2)."""

    deadline_s: float
    max_attempts: int
    max_cost_usd: float | None = None


class Decision(msgspec.Struct, frozen=True):
    """`attempts` are the deployments to try, in order; empty means refused, and the candidates say why.

    `at` is the snapshot's `now`. Same plan, facts, snapshot and seed give the same decision.
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
