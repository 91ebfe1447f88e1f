"""`/healthz`, `/readyz`, `/metrics`: for machines. They name deployments and nothing of any request."""

import time
from typing import Any

from litestar import Response, get

from gateway.api.rooms import ApiRooms


def machine_handlers(rooms: ApiRooms) -> list[Any]:
    """The handlers."""
    readings, names = rooms.readings, tuple(rooms.catalogue.deployments)

    @get("/healthz", sync_to_thread=False)
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @get("/readyz", sync_to_thread=False)
    def readyz() -> Response[dict[str, Any]]:
        now = time.time()
        ready = any(readings.can_answer(name, now) for name in names) and not rooms.is_stopping()
        content = {
            "ready": ready,
            "policy": rooms.plans().revision,
            "newest_policy_refused": rooms.is_policy_refused(),
            "deployments": {name: readings.of(name).health.value for name in names},
        }
        return Response(content, status_code=200 if ready else 503)

    @get("/metrics", sync_to_thread=False)
    def prometheus() -> Response[bytes]:
        return Response(rooms.metrics.text(), media_type=rooms.metrics.content_type)

    return [healthz, readyz, prometheus]
