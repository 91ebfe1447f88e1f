"""Who plays in the lab: whatever decides, and policies, as their plans decide."""

from collections.abc import Callable

import msgspec

from gateway.insight.chooser import Chooser, Planned
from gateway.insight.lab.scenarios import Scenario
from gateway.insight.simulate import Simulation
from gateway.providers.vendors import FIELDS
from gateway.routing.compile import compile_plan
from gateway.routing.document import Policy
from gateway.routing.plan import Plan
from gateway.values.decision import Bounds
from gateway.values.deployment import Catalogue

BOUNDS = Bounds(deadline_s=60.0, max_attempts=3)  # as a policy has them that says nothing of limits

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


def _plan(policy: Policy, catalogue: Catalogue, number: int) -> Plan:
    return compile_plan(policy, catalogue, number=number, default_deadline_s=BOUNDS.deadline_s, vendors=FIELDS)
