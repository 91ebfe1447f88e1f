"""What has become of batches: their lines as they end, and the open ones when Prometheus asks."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.observe.loop_series import Counter
from gateway.values.batch import OPEN


class Batches(Collector):
    """The series of batches."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.lines = Counter(
            "gateway_batch_lines",
            "Lines of batches: completed with status 200, failed, or to be asked again after an answer that passes.",
            ["result"],
            registry=registry,
        )
        self._open: Callable[[], Mapping[str, int]] = dict
        registry.register(self)

    def line(self, result: str) -> None:
        """Listener: `completed`, `failed` or `asked_again`."""
        self.lines.labels(result).inc()

    def read(self, source: Callable[[], Mapping[str, int]]) -> None:
        """From now on each scrape asks `source` how many batches of each status have not ended."""
        self._open = source

    def collect(self) -> Iterator[Metric]:
        """Gauges by status."""
        found = self._open()
        family = GaugeMetricFamily(
            "gateway_batches", "Batches that have not ended, by where they stand.", labels=["state"]
        )
        for status in OPEN:
            family.add_metric((status.value,), found.get(status.value, 0))
        yield family
