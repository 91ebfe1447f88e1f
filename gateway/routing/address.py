"""Which of a deployment's addresses an attempt goes to, from what is known of them now."""

import functools

from gateway.routing.affinity import pick
from gateway.routing.chance import hashed
from gateway.routing.progress import LiveState, Progress
from gateway.values.deployment import Deployment


def choose_address(known: LiveState, course: Progress, deployment: Deployment, now: float) -> int | None:
    """Its position; one that this request has not tried, while there is one. None where there is nothing to choose."""
    workers = known.workers.of(deployment.name)
    if len(workers) < 2:
        return 0 if workers else None
    name, decision = deployment.name, course.decision
    tried = {address for tried_name, address in course.tried if tried_name == name}
    latency, salts = known.of(name).latency, _salts(deployment.addresses)
    if len(tried) == len(workers):
        tried = set()
    return pick(workers, salts, decision.facts, latency, seed=decision.seed, now=now, tried=tried)


@functools.lru_cache(maxsize=1024)
def _salts(addresses: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(hashed(address) for address in addresses)
