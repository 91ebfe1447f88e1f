"""`/healthz`, `/readyz`, `/metrics`: for machines. They name deployments and nothing of any request."""

import time
from collections.abc import Callable
from typing import Any

from litestar import Response, get

from gateway.observe.metrics import Metrics
from gateway.routing.plan import PlanSource
from gateway.state.readings import Readings
from gateway.values.deployment import Catalogue


def machine_handlers(
    catalogue: Catalogue, readings: Readings, plans: PlanSource, metrics: Metrics, is_stopping: Callable[[], bool]
) -> list[Any]:
    """The handlers."""

    @get("/healthz", sync_to_thread=False)
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @get("/readyz", sync_to_thread=False)
    def readyz() -> Response[dict[str, Any]]:
        now = time.time()
        can = {name: readings.can_answer(name, now) for name in catalogue.deployments}
        states = {name: readings.of(name).health.value for name in catalogue.deployments}
        ready = any(can.values()) and not is_stopping()
        content = {"ready": ready, "policy": plans().revision, "deployments": states}
        return Response(content, status_code=200 if ready else 503)

    @get("/metrics", sync_to_thread=False)
    def prometheus() -> Response[bytes]:
        return Response(metrics.text(), media_type=metrics.content_type)

    return [healthz, readyz, prometheus]
