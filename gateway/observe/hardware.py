"""What own hardware cost and who paid, read when Prometheus asks. Label sets are the deployments with hardware (law 10)."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from gateway.values.account import Account

HardwareSource = Callable[[], Mapping[str, Account]]  # by deployment


class OwnHardware(Collector):
    """Beside them `gateway_cost_usd_total` counts what answers were charged; the rest of the cost is the last moments'."""

    def __init__(self, read: HardwareSource) -> None:
        self._read = read

    def collect(self) -> Iterator[CounterMetricFamily]:
        """The counters, by deployment."""
        cost = CounterMetricFamily(
            "gateway_own_hardware_cost_usd",
            "What self-hosted hardware (own_cost) cost, busy or idle.",
            labels=["deployment"],
        )
        idle = CounterMetricFamily(
            "gateway_own_hardware_idle_usd",
            "What of it no answer was charged with: the hardware was idle, or not full.",
            labels=["deployment"],
        )
        for name, one in self._read().items():
            cost.add_metric((name,), one.hardware)
            idle.add_metric((name,), one.idle)
        yield from (cost, idle)
