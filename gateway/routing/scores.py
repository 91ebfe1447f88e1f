"""Scores: how good an eligible deployment is by the rule's objective, in [0, 1], from numbers that stand beside it.

Cost and latency are relative to the best of the candidates: half the score is twice the price, or twice the time.
Quality is what it is. Load is one over the requests it would then have.
"""

from collections.abc import Sequence

import msgspec

from gateway.values.decision import Decision

Mix = tuple[float, float, float, float]  # cost, latency, quality, load; they add up to 1
Column = Sequence[float | None]  # one number for each candidate; None is unknown


class Parts(msgspec.Struct, frozen=True):
    """The parts of one score; None where nothing is known of it."""

    cost: float | None
    latency: float | None
    quality: float | None
    load: float | None


def total_scores(mix: Mix, columns: Sequence[Column]) -> list[float | None]:
    """One for each candidate; None where a part that the mix weighs is unknown.

    `columns`: what they cost in USD, how long they take in seconds, their quality in [0, 1], their requests in flight.
    """
    by_cost, by_latency, by_quality, by_load = mix
    if by_cost == 1.0:
        return _to_least(columns[0])
    count = len(columns[0])
    costs = _to_least(columns[0]) if by_cost else [0.0] * count
    times = _to_least(columns[1]) if by_latency else [0.0] * count
    qualities = columns[2] if by_quality else [0.0] * count
    loads = _idle(columns[3]) if by_load else [0.0] * count
    return [
        None
        if cost is None or time is None or quality is None or load is None
        else by_cost * cost + by_latency * time + by_quality * quality + by_load * load
        for cost, time, quality, load in zip(costs, times, qualities, loads, strict=True)
    ]


def _to_least(column: Column) -> list[float | None]:
    """The least over each; 1 for what is 0."""
    least = min([one for one in column if one is not None], default=0.0)
    return [None if one is None else least / one if one else 1.0 for one in column]


def _idle(column: Column) -> list[float | None]:
    return [None if one is None else 1.0 / (1.0 + one) for one in column]


def parts(decision: Decision) -> dict[str, Parts]:
    """By deployment, the parts that its candidates' scores were made of."""
    eligible = [one for one in decision.candidates if one.rank is not None and one.reading is not None]
    stream = decision.facts.stream
    costs = _to_least([one.expected_usd for one in eligible])
    times = _to_least([waited_s(one.first_output_s, one.total_s, stream=stream) for one in eligible])
    loads = _idle([one.reading.in_flight if one.reading is not None else None for one in eligible])
    return {
        candidate.deployment: Parts(cost, latency, candidate.quality, load)
        for candidate, cost, latency, load in zip(eligible, costs, times, loads, strict=True)
    }


def waited_s(first_output_s: float | None, total_s: float | None, *, stream: bool) -> float | None:
    """What this kind of request waits for: a stream for its first output, else the whole answer; else what is known."""
    if stream:
        return total_s if first_output_s is None else first_output_s
    return first_output_s if total_s is None else total_s
