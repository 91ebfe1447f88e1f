"""What one vLLM worker's readings teach, one after the other: how many requests run at once, and how fast they end."""

from gateway.values.worker import Gauges, VllmMetrics

FULL_KV = 0.98  # of the KV cache: from here on a request can wait for blocks while seats are free
_ENOUGH = 2.0  # endings that make a rate
_NEW_DURATION = 0.1
_KEPT, _KEPT_ENDED = 0.8, 0.95  # from one reading to the next: of the tokens looked up, of the endings


class GaugeModel:
    """Of one address. Counters that fall show a restart: what was learned of the seats is forgotten."""

    def __init__(self) -> None:
        self._last: VllmMetrics | None = None
        self._last_at = 0.0
        self._was_full = False
        self._seats: int | None = None
        self._ended = self._full_s = 0.0
        self._duration_s: float | None = None
        self._looked_up = self._hit = 0.0

    def answered(self, duration_s: float) -> None:
        """One of the gateway's own requests was answered after so many seconds."""
        was = self._duration_s
        self._duration_s = duration_s if was is None else was + _NEW_DURATION * (duration_s - was)

    def read(self, metrics: VllmMetrics, own: int, now: float) -> Gauges:
        """The gauges of a new reading. `own`: the gateway's own requests that are there now."""
        last, since = self._last, now - self._last_at
        self._last, self._last_at = metrics, now
        if last is not None and _fell(last.ended, metrics.ended):
            self._seats = last = None
            self._ended = self._full_s = 0.0
        preempting = last is not None and (_rise(last.preemptions, metrics.preemptions) or 0.0) > 0
        full = _is_full(metrics, preempting=preempting)
        if full:
            tight = preempting or (metrics.kv_use is not None and metrics.kv_use >= FULL_KV)
            self._seats = metrics.running if tight else max(metrics.running, self._seats or 0)
            if last is not None and self._was_full and since > 0:
                self._learn_rate(_rise(last.ended, metrics.ended), since)
        elif self._seats is not None and metrics.running >= self._seats:
            self._seats = metrics.running + 1  # it runs more than were thought to fit
        self._was_full = full
        if last is not None:
            self._learn_hits(last, metrics)
        return Gauges(
            read_at=now,
            running=metrics.running,
            waiting=metrics.waiting,
            kv_use=metrics.kv_use,
            preempting=preempting,
            own=own,
            seats=self._seats,
            ended_per_s=self._rate(),
            hit_share=self._hit / self._looked_up if self._looked_up > 0 else None,
        )

    def _learn_rate(self, ended: float | None, since_s: float) -> None:
        if ended is not None:
            self._ended = self._ended * _KEPT_ENDED + ended
            self._full_s = self._full_s * _KEPT_ENDED + since_s

    def _rate(self) -> float | None:
        """As seen while it was full; before that, by Little's law from how long its answers take."""
        if self._ended >= _ENOUGH:
            return self._ended / self._full_s
        if self._duration_s and self._seats:
            return self._seats / self._duration_s
        return self._ended / self._full_s if self._ended else None

    def _learn_hits(self, last: VllmMetrics, metrics: VllmMetrics) -> None:
        looked_up, hit = (
            _rise(last.prefix_queries, metrics.prefix_queries),
            _rise(last.prefix_hits, metrics.prefix_hits),
        )
        if looked_up and hit is not None:
            self._looked_up = self._looked_up * _KEPT + looked_up
            self._hit = self._hit * _KEPT + min(hit, looked_up)


def _rise(was: float | None, is_now: float | None) -> float | None:
    return None if was is None or is_now is None or is_now < was else is_now - was


def _fell(was: float | None, is_now: float | None) -> bool:
    return was is not None and is_now is not None and is_now < was


def _is_full(metrics: VllmMetrics, *, preempting: bool) -> bool:
    """Whether one more request would have to wait; not if none runs that it could wait for."""
    if not metrics.running:
        return False
    return metrics.waiting > 0 or preempting or (metrics.kv_use is not None and metrics.kv_use >= FULL_KV)
