"""Objectives as Prometheus reads them."""

from prometheus_client.parser import text_string_to_metric_families

from gateway.observe.metrics import Metrics
from gateway.values.slo import SloReading


async def test_what_is_in_the_window_has_series_and_nothing_else() -> None:
    slo = {"chat": {"a": SloReading(100, 0.9, 2.0), "b": SloReading(50, 0.5, 10.0, ejected=True)}}
    metrics = Metrics()
    metrics.read_objectives(lambda: slo)
    assert read(metrics, "b") == {
        "gateway_slo_attainment_ratio": 0.5,
        "gateway_slo_burn_rate": 10.0,
        "gateway_slo_window_attempts": 50.0,
        "gateway_slo_passed_over": 1.0,
    }
    assert read(metrics, "a")["gateway_slo_passed_over"] == 0.0
    del slo["chat"]["b"]
    assert read(metrics, "b") == {}


def read(metrics: Metrics, deployment: str) -> dict[str, float]:
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
        if sample.name.startswith("gateway_slo") and sample.labels == {"rule": "chat", "deployment": deployment}
    }
