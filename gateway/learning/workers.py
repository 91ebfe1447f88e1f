"""What is known of each address of a deployment: from the attempts made there, and from what it said when it was asked.

An attempt that fails makes its address suspect at once, for a moment that doubles with each failure, so that others get
the next ones; an answer clears it. Only what is asked beside requests takes an address for down.
"""

from collections.abc import Collection, Iterable
from typing import Final

from msgspec.structs import replace

from gateway.learning.gauges import GaugeModel
from gateway.values.deployment import Deployment
from gateway.values.outcome import Outcome
from gateway.values.snapshot import UNREAD, Reading
from gateway.values.worker import STALE_AFTER_S, VllmMetrics, WorkerHealth, WorkerReading, least_wait_s

FIRST_SUSPICION_S, LONGEST_SUSPICION_S = 1.0, 8.0
REFUSALS_TO_DOWN, SILENCES_TO_DOWN = 2, 3  # in a row; a busy server may be late, a closed port is not
_FAILED = frozenset({
    Outcome.CONNECT_FAILED, Outcome.TLS_FAILED, Outcome.CONNECT_TIMEOUT, Outcome.CONNECTION_LOST, Outcome.SERVER_ERROR,
    Outcome.NO_SIGN_OF_LIFE, Outcome.FIRST_OUTPUT_TIMEOUT, Outcome.IDLE_TIMEOUT, Outcome.TOTAL_TIMEOUT, Outcome.TRUNCATED,
})  # fmt: skip
_BUSY = frozenset({Outcome.OVERLOADED, Outcome.RATE_LIMITED, Outcome.LIMIT_PASSED})
_NEVER: Final = float("inf")


