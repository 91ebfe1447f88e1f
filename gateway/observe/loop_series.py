"""Counters, gauges and histograms that only the event loop writes: a request feeds a dozen of them, and those of
prometheus_client take a lock for each addition. What they hold becomes samples when Prometheus asks, as theirs does.
"""

import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

Labels = tuple[str, ...]


class Amount:
    """One series of a counter or a gauge."""

    __slots__ = ("since", "value")

    def __init__(self) -> None:
        self.value = 0.0
        self.since = time.time()

    def inc(self, amount: float = 1.0) -> None:
        """More."""
        self.value += amount

    def dec(self) -> None:
        """One fewer, of a gauge."""
        self.value -= 1.0


class Distribution:
    """One series of a histogram. `bounds` are its buckets' upper ends, without infinity."""

    __slots__ = ("bounds", "counts", "since", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0
        self.since = time.time()

    def observe(self, amount: float) -> None:
        """One more, of that much."""
        self.counts[bisect_left(self.bounds, amount)] += 1
        self.sum += amount


One = TypeVar("One", Amount, Distribution)


class _Family(Collector, Generic[One]):
    """A name, and its series by the values of its labels. Without labels there is one series from the start."""

    def __init__(
        self,
        name: str,
        documentation: str,
        labelnames: Iterable[str] = (),
        *,
        registry: CollectorRegistry,
        new: Callable[[], One],
    ) -> None:
        self._name = name
        self._documentation = documentation
        self._labelnames = tuple(labelnames)
        self._new: Callable[[], One] = new
        self._series: dict[Labels, One] = {}
        if not self._labelnames:
            self.labels()
        registry.register(self)

    def labels(self, *values: str) -> One:
        """The series of these values, in the order of the labels."""
        if len(values) != len(self._labelnames):
            raise ValueError(f"{self._name} has the labels {', '.join(self._labelnames) or 'none'}")
        series = self._series.get(values)
        if series is None:
            series = self._series[values] = self._new()
        return series


class Counter(_Family[Amount]):
    """Counts what happens."""

    def __init__(
        self, name: str, documentation: str, labelnames: Iterable[str] = (), *, registry: CollectorRegistry
    ) -> None:
        super().__init__(name, documentation, labelnames, registry=registry, new=Amount)

    def collect(self) -> Iterator[Metric]:
        """Its samples."""
        family = CounterMetricFamily(self._name, self._documentation, labels=self._labelnames)
        for values, series in self._series.items():
            family.add_metric(values, series.value, created=series.since)
        yield family


class Gauge(_Family[Amount]):
    """What there is at present."""

    def __init__(
        self, name: str, documentation: str, labelnames: Iterable[str] = (), *, registry: CollectorRegistry
    ) -> None:
        super().__init__(name, documentation, labelnames, registry=registry, new=Amount)

    def collect(self) -> Iterator[Metric]:
        """Its samples."""
        family = GaugeMetricFamily(self._name, self._documentation, labels=self._labelnames)
        for values, series in self._series.items():
            family.add_metric(values, series.value)
        yield family


class Histogram(_Family[Distribution]):
    """How much there was of each. `buckets`: upper ends, ascending, without infinity."""

    def __init__(
        self,
        name: str,
        documentation: str,
        labelnames: Iterable[str] = (),
        *,
        buckets: Sequence[float],
        registry: CollectorRegistry,
    ) -> None:
        self._bounds = tuple(map(float, buckets))
        self._shown = [*map(floatToGoString, self._bounds), "+Inf"]
        super().__init__(name, documentation, labelnames, registry=registry, new=lambda: Distribution(self._bounds))

    def collect(self) -> Iterator[Metric]:
        """Its samples."""
        family = HistogramMetricFamily(self._name, self._documentation, labels=self._labelnames)
        for values, series in self._series.items():
            so_far = 0
            buckets = []
            for bound, count in zip(self._shown, series.counts, strict=True):
                so_far += count
                buckets.append((bound, float(so_far)))
            family.add_metric(values, buckets, series.sum)
            named = dict(zip(self._labelnames, values, strict=True))
            family.add_sample(f"{self._name}_created", named, series.since)
        yield family
