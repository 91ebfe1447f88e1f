"""Strategies that other gateways use, re-stated from their documents and code (LiteLLM's `router_strategy`, above all).

They are given what their operators can give them: weights, limits a minute, prices, a reserve. Where one is known to have
a defect, the re-statement has not: the window of latencies holds the newest ten, and limits count what is under way.
"""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from statistics import fmean

from gateway.cli.rivals.rival import TOO_LATE, PoolView
from gateway.routing.chance import hashed, shares
from gateway.values.outcome import Outcome
from gateway.values.records import Attempt

_MINUTE_S = 60.0
_NEWEST = 10  # latencies
_PENALTY_S = 1000.0  # for a timeout


class _Forgetful:
    """Learns nothing."""

    def learn(self, attempt: Attempt, now: float) -> None:
        """Nothing."""


class InOrder(_Forgetful):
    """The operator's order: a primary one, and what it falls back to."""

    @staticmethod
    def order(seen: PoolView) -> Sequence[str]:
        """As it is."""
        return seen.pool


class RoundRobin(_Forgetful):
    """Each in its turn."""

    def __init__(self) -> None:
        self._turn = 0

    def order(self, seen: PoolView) -> Sequence[str]:
        """From the next one on."""
        self._turn += 1
        at = self._turn % len(seen.pool)
        return [*seen.pool[at:], *seen.pool[:at]]


class WeightedShuffle(_Forgetful):
    """By chance, in proportion to weights."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        self._weights = weights

    def order(self, seen: PoolView) -> Sequence[str]:
        """Drawn without putting back."""
        drawn = shares(seen.arrival.seed, [hashed(f"shuffle/{name}") for name in seen.pool])
        keys = {name: -math.log(share) / self._weights[name] for name, share in zip(seen.pool, drawn, strict=True)}
        return sorted(seen.pool, key=keys.__getitem__)


class LeastBusy(_Forgetful):
    """Where the fewest requests are under way."""

    @staticmethod
    def order(seen: PoolView) -> Sequence[str]:
        """By that; those with as many in the operator's order."""
        return sorted(seen.pool, key=lambda name: seen.snapshot.of(name).in_flight)


class LowestLatency:
    """Where the newest ten requests waited the least, in the mean: for the first output, or per token of a whole answer.

    Of those within `buffer` of the lowest one is drawn. One that nobody has asked yet comes first.
    """

    def __init__(self, buffer: float) -> None:
        self._buffer = buffer
        self._waits: dict[tuple[str, bool], deque[float]] = {}

    def order(self, seen: PoolView) -> Sequence[str]:
        """By that."""
        stream = seen.arrival.facts.stream
        means = {name: fmean(self._waits.get((name, stream), (0.0,))) for name in seen.pool}
        near = min(means.values()) * (1 + self._buffer)
        drawn = shares(seen.arrival.seed, [hashed(f"latency/{name}") for name in seen.pool])
        keys = {
            name: (0.0, share) if means[name] <= near else (means[name], share)
            for name, share in zip(seen.pool, drawn, strict=True)
        }
        return sorted(seen.pool, key=keys.__getitem__)

    def learn(self, attempt: Attempt, _: float) -> None:
        """A timeout counts as a very long time."""
        if attempt.outcome in TOO_LATE:
            self._add(attempt, _PENALTY_S, stream=True)
            self._add(attempt, _PENALTY_S, stream=False)
        elif attempt.outcome is Outcome.OK and attempt.first_output_s is not None:
            self._add(attempt, attempt.first_output_s, stream=True)
        elif attempt.outcome is Outcome.OK and attempt.usage is not None:
            self._add(attempt, attempt.duration_s / attempt.usage.completion_tokens, stream=False)

    def _add(self, attempt: Attempt, seconds: float, *, stream: bool) -> None:
        self._waits.setdefault((attempt.deployment, stream), deque(maxlen=_NEWEST)).append(seconds)


class LowestCost(_Forgetful):
    """The cheapest that has not had the requests or the tokens that its operator allows it in this minute.

    `limits`: requests and tokens a minute. Own hardware, which is paid anyway, is the cheapest.
    """

    def __init__(self, limits: Mapping[str, tuple[float, float]]) -> None:
        self._limits = limits
        self._minute = 0
        self._used: dict[str, tuple[int, int]] = {}

    def order(self, seen: PoolView) -> Sequence[str]:
        """By price for a token in and one out; those that are used up come last."""
        minute = int(seen.snapshot.now // _MINUTE_S)
        if minute != self._minute:
            self._minute, self._used = minute, {}
        tokens = seen.arrival.facts.prompt_tokens
        ranked = sorted(seen.pool, key=lambda name: (not self._may(name, tokens), _price(seen, name)))
        had, had_tokens = self._used.get(ranked[0], (0, 0))
        self._used[ranked[0]] = had + 1, had_tokens + tokens
        return ranked

    def _may(self, name: str, tokens: int) -> bool:
        most, most_tokens = self._limits.get(name, (math.inf, math.inf))
        had, had_tokens = self._used.get(name, (0, 0))
        return had + 1 <= most and had_tokens + tokens <= most_tokens


def _price(seen: PoolView, name: str) -> float:
    price = seen.deployments[name].price
    return 0.0 if price is None else (price.input_usd_per_mtok or 0.0) + (price.output_usd_per_mtok or 0.0)
