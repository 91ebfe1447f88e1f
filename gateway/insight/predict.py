"""Where the behaviour of each deployment comes from: what the operator says of it, else what the journal shows of it."""

from collections.abc import Mapping, Sequence

import msgspec

from gateway.insight.fit import Fit, fit
from gateway.insight.sample import Sample
from gateway.insight.simulate import NOTHING_SAYS
from gateway.insight.traffic import Traffic
from gateway.insight.world import Unpredictable, World
from gateway.routing.plan import Plan, Split
from gateway.values.deployment import Deployment


class Predicted(msgspec.Struct, frozen=True):
    """The world of a simulation; `fits` are those of its deployments that were fitted."""

    world: World
    fits: dict[str, Fit] = {}


def predict(
    given: World | None,
    samples: Mapping[str, Sequence[Sample]] | None,
    deployments: Mapping[str, Deployment],
    reached: frozenset[str],
) -> Predicted:
    """The world with all deployments that are reached. What is given is taken as it is; `samples` None: no journal.

    Raises Unpredictable, with all those of which nothing can be said.
    """
    behaviours = {} if given is None else dict(given.deployments)
    fits = {} if samples is None else {
        name: fit(deployments[name], samples.get(name, ())) for name in sorted(reached - behaviours.keys())
    }  # fmt: skip
    behaviours |= {name: one.behaviour for name, one in fits.items() if one.behaviour is not None}
    if unknown := sorted(reached - behaviours.keys()):
        refused = {name: one.refused for name, one in fits.items()}
        raise Unpredictable({name: refused.get(name) or NOTHING_SAYS for name in unknown})
    return Predicted(World(deployments=behaviours), fits)


def reached_by(plans: Sequence[Plan], traffic: Traffic) -> frozenset[str]:
    """The deployments that any of this traffic can go to, whatever is known of them at the time."""
    found: set[str] = set()
    for plan in plans:
        seen: dict[int, Split] = {}  # classes of requests that were looked at
        for arrival in traffic.requests:
            rule, facts = plan.match(arrival.facts, arrival.at), arrival.facts
            if facts.model in rule.pools and not rule.refuse:
                split = rule.split(facts)
                if id(split) not in seen:
                    seen[id(split)] = split
                    found |= {place.name for place in split.eligible}
    return frozenset(found)
