"""Affinity: which address of a deployment gets an attempt. Pure; the same inputs give the same address (law 14).

What belongs together (a session, or conversations that begin alike) has a home, where its prefix is cached: the first
address of an order by rendezvous hashing, so that an address that comes or goes moves only its own. It stays at home,
else goes to the next in that order, unless the wait there exceeds the best by more than the cached prefix is worth, or
affinity alone would give the address more than its share (bounded loads: Mirrokni, Thorup, Zadimoghaddam 2018).
What has no home goes where the wait is shortest, then where the fewest requests are, then by the seed.
"""

from collections.abc import Collection, Sequence

from gateway.routing.chance import hashed, shares
from gateway.values.request import Facts
from gateway.values.snapshot import Latency
from gateway.values.worker import WorkerReading

MOST_OF_MEAN, MOST_ABOVE = 1.25, 1
PREFILL_S = 5e-5  # for a prompt token, where it was not learned; and never less: what is cached is worth something
_HIT_SHARE, _LEAST_HIT_SHARE = 0.5, 0.1  # of a prompt, where it was not learned; and never less


def home_of(facts: Facts) -> int | None:
    """32 bits that are the same for all that belongs together; None if nothing says what does."""
    return facts.prefix if facts.session is None else hashed(facts.session)


def prefix_worth_s(facts: Facts, latency: Latency | None, worker: WorkerReading, now: float) -> float:
    """Seconds of work that the cache at an address saves a prompt, as far as can be told."""
    line = latency.first_output if latency is not None else None
    per_token_s = PREFILL_S if line is None else max(line.per_prompt_token_s * line.spread.p50, PREFILL_S)
    gauges = worker.read(now)
    share = _HIT_SHARE if gauges is None or gauges.hit_share is None else max(gauges.hit_share, _LEAST_HIT_SHARE)
    return facts.prompt_tokens * per_token_s * share


def pick(  # noqa: PLR0913 - what a pick depends on
    workers: Sequence[WorkerReading],
    salts: Sequence[int],
    facts: Facts,
    latency: Latency | None,
    *,
    seed: int,
    now: float,
    tried: Collection[int] = (),
) -> int | None:
    """The position of an address that was not tried yet; None if all were. `salts` are hashes of the addresses.

    An address that is suspect is taken only if none is better, and one that is down only if all others are.
    """
    open_ones = [at for at in range(len(workers)) if at not in tried]
    if len(open_ones) < 2:
        return open_ones[0] if open_ones else None
    ranks = [workers[at].rank(now) for at in open_ones]
    least = min(ranks)
    among = open_ones
    if least != max(ranks):
        among = [at for at, rank in zip(open_ones, ranks, strict=True) if rank == least]
    if len(among) == 1:
        return among[0]
    home = home_of(facts)
    drawn = shares(seed if home is None else home, [salts[at] for at in among])
    in_order = [among[at] for at in sorted(range(len(among)), key=drawn.__getitem__)]
    waits, loads = _estimates([workers[at] for at in in_order], now)
    best = _best(waits, loads)
    if home is not None:
        most = MOST_OF_MEAN * (sum(loads) + 1) / len(loads) + MOST_ABOVE
        for place, at in enumerate(in_order[:best]):
            more_s = waits[place] - waits[best]
            if loads[place] + 1 <= most and (more_s <= 0 or more_s <= prefix_worth_s(facts, latency, workers[at], now)):
                return at
    return in_order[best]


def _best(waits: list[float], loads: list[float]) -> int:
    """The shortest wait; of several the fewest requests; of several the first."""
    best = 0
    for at in range(1, len(waits)):
        if waits[at] < waits[best] or (waits[at] == waits[best] and loads[at] < loads[best]):
            best = at
    return best


def _estimates(workers: list[WorkerReading], now: float) -> tuple[list[float], list[float]]:
    """Waits in seconds, and loads. What is not known of one is taken to be as with the others on average (law 13)."""
    waits: list[float | None] = []
    loads: list[float] = []
    unread: list[int] = []
    beside = 0  # requests of others
    for at, worker in enumerate(workers):
        found = worker.estimate(now)
        wait, load = (None, worker.in_flight) if found is None else found
        if found is None:
            unread.append(at)
        beside += load - worker.in_flight
        waits.append(wait)
        loads.append(load)
    if unread and len(unread) < len(workers):
        for at in unread:
            loads[at] += beside / (len(workers) - len(unread))
    usual = _mean(waits) if None in waits else 0.0
    return [usual if wait is None else wait for wait in waits], loads


def _mean(numbers: Sequence[float | None]) -> float:
    known = [one for one in numbers if one is not None]
    return sum(known) / len(known) if known else 0.0
