"""A strategy of another gateway, with the cool-downs that LiteLLM's router documents for all of them.

A deployment cools down for five seconds, or as long as it asks for, when it answers 429, when it does not answer in time, or
when more than half of its requests of the present minute failed. The strategy picks among the others; after a failure,
among those that are left. Its operator may hold a deployment in reserve: it is asked when no other is left. Execution is
the gateway's own: attempts, deadline, timeouts, asking again.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from gateway.insight.chooser import Chosen, Strategy
from gateway.insight.simulate import Simulation
from gateway.insight.traffic import Arrival
from gateway.values.decision import Bounds, Decision
from gateway.values.deployment import Deployment
from gateway.values.outcome import CONSEQUENCES, Fault, Outcome
from gateway.values.records import Attempt
from gateway.values.slo import Slo
from gateway.values.snapshot import Snapshot

COOL_S = 5.0
FAILED_SHARE = 0.5  # of a deployment's requests in a minute of the clock, if there were two
_MINUTE_S = 60.0
TOO_LATE = frozenset({
    Outcome.CONNECT_TIMEOUT, Outcome.NO_SIGN_OF_LIFE, Outcome.FIRST_OUTPUT_TIMEOUT, Outcome.TOTAL_TIMEOUT,
    Outcome.LIMIT_PASSED, Outcome.DEADLINE_EXCEEDED,
})  # fmt: skip


class PoolView(NamedTuple):
    """What a strategy may look at when it picks from `pool`, which is in the operator's order."""

    pool: Sequence[str]
    arrival: Arrival
    snapshot: Snapshot
    deployments: Mapping[str, Deployment]


class Picks(Protocol):
    """What makes one strategy another."""

    def order(self, seen: PoolView) -> Sequence[str]:
        """All of the pool, the best first."""

    def learn(self, attempt: Attempt, now: float) -> None:
        """An attempt has ended."""


class Rival:
    """Of one simulation, which has to be shown to it before it runs."""

    def __init__(self, name: str, picks: Picks, *, reserve: Sequence[str], bounds: Bounds, slo: Slo) -> None:
        self.name = name
        self._picks = picks
        self._reserve = reserve
        self._strategy = Strategy(name, self._order, bounds=bounds, slo=slo)
        self._deployments: Mapping[str, Deployment] = {}
        self._cool_until: dict[str, float] = {}
        self._minute = 0
        self._ended: dict[str, list[bool]] = {}  # in the present minute: whether each failed

    def see(self, simulation: Simulation) -> None:
        """It hears of attempts, and knows the deployments with the prices of the day."""
        self._deployments = simulation.deployments
        simulation.heard = self._heard

    def choose(self, arrival: Arrival, snapshot: Snapshot) -> Chosen:
        """Its order, as a decision."""
        return self._strategy.choose(arrival, snapshot)

    @staticmethod
    def preferred(_: Decision) -> Sequence[str]:
        """What it names first is what it wants."""
        return ()

    def _order(self, arrival: Arrival, snapshot: Snapshot) -> list[str]:
        now = snapshot.now
        cooling = [name for name in self._deployments if self._cool_until.get(name, 0.0) > now]
        pool = [name for name in self._deployments if name not in cooling and name not in self._reserve]
        picked = self._picks.order(PoolView(pool, arrival, snapshot, self._deployments)) if pool else ()
        return [*picked, *(name for name in self._reserve if name not in cooling), *cooling]

    def _heard(self, attempt: Attempt, now: float) -> None:
        name, outcome = attempt.deployment, attempt.outcome
        self._picks.learn(attempt, now)
        if int(now // _MINUTE_S) != self._minute:
            self._minute, self._ended = int(now // _MINUTE_S), {}
        failed = CONSEQUENCES[outcome].fault is Fault.PROVIDER or outcome in TOO_LATE
        ended = self._ended.setdefault(name, [])
        ended.append(failed)
        if outcome is Outcome.RATE_LIMITED or outcome in TOO_LATE or self._fails_often(ended):
            self._cool_until[name] = now + (attempt.retry_after_s or COOL_S)

    @staticmethod
    def _fails_often(ended: Sequence[bool]) -> bool:
        return len(ended) > 1 and sum(ended) > FAILED_SHARE * len(ended)
