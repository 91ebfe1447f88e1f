"""`/healthz`, `/readyz`, `/metrics`: for machines. They name deployments and nothing of any request."""

import time
from typing import Any

from litestar import Request, Response, get

from gateway.api.identity import Identify
from gateway.api.rooms import ApiRooms
from gateway.api.wire import headers_once


def machine_handlers(rooms: ApiRooms, identify: Identify) -> list[Any]:
    """The handlers. `identify` lets pass who may read them."""
    readings, names = rooms.readings, tuple(rooms.catalogue.deployments)

    @get("/healthz", sync_to_thread=False)
    def healthz(request: Request[Any, Any, Any]) -> dict[str, str]:
        identify(headers_once(request.scope["headers"]))
        return {"status": "ok"}

    @get("/readyz", sync_to_thread=False)
    def readyz(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
        identify(headers_once(request.scope["headers"]))
        now = time.time()
        ready = any(readings.is_able(name, now) for name in names) and not rooms.is_stopping()
        policy = rooms.policy_changes.policy.now()
        staged, withdrawn = policy.staged, policy.withdrawn
        content = {
            "ready": ready,
            "policy": policy.revision.name,
            "policy_via": policy.brought.via.value,
            "staged_policy": None if staged is None else {"policy": staged.name, "share": staged.share},
            "withdrawn_policy": None
            if withdrawn is None or withdrawn.withdrawal is None
            else {"policy": withdrawn.name, "reason": withdrawn.withdrawal.value},
            "newest_policy_refused": policy.is_refused,
            "policy_revisions_kept": policy.is_kept,
            "journal_kept": rooms.journal.is_kept,
            "deployments": {name: readings.of(name).state(now).value for name in names},
        }
        return Response(content, status_code=200 if ready else 503)

    @get("/metrics", sync_to_thread=False)
    def prometheus(request: Request[Any, Any, Any]) -> Response[bytes]:
        identify(headers_once(request.scope["headers"]))
        return Response(rooms.metrics.text(), headers={"content-type": rooms.metrics.content_type})

    return [healthz, readyz, prometheus]
