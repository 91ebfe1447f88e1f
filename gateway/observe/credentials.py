"""How the credentials stand that are replaced while the process runs, read when Prometheus asks. Label sets are the deployments
that have one (law 10).
"""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.values.credential import CredentialState

CredentialSource = Callable[[], Mapping[str, CredentialState]]  # by deployment


class CredentialsStand(Collector):
    """`now`: seconds since the epoch."""

    def __init__(self, read: CredentialSource, now: Callable[[], float]) -> None:
        self._read = read
        self._now = now

    def collect(self) -> Iterator[Metric]:
        """By deployment."""
        valid = GaugeMetricFamily(
            "gateway_credential_valid",
            "0 while a deployment's credential has ended, or was never had.",
            labels=["deployment"],
        )
        left = GaugeMetricFamily(
            "gateway_credential_left_seconds",
            "Until the present credential ends; absent where it does not.",
            labels=["deployment"],
        )
        refreshes = CounterMetricFamily(
            "gateway_credential_refreshes", "Tries to have a new credential.", labels=["deployment", "result"]
        )
        for name, one in self._read().items():
            valid.add_metric((name,), float(one.is_valid))
            if one.ends_at is not None:
                left.add_metric((name,), max(one.ends_at - self._now(), 0.0))
            refreshes.add_metric((name, "ok"), one.refreshes)
            refreshes.add_metric((name, "failed"), one.failed_refreshes)
        yield from (valid, left, refreshes)
