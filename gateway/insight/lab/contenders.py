"""Who plays in the lab: policies, as their plans decide, and the strategies of other gateways in their best settings."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from gateway.insight.chooser import Chooser, Planned
from gateway.insight.lab.rival import Picks, Rival
from gateway.insight.lab.scenarios import CLOUD, CLOUD_2, HOME, Scenario
from gateway.insight.lab.strategies import (
    InOrder,
    LeastBusy,
    LowestCost,
    LowestLatency,
    RoundRobin,
    WeightedShuffle,
)
from gateway.insight.simulate import Simulation
from gateway.providers.vendors import FIELDS
from gateway.routing.compile import compile_plan
from gateway.routing.document import Policy
from gateway.routing.plan import Plan
from gateway.values.decision import Bounds
from gateway.values.deployment import Catalogue

BOUNDS = Bounds(deadline_s=60.0, max_attempts=3)  # as a policy has them that says nothing of limits
_PARTS = {HOME: HOME, CLOUD: CLOUD, CLOUD_2: CLOUD_2}
_NOBODY: tuple[str, ...] = ()

Prepare = Callable[[Simulation], None]


class Contender(msgspec.Struct, frozen=True):
    """`enters` gives what decides in a scenario, new each time, and what has to be done before it is played."""

    name: str
    is_policy: bool
    enters: Callable[[Scenario], tuple[Chooser, Prepare]]
    policy: Policy | None = None


def of_policy(name: str, policy: Policy) -> Contender:
    """A policy that was checked against the scenarios' catalogue. It is compiled anew when prices change."""

    def enters(scenario: Scenario) -> tuple[Chooser, Prepare]:
        planned = Planned(_plan(policy, scenario.catalogue, 1), name)

        def prepare(simulation: Simulation) -> None:
            def compiled_anew(number: int) -> None:
                models = scenario.catalogue.models
                planned.plan = _plan(policy, Catalogue(deployments=dict(simulation.deployments), models=models), number)

            for number, (at, _, _) in enumerate(scenario.prices, 2):
                simulation.clock.at(simulation.clock.now + at, compiled_anew, number)

        return planned, prepare

    return Contender(name, True, enters, policy)


def rivals(parts: Mapping[str, str] = _PARTS, names: Sequence[str] = tuple(_PARTS)) -> list[Contender]:
    """The strategies of other gateways. `parts`: who takes the parts of the lab's deployments, `names` all that there are.

    Those that spread requests are played over all three deployments and with the dearest in reserve, as neither is better
    everywhere. The lowest cost is given a limit of 60 requests a minute for the own server, the best of 30, 60, 90, 120 and
    none; the lowest latency no buffer, the better of none and a half; each the reserve where that is better for it.
    """
    even = dict.fromkeys(names, 1.0)
    limits = {parts[HOME]: (60.0, float("inf"))} if HOME in parts else {}
    reserve = (parts[CLOUD_2],) if CLOUD_2 in parts else _NOBODY  # a group of its own that others fall back to
    return [
        *_spread("weighted shuffle", lambda: WeightedShuffle(even), reserve),
        *_spread("least busy", LeastBusy, reserve),
        *_spread("round robin", RoundRobin, reserve),
        _rival("lowest latency, reserve", lambda: LowestLatency(0.0), reserve),
        _rival("lowest cost, limit", lambda: LowestCost(limits), _NOBODY),
        _rival("in order", InOrder, _NOBODY),
    ]


def _spread(name: str, picks: Callable[[], Picks], reserve: Sequence[str]) -> list[Contender]:
    return [_rival(name, picks, _NOBODY), *([_rival(f"{name}, reserve", picks, reserve)] if reserve else [])]


def _rival(name: str, picks: Callable[[], Picks], reserve: Sequence[str]) -> Contender:
    def enters(scenario: Scenario) -> tuple[Chooser, Prepare]:
        rival = Rival(name, picks(), reserve=reserve, bounds=BOUNDS, slo=scenario.slo)
        return rival, rival.see

    return Contender(name, False, enters)


def _plan(policy: Policy, catalogue: Catalogue, number: int) -> Plan:
    return compile_plan(policy, catalogue, number=number, default_deadline_s=BOUNDS.deadline_s, vendors=FIELDS)
