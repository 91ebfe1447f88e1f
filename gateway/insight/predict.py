"""Where the behaviour of each deployment comes from: from the operator, else from the journal, else it is the usual one."""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec.structs import replace

from gateway.insight.assumed import assumed
from gateway.insight.fit import ASSUMED_OFF, Fit, fit
from gateway.insight.sample import Sample
from gateway.insight.simulate import NOTHING_SAYS
from gateway.insight.traffic import Traffic
from gateway.insight.world import Unpredictable, World
from gateway.routing.plan import Plan, Split
from gateway.values.deployment import Deployment


class Predicted(msgspec.Struct, frozen=True):
    """The world of a simulation; `fits` are those of its deployments that were fitted, or had to be assumed."""

    world: World
    fits: dict[str, Fit] = {}


def predict(
    given: World | None,
    samples: Mapping[str, Sequence[Sample]] | None,
    deployments: Mapping[str, Deployment],
    reached: frozenset[str],
) -> Predicted:
    """The world with all deployments that are reached. What is given is taken as it is; `samples` None: no journal.

    Where a journal shows next to nothing of a deployment its behaviour is assumed, and in doubt. Raises Unpredictable
    without a journal, with all those of which nothing is said, and a world to begin with.
    """
    behaviours = {} if given is None else dict(given.deployments)
    asked = sorted(reached - behaviours.keys())
    fits = {name: fit(deployments[name], (samples or {}).get(name, ())) for name in asked}
    behaviours |= {name: one.behaviour for name, one in fits.items() if one.behaviour is not None}
    known = list(behaviours.values())
    for name, one in fits.items():
        if one.behaviour is None:
            behaviours[name], whence = assumed(deployments[name], known)
            fits[name] = replace(one.doubted(whence, ASSUMED_OFF), behaviour=behaviours[name])
    world = World(deployments=behaviours)
    if samples is None and asked:
        raise Unpredictable(dict.fromkeys(asked, NOTHING_SAYS), world)
    return Predicted(world, fits)


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