class Workers:
    """One per process. Single-threaded. `now` is seconds since the epoch; an address is its position in its deployment."""

    def __init__(self) -> None:
        self._pools: dict[str, _Pool] = {}
        self._shown: list[tuple[str, _Pool]] = []

    def declare(self, deployments: Iterable[Deployment]) -> None:
        """From now on these are known. Those of one address that says nothing of itself show nothing in a reading."""
        self._pools = {one.name: _Pool(len(one.addresses)) for one in deployments if one.addresses}
        self._shown = [
            (one.name, self._pools[one.name])
            for one in deployments
            if len(one.addresses) > 1 or (one.gauges and one.addresses)
        ]
        for _, pool in self._shown:
            pool.is_shown = True

    def of(self, deployment: str) -> tuple[WorkerReading, ...]:
        """By address; empty where there is nothing to choose between and nothing to read."""
        pool = self._pools.get(deployment)
        return pool.readings() if pool is not None and pool.is_shown else ()

    def every(self, deployment: str) -> tuple[WorkerReading, ...]:
        """By address, of whatever deployment; empty for an embedded model."""
        pool = self._pools.get(deployment)
        return () if pool is None else pool.readings()

    def others_up(self, deployment: str, tried: Collection[int], now: float) -> bool:
        """Whether another address of this deployment may answer, against which nothing is known."""
        return any(one.rank(now) == 0 for at, one in enumerate(self.of(deployment)) if at not in tried)

    def best(self, deployment: str, now: float) -> int:
        """An address against which as little is known as against any other."""
        ranks = [one.rank(now) for one in self.of(deployment)]
        return ranks.index(min(ranks)) if ranks else 0

    def all_down(self, deployment: str) -> bool:
        """Whether none of its addresses runs."""
        pool = self._pools.get(deployment)
        return pool is not None and all(one.reading.health is WorkerHealth.DOWN for one in pool.workers)

    def began(self, deployment: str, address: int) -> None:
        """An attempt goes there. Each of these is followed by one `ended`."""
        worker = self._worker(deployment, address)
        was = worker.reading
        worker.reading = WorkerReading(was.health, was.in_flight + 1, was.suspect_until, was.gauges)

    def ended(self, deployment: str, address: int, outcome: Outcome, duration_s: float, now: float) -> None:
        """It ended."""
        worker = self._worker(deployment, address)
        was, until = worker.reading, worker.reading.suspect_until
        if outcome is Outcome.OK:
            worker.failures, worker.silences, until = 0, 0, 0.0
            worker.gauges.answered(duration_s)
        elif outcome in _FAILED:
            until = worker.suspected(now)
        elif outcome in _BUSY:
            until = max(until, now + FIRST_SUSPICION_S)
        worker.reading = WorkerReading(was.health, was.in_flight - 1, until, was.gauges)

    def gave_output(self, deployment: str, address: int) -> None:
        """A request there has begun to be answered: whatever is too late, it is not dead."""
        self._pools[deployment].workers[address].silences = 0

    def answered(self, deployment: str, address: int, asked_at: float) -> bool:
        """It answered a question that was asked then: what failed before that is over. Whether it was down."""
        worker = self._worker(deployment, address)
        worker.refusals = worker.silences = 0
        was, until = worker.reading, worker.reading.suspect_until
        if worker.suspect_since <= asked_at:
            worker.failures, until = 0, 0.0
        if was.health is not WorkerHealth.UP or until != was.suspect_until:
            worker.reading = replace(was, health=WorkerHealth.UP, suspect_until=until)
        return was.health is WorkerHealth.DOWN

    def silent(self, deployment: str, address: int, now: float, *, refused: bool) -> bool:
        """It did not answer when it was asked: it said that it is ill or its port is closed, or else it was too late.

        Whether it is taken for down from now on, and was not before.
        """
        worker = self._worker(deployment, address)
        worker.silences += 1
        worker.refusals = worker.refusals + 1 if refused else 0
        down = worker.refusals >= REFUSALS_TO_DOWN or worker.silences >= SILENCES_TO_DOWN
        was = worker.reading
        health = WorkerHealth.DOWN if down else was.health
        until = max(was.suspect_until, now + FIRST_SUSPICION_S * 2)
        worker.suspect_since = now
        worker.reading = replace(was, health=health, suspect_until=until)
        return down and was.health is not WorkerHealth.DOWN

    def gauged(self, deployment: str, address: int, metrics: VllmMetrics, now: float) -> None:
        """vLLM said how it is."""
        worker = self._worker(deployment, address)
        gauges = worker.gauges.read(metrics, worker.reading.in_flight, now)
        worker.reading = replace(worker.reading, gauges=gauges)

    def put_into(self, readings: dict[str, Reading], now: float) -> None:
        """Show the addresses in the readings of a snapshot that is being made."""
        for name, pool in self._shown:
            readings[name] = pool.shown_in(readings.get(name, UNREAD), now)

    def _worker(self, deployment: str, address: int) -> "_Worker":
        """To be changed."""
        pool = self._pools[deployment]
        pool.current = None
        return pool.workers[address]


class _Worker:
    def __init__(self) -> None:
        self.reading = WorkerReading()
        self.gauges = GaugeModel()
        self.failures = self.refusals = self.silences = 0  # in a row
        self.suspect_since = 0.0

    def suspected(self, now: float) -> float:
        """An attempt failed there: how long to leave it alone."""
        self.failures += 1
        self.suspect_since = now
        pause = FIRST_SUSPICION_S * 2 ** min(self.failures - 1, 10)
        return max(self.reading.suspect_until, now + float(min(pause, LONGEST_SUSPICION_S)))


class _Pool:
    """The addresses of one deployment. What was put together last is kept until something in it changes."""

    def __init__(self, addresses: int) -> None:
        self.workers = [_Worker() for _ in range(addresses)]
        self.is_shown = False
        self.current: tuple[WorkerReading, ...] | None = None
        self._base: Reading | None = None
        self._shown: Reading = UNREAD
        self._good_until = 0.0

    def readings(self) -> tuple[WorkerReading, ...]:
        if self.current is None:
            self.current = tuple([one.reading for one in self.workers])
        return self.current

    def shown_in(self, base: Reading, now: float) -> Reading:
        if base is not self._base or self.current is None or now > self._good_until:
            workers = self.readings()
            self._base = base
            self._shown = replace(base, workers=workers, wait_s=least_wait_s(workers, now))
            fresh = [one.gauges.read_at + STALE_AFTER_S for one in workers if one.read(now) and one.gauges]
            self._good_until = min(fresh, default=_NEVER)
        return self._shown
