"""The oracle: what could be done by who knows the servers from within.

For each request, when it comes, it foresees at each deployment what would become of it there: the true length of its
answer, the jobs that are there and wait, the chance that is drawn, what is left of the limits, the episodes to come. It
takes the cheapest that keeps the objective; if none does, the cheapest that answers. Own hardware costs it nothing more, as
it is paid anyway. It foresees as if nobody came later; so that those who do find room, an answer of an own server may take
no more than `CAUTION` of the objective's time, and no more than `most` may be there. The scenario is played with several
values of `most`, and the best is the oracle's: it knows in hindsight how much room was right.

So it is a bound in this sense: for one request, as things are when it comes, nobody can choose better, and in hindsight no
other of these values would have been better for all. It is not a bound for who would keep room for those requests that cost
the most elsewhere, or sends a second attempt beside the first: they can, in principle, do better.
"""

from collections.abc import Sequence

from gateway.insight.chooser import Chosen, Strategy
from gateway.insight.server import Foreseen
from gateway.insight.simulate import Simulation
from gateway.insight.simulated_attempt import chance_at
from gateway.insight.traffic import Arrival
from gateway.learning.slo import kept
from gateway.values.decision import Bounds, Decision
from gateway.values.deployment import Deployment
from gateway.values.outcome import Outcome
from gateway.values.slo import Slo
from gateway.values.snapshot import Snapshot
from gateway.values.usage import Usage, cost_usd

NAME = "oracle"
CAUTION = 0.4
MOST = (28, 40, 56)  # requests at an own server at once


class Oracle:
    """Of one simulation, which has to be shown to it before it runs."""

    name = NAME

    def __init__(self, slo: Slo, bounds: Bounds, most: int) -> None:
        self._slo = slo
        self._most = most
        self._strategy = Strategy(NAME, self._order, bounds=bounds, slo=slo)
        self._simulation: Simulation | None = None

    def see(self, simulation: Simulation) -> None:
        """From now on it knows all that is in there."""
        self._simulation = simulation

    def choose(self, arrival: Arrival, snapshot: Snapshot) -> Chosen:
        """Its order, as a decision."""
        return self._strategy.choose(arrival, snapshot)

    @staticmethod
    def preferred(_: Decision) -> Sequence[str]:
        """What it names first is what it wants."""
        return ()

    def _order(self, arrival: Arrival, snapshot: Snapshot) -> list[str]:
        if self._simulation is None:
            raise RuntimeError("the oracle was shown no simulation")
        found: list[tuple[bool, float, float, str]] = []
        places = {name: one for name, one in self._simulation.deployments.items() if _may(arrival, one)}
        for name, deployment in places.items():
            own = deployment.own_cost is not None
            if own and len(places) > 1 and snapshot.of(name).in_flight >= self._most:
                continue
            chance = chance_at(self._simulation.seed, arrival, name)
            seen = self._simulation.server(name, 0).foresee(arrival.prompt_tokens, arrival.output_tokens, chance)
            if seen is not None:
                found.append(
                    (
                        not self._keeps(arrival, seen, CAUTION if own else 1.0),
                        _usd(arrival, deployment),
                        seen.total_s,
                        name,
                    )
                )
        return [name for *_, name in sorted(found)]

    def _keeps(self, arrival: Arrival, seen: Foreseen, share: float) -> bool:
        """In so large a share of the objective's time for the whole."""
        stream = arrival.facts.stream
        return bool(
            kept(
                self._slo,
                Outcome.OK,
                stream=stream,
                first_output_s=seen.first_s if stream else None,
                duration_s=seen.total_s / share,
                output_tokens=arrival.output_tokens,
                held_by_caller=False,
            )
        )


def _may(arrival: Arrival, deployment: Deployment) -> bool:
    facts, room = arrival.facts, deployment.context_tokens
    return (
        deployment.clearance.covers(facts.sensitivity)
        and facts.needs <= deployment.capabilities
        and (room is None or arrival.prompt_tokens + arrival.output_tokens <= room)
    )


def _usd(arrival: Arrival, deployment: Deployment) -> float:
    usage = Usage(prompt_tokens=arrival.prompt_tokens, completion_tokens=arrival.output_tokens)
    return (cost_usd(deployment.price, usage) or 0.0) if deployment.own_cost is None else 0.0
