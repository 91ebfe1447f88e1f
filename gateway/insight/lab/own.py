"""The lab's scenarios over deployments of one's own, each of which takes the part of one of the lab's.

`home` is the first with hardware of its own, `cloud` the cheapest of the others by its prices, `cloud-2` the dearest. A
scenario in which something happens to a part that nobody can take is left out.
"""

from collections.abc import Mapping

from msgspec.structs import replace

from gateway.insight.assumed import assumed
from gateway.insight.lab.scenarios import CLOUD, CLOUD_2, HOME, Scenario, scenarios
from gateway.insight.world import Behaviour, World
from gateway.values.deployment import Catalogue, Deployment, Price

Parts = Mapping[str, str]  # who takes which part


def pool_of(catalogue: Catalogue, model: str) -> Catalogue:
    """The deployments of one model, and that model."""
    of = catalogue.models[model]
    return Catalogue(deployments={name: catalogue.deployments[name] for name in of.deployments}, models={model: of})


def parts_of(pool: Catalogue) -> dict[str, str]:
    """Raises ValueError with the name of a deployment of which it is not known what it costs."""
    every = pool.deployments.values()
    for one in every:
        if one.own_cost is None and (one.price is None or _usd(one) is None):
            raise ValueError(one.name)
    own = [one.name for one in every if one.own_cost is not None]
    theirs = [one.name for one in sorted(every, key=lambda one: _usd(one) or 0.0) if one.own_cost is None]
    return {
        **({HOME: own[0]} if own else {}),
        **({CLOUD: theirs[0]} if theirs else {}),
        **({CLOUD_2: theirs[-1]} if len(theirs) > 1 else {}),
    }


def over(pool: Catalogue, given: World | None, model: str) -> tuple[dict[str, Scenario], list[str]]:
    """The scenarios by name, and the names of those that are left out. What `given` does not say of a deployment is assumed."""
    parts = parts_of(pool)
    behaviours = (
        {} if given is None else {name: one for name, one in given.deployments.items() if name in pool.deployments}
    )
    known = list(behaviours.values())
    for name, deployment in pool.deployments.items():
        if name not in behaviours:
            behaviours[name], _ = assumed(deployment, known)
    every = scenarios()
    usual = every["calm"].world.deployments
    found = {
        name: _over(one, pool, parts, behaviours, usual, model)
        for name, one in every.items()
        if _touched(one, usual) <= parts.keys()
    }
    return found, [name for name in every if name not in found]


def _touched(scenario: Scenario, usual: Mapping[str, Behaviour]) -> set[str]:
    """The parts to which something happens."""
    others = {name for name, one in scenario.world.deployments.items() if one != usual[name]}
    return others | {name for _, name, _ in scenario.prices}


def _over(  # noqa: PLR0913, PLR0917 - what a scenario is made of
    scenario: Scenario,
    pool: Catalogue,
    parts: Parts,
    behaviours: Mapping[str, Behaviour],
    usual: Mapping[str, Behaviour],
    model: str,
) -> Scenario:
    world = dict(behaviours)
    for part, name in parts.items():
        there = scenario.world.deployments[part]
        its = replace(world[name], episodes=[*world[name].episodes, *there.episodes])
        if there.commercial != usual[part].commercial and its.commercial is not None and there.commercial is not None:
            its = replace(its, commercial=replace(its.commercial, limits=there.commercial.limits))
        world[name] = its
    slow = None if scenario.slow is None else (parts[scenario.slow[0]], *scenario.slow[1:])
    return replace(
        scenario,
        kind=replace(scenario.kind, model=model),
        world=World(deployments=world),
        catalogue=pool,
        prices=tuple((at, parts[name], _lower(pool.deployments[parts[CLOUD]])) for at, name, _ in scenario.prices),
        slow=slow,
    )


_LOWER = 0.4  # than the cheapest, as in the lab's own pool


def _lower(cheapest: Deployment) -> Price:
    price = cheapest.price or Price(input_usd_per_mtok=0.0, output_usd_per_mtok=0.0)
    return Price(
        input_usd_per_mtok=(price.input_usd_per_mtok or 0.0) * _LOWER,
        output_usd_per_mtok=(price.output_usd_per_mtok or 0.0) * _LOWER,
    )


def _usd(deployment: Deployment) -> float | None:
    price = deployment.price
    if price is None or price.input_usd_per_mtok is None or price.output_usd_per_mtok is None:
        return None
    return price.input_usd_per_mtok + price.output_usd_per_mtok
