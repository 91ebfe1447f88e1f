"""How rules' objectives are kept, read when Prometheus asks. Label sets are rules times deployments (law 10)."""

from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from gateway.values.slo import SloReading

SloSource = Callable[[], dict[str, dict[str, SloReading]]]  # by rule and deployment, as a snapshot has it


class Objectives(Collector):
    """What is not in its window any more has no series."""

    def __init__(self, read: SloSource) -> None:
        self._read = read

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges, by rule and deployment."""
        by = ["rule", "deployment"]
        attainment = GaugeMetricFamily(
            "gateway_slo_attainment_ratio", "Share of the window's attempts that kept the rule's objective.", labels=by
        )
        burn = GaugeMetricFamily(
            "gateway_slo_burn_rate", "Share of misses over the error budget; 1 spends it exactly.", labels=by
        )
        requests = GaugeMetricFamily("gateway_slo_window_attempts", "Attempts in the objective's window.", labels=by)
        ejected = GaugeMetricFamily(
            "gateway_slo_passed_over", "1 while the deployment is ejected for its burn rate: ranked last.", labels=by
        )
        for rule, deployments in self._read().items():
            for deployment, reading in deployments.items():
                labels = (rule, deployment)
                attainment.add_metric(labels, reading.attainment)
                burn.add_metric(labels, reading.burn)
                requests.add_metric(labels, reading.requests)
                ejected.add_metric(labels, reading.ejected)
        yield from (attainment, burn, requests, ejected)
