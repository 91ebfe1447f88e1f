"""Who decides in a simulation: a plan, as in the service, or any other strategy that names deployments in an order."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from gateway.insight.traffic import Arrival
from gateway.routing.decide import decide
from gateway.routing.document import Fallback
from gateway.routing.plan import Plan
from gateway.values.decision import Bounds, Candidate, Decision
from gateway.values.hedge import Hedge
from gateway.values.slo import Slo
from gateway.values.snapshot import Snapshot


class Chosen(NamedTuple):
    """A decision, and of its rule what the way on depends on."""

    decision: Decision
    fallback: Fallback
    hedge: Hedge | None


class Chooser(Protocol):
    """Decides about each request. `name` is what it is called in results."""

    @property
    def name(self) -> str:
        """A policy's revision, or a strategy's name."""

    def choose(self, arrival: Arrival, snapshot: Snapshot) -> Chosen:
        """Raises UnknownModel. The same inputs give the same decision."""

    def preferred(self, decision: Decision) -> Sequence[str]:
        """The deployments in the order that is wanted while all is well; empty where nothing says."""


class Planned:
    """A policy's plan."""

    def __init__(self, plan: Plan, name: str | None = None) -> None:
        self.plan = plan
        self.name = name or plan.revision

    def choose(self, arrival: Arrival, snapshot: Snapshot) -> Chosen:
        """As the service decides. Raises UnknownModel."""
        decision = decide(
            self.plan,
            arrival.facts,
            snapshot,
            decision_id=arrival.id,
            seed=arrival.seed,
            deadline_s=arrival.deadline_s,
            max_cost_usd=arrival.max_cost_usd,
        )
        rule = self.plan.by_name[decision.rule]
        return Chosen(decision, rule.fallback, rule.hedge)

    def preferred(self, decision: Decision) -> Sequence[str]:
        """By the rule's order, or by scores where it has an objective; weights want no order."""
        rule = self.plan.by_name[decision.rule]
        if rule.preference.weighted:
            return ()
        if rule.preference.mix is None:
            return [place.name for place in rule.pools[decision.facts.model] if not place.last_resort]
        scored = [one for one in decision.candidates if one.score is not None]
        return [one.deployment for one in sorted(scored, key=lambda one: -(one.score or 0.0))]


Order = Callable[[Arrival, Snapshot], Sequence[str]]


class Strategy:
    """What names deployments in the order to try, and knows no rules: `order` is given the request and the snapshot.

    Nothing is filtered for it. `slo` is what its attempts are judged by.
    """

    def __init__(
        self,
        name: str,
        order: Order,
        *,
        bounds: Bounds,
        slo: Slo | None = None,
        fallback: Fallback | None = None,
    ) -> None:
        self.name = name
        self._order = order
        self._bounds = bounds
        self._slo = slo
        self._fallback = fallback or Fallback()

    def choose(self, arrival: Arrival, snapshot: Snapshot) -> Chosen:
        """Its order, as a decision."""
        names = tuple(self._order(arrival, snapshot))
        candidates = tuple(Candidate(name, (), rank, None, snapshot.of(name)) for rank, name in enumerate(names))
        attempts = names[: self._bounds.max_attempts]
        decision = Decision(
            arrival.id, snapshot.now, self.name, self.name, arrival.facts, arrival.seed, candidates, attempts,
            self._bounds, self._slo,
        )  # fmt: skip
        return Chosen(decision, self._fallback, None)

    @staticmethod
    def preferred(_: Decision) -> Sequence[str]:
        """What it names first is what it wants."""
        return ()
