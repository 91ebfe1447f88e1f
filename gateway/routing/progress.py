"""What the fallback plan of one request follows from: how far it has come, and what is known by now of the deployments.

Structural types, because rooms on one floor do not see each other: `gateway.flow` hands in its story and
`gateway.state`'s readings, the simulator its own of both.
"""

from collections.abc import Collection, Sequence
from typing import Protocol

from gateway.values.decision import Decision
from gateway.values.records import Attempt
from gateway.values.snapshot import Reading
from gateway.values.worker import WorkerReading


class Progress(Protocol):
    """One request so far. `tried` are attempts begun where addresses are told apart, as (deployment, address)."""

    @property
    def decision(self) -> Decision:
        """What it follows from."""

    @property
    def attempts(self) -> Sequence[Attempt]:
        """Those that have ended, in that order."""

    @property
    def tried(self) -> Sequence[tuple[str, int]]:
        """Where attempts were begun, in that order."""


class RetryAllowance(Protocol):
    """How often deployments may be asked again."""

    def has(self, deployment: str, now: float) -> bool:
        """Whether it may be asked again now."""


class Addresses(Protocol):
    """What is known of each address of a deployment."""

    def of(self, deployment: str) -> tuple[WorkerReading, ...]:
        """By address; empty where there is nothing to choose between and nothing to read."""

    def others_up(self, deployment: str, tried: Collection[int], now: float) -> bool:
        """Whether another address may answer, against which nothing is known."""


class LiveState(Protocol):
    """What is known by now, as it changes."""

    @property
    def workers(self) -> Addresses:
        """By address."""

    @property
    def retries(self) -> RetryAllowance:
        """For asking again."""

    def of(self, deployment: str) -> Reading:
        """The present reading."""
