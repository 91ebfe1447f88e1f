"""Lateness: who is predicted to come too late for a request, and by how much.

Too late is later than the rule's objective, than the rule's deadline or than the caller's own. Where the rule promises
nothing, a queue counts too: at an own server that keeps a request waiting for others longer than its own work takes, and
longer than a small share of its deadline, the queue has no bound of its own.
"""

from collections.abc import Sequence
from math import inf

from gateway.routing.plan import Place
from gateway.values.decision import Bounds, Tier
from gateway.values.deployment import Hosting
from gateway.values.request import Facts
from gateway.values.slo import Slo, SloReading, Target
from gateway.values.snapshot import Latency, Reading

LATE_FOR_S = 60.0  # an older reading says of nobody that it will be late
LATE_FROM_SAMPLES = 5  # nor do fewer: one cold start is no measure
BURNING_LATENESS = 2.0
QUEUE_SHARE = 1 / 60  # of the deadline: who is given a minute may stand in line for a second

# place, reading, most USD, expected USD, first output in seconds, total in seconds, quality; what others there add to
# the first output, and to the total, in seconds
ScoredCandidate = tuple[
    Place, Reading, float | None, float | None, float | None, float | None, float | None, float, float
]
_TIERS = tuple(Tier)
READY, LATE, BURNING, LAST_RESORT, RESTING = map(
    _TIERS.index,
    (Tier.READY, Tier.LATE, Tier.BURNING, Tier.LAST_RESORT, Tier.RESTING),
)


def queue_tolerated_s(bounds: Bounds) -> float:
    """How long a request may wait for others where nothing else is promised and its own work takes no longer."""
    return bounds.deadline_s * QUEUE_SHARE


class LatenessBounds:
    """How late is too late for one request, in seconds. Infinite: never."""

    __slots__ = ("first_s", "pace", "queue_s", "stream", "total_s")

    def __init__(self, slo: Slo | None, bounds: Bounds, facts: Facts) -> None:
        first_s = total_s = inf
        if slo is not None:
            if slo.first_output is not None and facts.stream:
                first_s = slo.first_output.under_s
            if slo.total is not None:
                total_s = slo.total.under_s
        deadline_s, limit_s = bounds.deadline_s, bounds.first_output_s
        self.stream = facts.stream
        self.pace: Target | None = None if slo is None else slo.output_token
        self.queue_s = queue_tolerated_s(bounds) if first_s == inf and total_s == inf else inf
        if limit_s is not None and facts.stream and limit_s < first_s:
            first_s = limit_s
        self.first_s = first_s if first_s < deadline_s else deadline_s  # noqa: FURB136 - min takes three times as long
        self.total_s = total_s if total_s < deadline_s else deadline_s  # noqa: FURB136 - the same

    def tiers(self, judged: dict[str, SloReading] | None, scored: Sequence[ScoredCandidate], now: float) -> list[int]:
        """`judged`: by deployment, how the rule's objective was kept; None if it has none."""
        first_s, total_s, queue_s = self.first_s, self.total_s, self.queue_s
        ejected = {name for name, one in (judged or {}).items() if one.ejected}
        if self.pace is not None:
            return [self._tier(one, one[0].name in ejected, now) for one in scored]
        return [  # nearly always nothing speaks against anybody
            READY
            if (total is None or total <= total_s)
            and (first is None or first <= first_s)
            and queued_s <= queue_s
            and slowed_s <= queue_s
            and reading.silent_since is None
            and not reading.wait_s
            and not place.last_resort
            and reading.admissibility.rest_until is None
            and place.name not in ejected
            else self._tier(
                (place, reading, most, expected, first, total, quality, queued_s, slowed_s),
                place.name in ejected,
                now,
            )
            for place, reading, most, expected, first, total, quality, queued_s, slowed_s in scored
        ]

    def _tier(self, one: ScoredCandidate, ejected: bool, now: float) -> int:  # noqa: FBT001 - by position where it is quick
        if one[1].admissibility.rests(now):
            return RESTING
        if one[0].last_resort:
            return LAST_RESORT
        if ejected:
            return BURNING
        return LATE if self._is_late(one, now) else READY

    def _is_late(self, one: ScoredCandidate, now: float) -> bool:
        place, reading, _, _, first, total, _, queued_s, slowed_s = one
        latency, least_s = reading.latency, min(self.first_s, self.total_s)
        alone_s = 0.0 if first is None else first - queued_s
        alone_in_all_s = 0.0 if total is None else total - slowed_s
        own_s = alone_s if self.stream and first is not None else alone_in_all_s
        if reading.wait_s is not None and reading.wait_s > min(least_s, max(self.queue_s, own_s)):
            return True
        if reading.silent_since is not None and _queues(place):
            queued_at_least_s = now - reading.silent_since - alone_s
            if now - reading.silent_since > least_s or queued_at_least_s > max(self.queue_s, alone_s):
                return True
        if latency is None or latency.samples < LATE_FROM_SAMPLES or latency.measured_at < now - LATE_FOR_S:
            return False
        return (
            (first is not None and first > self.first_s)
            or (total is not None and total > self.total_s)
            or (self.stream and queued_s > max(self.queue_s, alone_s))
            or slowed_s > max(self.queue_s, alone_in_all_s)
            or (self.pace is not None and _is_slow(latency, reading.in_flight, self.pace))
        )

    def times(self, one: ScoredCandidate, now: float) -> float:
        """How many times as long as it may it is predicted to take; 0 if nothing is predicted."""
        place, reading, _, _, first, total, _, _, _ = one
        silent_s = now - reading.silent_since if reading.silent_since is not None and _queues(place) else 0.0
        wait_s = max(reading.wait_s or 0.0, silent_s)
        whole = max(total or 0.0, wait_s) / self.total_s
        return max(whole, max(first or 0.0, wait_s) / self.first_s) if self.stream else whole

    def least_late(self, one: ScoredCandidate, tier: int, now: float) -> float:
        """What counts where nobody is ready; who burned the budget, like one that takes twice the time."""
        times = self.times(one, now)
        return times if tier == LATE else max(times, BURNING_LATENESS)


def _queues(place: Place) -> bool:
    """Whether who comes next waits for who waits: at an own server; a provider's requests do not know of each other."""
    return place.deployment.hosting is Hosting.SELF_HOSTED


def _is_slow(latency: Latency, in_flight: int, target: Target) -> bool:
    """Whether its pace alone misses the objective."""
    pace_s = latency.pace_s(in_flight, target.percentile)
    return pace_s is not None and pace_s > target.under_s
