"""Scores: how good an eligible deployment is by the rule's objective, in [0, 1], from numbers that stand beside it.

Cost and latency are relative to the best of the candidates: half the score is twice the price, or twice the time.
Quality is what it is. Load is one over the requests it would then have.
"""

from collections.abc import Sequence
from typing import Any

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


def known_scores(mix: Mix, columns: Sequence[Sequence[Any]]) -> list[float] | None:
    """What `total_scores` gives where all is known and nothing is free; else None. Every request comes by here."""
    by_cost, by_latency, by_quality, by_load = mix
    try:
        if by_cost == 1.0:
            least_usd = min(columns[0])
            return [least_usd / cost for cost in columns[0]]
        ones = (1.0,) * len(columns[0])
        weighed: list[Any] = [column if by else ones for by, column in zip(mix, columns, strict=True)]
        least_usd, least_s = min(weighed[0]), min(weighed[1])
        return [
            by_cost * (least_usd / cost) + by_latency * (least_s / time) + by_quality * quality + by_load / (1.0 + load)
            for cost, time, quality, load in zip(*weighed, strict=True)
        ]
    except (TypeError, ValueError, ZeroDivisionError):  # something is None, there is nothing, something is 0
        return None


def total_scores(mix: Mix, columns: Sequence[Column]) -> list[float | None]:
    """One for each candidate; None where a part that the mix weighs is unknown.

    `columns`: what they cost in USD, how long they take in seconds, their quality in [0, 1], their requests in flight.
    """
    ones = [1.0] * len(columns[0])
    costs, times, qualities, in_flight = (column if by else ones for by, column in zip(mix, columns, strict=True))
    return [
        None
        if cost is None or time is None or quality is None or load is None
        else mix[0] * cost + mix[1] * time + mix[2] * quality + mix[3] * load
        for cost, time, quality, load in zip(
            _to_least(costs), _to_least(times), qualities, _idle(in_flight), strict=True
        )
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
