"""One address of a deployment, as it was read: how full it is, and how long a request would wait there.

Gauges that are older than `STALE_AFTER_S` are none: neither full nor idle (law 13).
"""

import enum

import msgspec

from gateway.values.headroom import LONGEST_HOLD_S

STALE_AFTER_S = 5.0


class WorkerHealth(enum.Enum):
    """What is known of an address's ability to answer."""

    UNKNOWN = "unknown"
    UP = "up"
    DOWN = "down"


class VllmMetrics(msgspec.Struct, frozen=True, gc=False):
    """Of all engines together. Counters count since the server's start; None: it does not say.

    `waiting` are requests that wait for capacity, `kv_use` is in [0, 1], the mean of the engines. Prefix cache counters
    are tokens since 0.8.5, blocks before: their ratio is the same thing.
    """

    running: int
    waiting: int
    kv_use: float | None = None
    preemptions: float | None = None
    prefix_queries: float | None = None
    prefix_hits: float | None = None
    ended: float | None = None
    prompt_tokens: float | None = None
    output_tokens: float | None = None


class Gauges(msgspec.Struct, frozen=True, gc=False):
    """What vLLM says of itself at `read_at`, seconds since the epoch. None: it does not say.

    `own` is how many of the gateway's own requests were there then. `seats`: how many run at once: those that run if
    others wait for them, else those that did when that was last so. `ended_per_s`: requests that end in a second while
    it is full. `preempting`: it threw requests out since the reading before. `hit_share`: of the prompt tokens lately
    looked up in its prefix cache, those that were there.
    """

    read_at: float
    running: int
    waiting: int  # for capacity; those that wait for something else (a grammar, a transfer) are not counted
    kv_use: float | None = None
    preempting: bool = False
    own: int = 0
    seats: int | None = None
    ended_per_s: float | None = None
    hit_share: float | None = None


class WorkerReading(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One address. `in_flight` are the gateway's own requests that are there now.

    Until `suspect_until`, seconds since the epoch, it is left alone if others can answer: it just failed, or did not
    answer when it was asked how it is.
    """

    health: WorkerHealth = WorkerHealth.UNKNOWN
    in_flight: int = 0
    suspect_until: float = 0.0
    gauges: Gauges | None = None

    def rank(self, now: float) -> int:
        """0 if nothing is known against it, 1 if it is suspect, 2 if it is down. Lower ones are asked first."""
        if self.health is WorkerHealth.DOWN:
            return 2
        return 1 if now < self.suspect_until <= now + LONGEST_HOLD_S else 0  # a clock set back holds nobody

    def read(self, now: float) -> Gauges | None:
        """The gauges if they are fresh."""
        gauges = self.gauges
        return gauges if gauges is not None and now - gauges.read_at <= STALE_AFTER_S else None

    def estimate(self, now: float) -> tuple[float | None, int] | None:
        """The wait in seconds, and the requests that are there. None without fresh gauges.

        There are those that vLLM counted, and those of the gateway's own that came or went since. The next request waits
        for a seat: not at all while `there < seats`, or if nobody was seen to wait yet; else
        `(there - seats + 1) / ended_per_s`, which is None if nothing is known of how fast requests end.
        """
        gauges = self.gauges
        if gauges is None or now - gauges.read_at > STALE_AFTER_S:
            return None
        there = max(gauges.running + gauges.waiting + self.in_flight - gauges.own, self.in_flight)
        seats = gauges.seats
        if seats is None or there < seats:
            return 0.0, there
        return ((there - seats + 1) / gauges.ended_per_s if gauges.ended_per_s else None), there

    def load(self, now: float) -> int:
        """Requests that are there; without fresh gauges the gateway's own, as far as is known."""
        found = self.estimate(now)
        return self.in_flight if found is None else found[1]

    def wait_s(self, now: float) -> float | None:
        """Seconds until the next request sent there would start to be worked on. None if that is not known."""
        found = self.estimate(now)
        return None if found is None else found[0]


class AddressesSeen(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What an attempt's address was chosen from, where that was not its decision: the deployment's addresses as they were read
    `at` that time, seconds since the epoch, the tokens of the prompt (of a part of a request, its own), and the positions of
    those that the request had tried.
    """

    at: float
    workers: tuple[WorkerReading, ...]
    prompt_tokens: int
    tried: tuple[int, ...] = ()


def least_wait_s(workers: tuple[WorkerReading, ...], now: float) -> float | None:
    """The shortest wait at an address that may be asked; None if no wait is known."""
    waits = [one.wait_s(now) for one in workers if one.health is not WorkerHealth.DOWN]
    return min((wait for wait in waits if wait is not None), default=None)
