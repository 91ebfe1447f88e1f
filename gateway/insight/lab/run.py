"""The lab's run: each scenario, played by the oracle and by every contender."""

from collections.abc import Callable, Sequence

from gateway.insight.chooser import Chooser
from gateway.insight.lab.contenders import BOUNDS, Contender, Prepare
from gateway.insight.lab.oracle import MOST, Oracle
from gateway.insight.lab.results import MISS_USD, Lab, PlayedScenario, Score, against, penalised_usd, recovery, score_of
from gateway.insight.lab.scenarios import Scenario, with_price
from gateway.insight.measure import Measured, measured
from gateway.insight.rows import RequestRow
from gateway.insight.run import Side, play
from gateway.insight.simulate import Simulation
from gateway.insight.traffic import Traffic
from gateway.routing.document import Policy
from gateway.values.deployment import Price


def run_lab(
    scenarios: Sequence[Scenario],
    contenders: Sequence[Contender],
    *,
    seed: int = 0,
    miss_usd: float = MISS_USD,
    told: Callable[[], None] = lambda: None,
) -> Lab:
    """All scenarios; `told` hears of each run that is done: one for each contender, and one for the oracle."""
    return Lab(
        seed=seed,
        miss_usd=miss_usd,
        scenarios=tuple(_scenario(one, contenders, seed, miss_usd, told) for one in scenarios),
    )


def _scenario(
    scenario: Scenario, contenders: Sequence[Contender], seed: int, miss_usd: float, told: Callable[[], None]
) -> PlayedScenario:
    traffic = scenario.traffic(seed)
    best, best_rows = _oracle(scenario, traffic, miss_usd)
    told()
    scores: list[Score] = [
        score_of(best, best, miss_usd, is_policy=False, recovery=recovery(best_rows, scenario)),
    ]
    for one in contenders:
        chooser, prepare = one.enters(scenario)
        found, rows = _played(scenario, traffic, chooser, prepare, one.policy)
        scores.append(score_of(found, best, miss_usd, is_policy=one.is_policy, recovery=recovery(rows, scenario)))
        told()
    return PlayedScenario(
        name=scenario.name,
        sentence=scenario.sentence,
        requests=len(traffic.requests),
        scores=tuple(scores),
        against=against(scores),
    )


def _oracle(scenario: Scenario, traffic: Traffic, miss_usd: float) -> tuple[Measured, list[RequestRow]]:
    found = []
    for most in MOST:
        oracle = Oracle(scenario.slo, BOUNDS, most)
        found.append(_played(scenario, traffic, oracle, oracle.see, None))
    return min(found, key=lambda one: penalised_usd(one[0], miss_usd))


def _played(
    scenario: Scenario, traffic: Traffic, chooser: Chooser, prepare: Prepare, policy: Policy | None
) -> tuple[Measured, list[RequestRow]]:
    """All are held to the scenario's objective, whatever their own."""

    def begins(simulation: Simulation) -> None:
        def costs(what: tuple[str, Price]) -> None:
            simulation.deployments.update(with_price(simulation.deployments, *what))

        for at, name, price in scenario.prices:
            simulation.clock.at(simulation.clock.now + at, costs, (name, price))
        prepare(simulation)

    deployments = scenario.catalogue.deployments
    done = play(Side(chooser, policy), deployments, scenario.world, traffic, prepare=begins)
    objectives = {row.id: scenario.slo for row in done.rows}
    return measured(chooser.name, done.rows, deployments, objectives, done.leaks), done.rows
