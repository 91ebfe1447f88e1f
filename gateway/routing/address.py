"""Which of a deployment's several addresses an attempt goes to. Pure; the same inputs give the same address (law 14).

The decision says where its first attempt goes. While nothing is read otherwise of these addresses, it goes there; else, and
for every later attempt there, an address is chosen from what is known then, which goes on the attempt's record.
"""

import functools
from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from gateway.routing.affinity import pick
from gateway.routing.chance import hashed
from gateway.values.decision import Decision
from gateway.values.deployment import Deployment
from gateway.values.request import Facts
from gateway.values.snapshot import UNREAD, Reading
from gateway.values.worker import AddressesSeen, WorkerReading


class NextAddress(NamedTuple):
    """`position`: None where there is nothing to choose, and nothing is read of the only one. `seen`: what it was chosen from,
    None where the decision says it or there is one address.
    """

    position: int | None
    seen: AddressesSeen | None = None


def first_address(deployment: Deployment, reading: Reading, facts: Facts, *, seed: int, now: float) -> int | None:
    """Where the first attempt of a decision goes; None where the deployment has not several addresses."""
    if len(reading.workers) < 2:
        return None
    return pick(reading.workers, _salts(deployment.addresses), facts, reading.latency, seed=seed, now=now)


def next_address(
    decision: Decision,
    deployment: Deployment,
    workers: Sequence[WorkerReading],
    tried: Sequence[tuple[str, int]],
    now: float,
) -> NextAddress:
    """Where the next attempt goes: one that this request has not `tried`, as (deployment, position), while there is one.

    `workers` are the addresses as they are read now, `now` is seconds since the epoch.
    """
    if len(workers) < 2:
        return NextAddress(0 if workers else None)
    name, read = deployment.name, tuple(workers)
    before = {address for one, address in tried if one == name}
    is_first = not before and decision.address is not None and name == decision.attempts[0]
    if is_first and _reading(decision, name).workers == read:
        return NextAddress(decision.address)
    tried_here = tuple(sorted(before)) if len(before) < len(read) else ()
    seen = AddressesSeen(now, read, decision.facts.prompt_tokens, tried_here)
    return NextAddress(chosen_again(decision, deployment, seen), seen)


def chosen_again(decision: Decision, deployment: Deployment, seen: AddressesSeen) -> int | None:
    """The address that is chosen from these: that of the attempt which they are on record of."""
    latency, salts = _reading(decision, deployment.name).latency, _salts(deployment.addresses)
    facts = decision.facts
    if facts.prompt_tokens != seen.prompt_tokens:  # it was of a part of the request
        facts = replace(facts, prompt_tokens=seen.prompt_tokens)
    return pick(seen.workers, salts, facts, latency, seed=decision.seed, now=seen.at, tried=seen.tried)


def _reading(decision: Decision, deployment: str) -> Reading:
    found = next((one.reading for one in decision.candidates if one.deployment == deployment), None)
    return UNREAD if found is None else found


@functools.lru_cache(maxsize=1024)
def _salts(addresses: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(hashed(address) for address in addresses)
