"""How detections ended, read when Prometheus asks."""

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.values.finding import DetectionsSoFar

DetectionsSource = Callable[[], DetectionsSoFar]


class Detections(Collector):
    """What is found is no label: only that something was."""

    def __init__(self, read: DetectionsSource) -> None:
        self._read = read

    def collect(self) -> Iterator[Metric]:
        """Counters by how detections ended, and the queue for a thread."""
        now = self._read()
        ended = CounterMetricFamily("gateway_detections", "Requests that were looked through.", labels=["result"])
        for result in ("clean", "found", "failed", "turned_away"):
            ended.add_metric((result,), getattr(now, result))
        yield ended
        yield CounterMetricFamily(
            "gateway_detections_on_threads", "Detections that went to a thread, not done at once.", value=now.on_threads
        )
        yield GaugeMetricFamily(
            "gateway_detections_waiting", "Requests that wait for such a thread.", value=now.waiting
        )
