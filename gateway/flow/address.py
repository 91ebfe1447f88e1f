"""Which of a deployment's addresses an attempt goes to, from what is known of them now."""

import functools

from gateway.flow.story import Story
from gateway.routing.affinity import pick
from gateway.routing.chance import hashed
from gateway.state.readings import Readings
from gateway.values.deployment import Deployment


def go_to_address(readings: Readings, story: Story, deployment: Deployment, now: float) -> tuple[int | None, float]:
    """The address, which is told of the attempt, and the seconds of wait that it has to expect there."""
    address, name = _chosen(readings, story, deployment, now), deployment.name
    if address is None:
        return None, 0.0
    wait_s = readings.workers.of(name)[address].wait_s(now)
    readings.workers.began(name, address)
    story.tried.append((name, address))
    return address, wait_s or 0.0


def _chosen(readings: Readings, story: Story, deployment: Deployment, now: float) -> int | None:
    """Its position; one that this request has not tried, while there is one. None where there is nothing to choose."""
    workers = readings.workers.of(deployment.name)
    if len(workers) < 2:
        return 0 if workers else None
    name, decision = deployment.name, story.decision
    tried = {address for tried_name, address in story.tried if tried_name == name}
    latency, salts = readings.of(name).latency, _salts(deployment.addresses)
    if len(tried) == len(workers):
        tried = set()
    return pick(workers, salts, decision.facts, latency, seed=decision.seed, now=now, tried=tried)


@functools.lru_cache(maxsize=1024)
def _salts(addresses: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(hashed(address) for address in addresses)
