"""How the deployments are, read when Prometheus asks. Label sets are deployments times the closed set of states (law 10)."""

from collections.abc import Callable, Iterator, Sequence

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from gateway.values.admissibility import Health
from gateway.values.snapshot import Snapshot

SnapshotSource = Callable[[], Snapshot]


class States(Collector):
    """A limit that is not known has no series."""

    def __init__(self, names: Sequence[str], read: SnapshotSource) -> None:
        self._names = names
        self._read = read

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges, by deployment."""
        states = GaugeMetricFamily(
            "gateway_deployment_state", "1 for the state that the deployment is in.", labels=["deployment", "state"]
        )
        limits = GaugeMetricFamily(
            "gateway_deployment_limit", "Attempts that the deployment takes at once.", labels=["deployment"]
        )
        snapshot = self._read()
        for name in self._names:
            reading = snapshot.of(name)
            now = reading.state(snapshot.now)
            for state in Health:
                states.add_metric((name, state.value), float(state is now))
            if reading.admissibility.limit is not None:
                limits.add_metric((name,), reading.admissibility.limit)
        yield from (states, limits)
