"""The Litestar application: every surface in one place, and OpenAI's error body for whatever goes wrong in it."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Litestar, Request, Response, asgi
from litestar.exceptions import HTTPException

from gateway.admin.decisions import admin_handlers
from gateway.admin.deployments import deployment_handlers
from gateway.admin.machines import machine_handlers
from gateway.admin.policy import policy_handlers
from gateway.admin.policy_check import check_handlers
from gateway.admin.policy_revisions import revision_handlers
from gateway.console.welcome import welcome_handlers
from gateway.dialects.openai.dialect import OPENAI
from gateway.http.errors import ApiError, broken_body, internal
from gateway.http.identity import identify_by, operator_only, visitors_of
from gateway.http.query import refuse_unknown
from gateway.http.rooms import ApiRooms
from gateway.http.wire import Bodies, ClientGone, Receive, Scope, Send
from gateway.surfaces.count_tokens import CountTokens
from gateway.surfaces.endpoint import Endpoint
from gateway.surfaces.models import model_handlers
from gateway.surfaces.table import COUNT_TOKENS, SURFACES

_log = logging.getLogger(__name__)


Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]


def application(rooms: ApiRooms) -> tuple[Asgi, Callable[[], None]]:
    """The ASGI application of one process, and what ends its requests in progress."""
    identify = identify_by(rooms.keyring)
    bodies = Bodies(rooms.max_body_bytes)
    policy = rooms.policy_changes.policy
    with_prefix = any(len(one.addresses) > 1 for one in rooms.catalogue.deployments.values())
    endpoints = [
        (CountTokens if row is COUNT_TOKENS else Endpoint)(
            row,
            rooms.answers,
            identify,
            rooms.bus,
            bodies,
            reader_s=rooms.reader_s,
            heartbeat_s=rooms.heartbeat_s,
            with_prefix=with_prefix,
        )
        for row in SURFACES
    ]

    litestar = Litestar(
        route_handlers=[
            *map(_mounted, endpoints),
            *model_handlers(rooms.catalogue, identify, rooms.started),
            *machine_handlers(rooms, visitors_of(rooms.keyring)),
            *admin_handlers(
                rooms.answers,
                lambda: policy.plan,
                rooms.journal,
                rooms.keyring,
                operator_only(identify),
                bodies,
                read={row.surface.value: row.read for row in SURFACES},
            ),
            *deployment_handlers(rooms, operator_only(identify)),
            *welcome_handlers(rooms, visitors_of(rooms.keyring)),
            *check_handlers(rooms.check_policy, operator_only(identify)),
            *policy_handlers(rooms.policy_changes, rooms.check_policy, operator_only(identify)),
            *revision_handlers(policy.revisions, operator_only(identify)),
        ],
        exception_handlers={ApiError: _api_error, ClientGone: _gone, HTTPException: _http_error, Exception: _bug},
        before_request=refuse_unknown,
        openapi_config=None,
        logging_config=None,
    )

    def stop() -> None:
        for endpoint in endpoints:
            endpoint.stop()

    return _with_head(litestar), stop


def _mounted(endpoint: Endpoint) -> Any:
    @asgi(endpoint.path, copy_scope=False)
    async def handler(scope: Any, receive: Any, send: Any) -> None:
        await endpoint(scope, receive, send)

    return handler


def _with_head(app: Any) -> Asgi:
    """HEAD is GET whose body is not sent (RFC 9110 9.3.2): the server leaves it out."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "HEAD":
            scope["method"] = "GET"
        await app(scope, receive, send)

    return answer


def _api_error(_: Request[Any, Any, Any], error: ApiError) -> Response[bytes]:
    return Response(
        OPENAI.error(error.view()), status_code=error.status, media_type="application/json", headers=error.headers
    )


def _http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    path = request.scope["path"]
    code = {404: "not_found", 405: "method_not_allowed", 413: "request_too_large"}.get(error.status_code, "bad_request")
    why = "not served here; chat is POST /v1/chat/completions" if code == "not_found" else error.detail
    allowed = (error.headers or {}).get("allow") if error.status_code == 405 else None
    headers = {"allow": _allowed(allowed)} if allowed else {}
    return _api_error(request, ApiError(error.status_code, code, f"{request.method} {path}: {why}", headers=headers))


def _allowed(methods: str) -> str:
    """HEAD is allowed where GET is."""
    every = {one.strip() for one in methods.split(",")}
    return ", ".join(sorted(every | {"HEAD"} if "GET" in every else every))


def _gone(request: Request[Any, Any, Any], _: Exception) -> Response[bytes]:
    """Somebody reads it only if it was the chunks that were malformed."""
    return _api_error(request, broken_body())


def _bug(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    _log.error("a handler failed", exc_info=error)
    return _api_error(request, internal())
