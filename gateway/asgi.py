"""The Litestar application: every surface in one place, and OpenAI's error body for whatever goes wrong in it."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from litestar import Litestar, Request, Response, asgi
from litestar.exceptions import HTTPException

from gateway.access import Throttle
from gateway.admin.decisions import admin_handlers
from gateway.admin.deployments import deployment_handlers
from gateway.admin.machines import machine_handlers
from gateway.admin.policy import policy_handlers
from gateway.admin.policy_check import check_handlers
from gateway.admin.policy_revisions import revision_handlers
from gateway.console.welcome import welcome_handlers
from gateway.dialects.anthropic.dialect import ANTHROPIC
from gateway.dialects.openai.dialect import OPENAI
from gateway.http.decision_ids import DecisionIds
from gateway.http.errors import ApiError, broken_body, internal
from gateway.http.forms import Forms
from gateway.http.identity import identify_by, operator_only, visitors_of
from gateway.http.query import refuse_unknown
from gateway.http.request_headers import request_id
from gateway.http.rooms import ApiRooms
from gateway.http.wire import Bodies, BodyBroken, ClientGone, Receive, Scope, Send, headers_of
from gateway.surfaces.batch_line import BatchLines
from gateway.surfaces.batches import BatchRooms, batch_handlers
from gateway.surfaces.count_tokens import CountTokens
from gateway.surfaces.endpoint import Endpoint
from gateway.surfaces.files import FileBounds, file_handlers
from gateway.surfaces.form_endpoint import FormEndpoint
from gateway.surfaces.intake import Intake
from gateway.surfaces.kept_handlers import kept_handlers
from gateway.surfaces.message_batches import message_batch_handlers
from gateway.surfaces.models import VERSION, model_handlers
from gateway.surfaces.response_keeping import ResponsesIntake
from gateway.surfaces.responses import Responses
from gateway.surfaces.row import SurfaceRow
from gateway.surfaces.table import BATCHED, COUNT_TOKENS, RESPONSES, SURFACES
from gateway.watch.batches.run import Ask

_log = logging.getLogger(__name__)
_ids = DecisionIds()


Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]


class Application(NamedTuple):
    """The ASGI application of one process, what ends its requests in progress, and what answers a line of a batch."""

    asgi: Asgi
    end_requests: Callable[[], None]
    ask_line: Ask


def application(rooms: ApiRooms) -> Application:
    """All that is served."""
    identify = identify_by(rooms.keyring)
    bodies = Bodies(rooms.max_body_bytes)
    policy = rooms.policy_changes.policy
    several = any(len(one.addresses) > 1 for one in rooms.catalogue.deployments.values())
    intakes = {row: Intake(row, rooms.large, with_prefix=several) for row in SURFACES}
    intakes[RESPONSES] = ResponsesIntake(RESPONSES, rooms.large, rooms.kept_responses, with_prefix=several)
    throttle = Throttle()
    endpoints = [
        _kind_of(row, rooms)(
            row,
            rooms.answers,
            identify,
            rooms.bus,
            bodies,
            intakes[row],
            throttle,
            reader_s=rooms.reader_s,
            heartbeat_s=rooms.heartbeat_s,
        )
        for row in SURFACES
    ]
    forms = Forms(rooms.max_upload_bytes)
    for endpoint in endpoints:
        if isinstance(endpoint, FormEndpoint):
            endpoint.forms = forms

    batched = {endpoint.row.path: endpoint for endpoint in endpoints if endpoint.row in BATCHED}
    stored = rooms.stored
    bounds = FileBounds(most_bytes=stored.max_file_bytes, keep_s=stored.keep_s)
    batch_rooms = BatchRooms(
        files=stored.files, batches=stored.batches, runner=stored.runner, endpoints=tuple(batched), keep_s=stored.keep_s
    )
    litestar = Litestar(
        route_handlers=[
            *map(_mounted, endpoints),
            *file_handlers(stored.files, bounds, identify),
            *batch_handlers(batch_rooms, bodies, identify),
            *message_batch_handlers(batch_rooms, bodies, identify),
            *model_handlers(rooms.catalogue, identify, rooms.started, rooms.readings.is_able),
            *kept_handlers(rooms.kept_responses, identify),
            *machine_handlers(rooms, visitors_of(rooms.keyring)),
            *admin_handlers(
                rooms.answers,
                lambda: policy.plan,
                rooms.journal,
                rooms.keyring,
                operator_only(identify),
                bodies,
                read={row.surface.value: intake.request for row, intake in intakes.items()},
            ),
            *deployment_handlers(rooms, operator_only(identify)),
            *welcome_handlers(rooms, visitors_of(rooms.keyring)),
            *check_handlers(rooms.check_policy, operator_only(identify)),
            *policy_handlers(rooms.policy_changes, rooms.check_policy, operator_only(identify)),
            *revision_handlers(policy.revisions, operator_only(identify)),
        ],
        exception_handlers={
            ApiError: _api_error,
            ClientGone: _gone,
            BodyBroken: _gone,
            HTTPException: _http_error,
            Exception: _bug,
        },
        before_request=refuse_unknown,
        openapi_config=None,
        logging_config=None,
    )

    def stop() -> None:
        for endpoint in endpoints:
            endpoint.stop()

    served = _dispatched({path: endpoint for endpoint in endpoints for path in endpoint.paths}, litestar)
    return Application(served, stop, BatchLines(batched, rooms.keyring).ask)


def _kind_of(row: SurfaceRow, rooms: ApiRooms) -> Callable[..., Endpoint]:
    if row is COUNT_TOKENS:
        return CountTokens
    if row is RESPONSES:
        return partial(Responses, kept=rooms.kept_responses)
    return FormEndpoint if row.files else Endpoint


def _mounted(endpoint: Endpoint) -> Any:
    @asgi(endpoint.paths, copy_scope=False)
    async def handler(scope: Any, receive: Any, send: Any) -> None:
        await endpoint(scope, receive, send)

    return handler


def _dispatched(endpoints: Mapping[str, Asgi], others: Any) -> Asgi:
    """Surfaces at once: the router and its layers would cost each of their requests as much as the decision does. What is
    spelt otherwise (`//v1/...`) comes to them by the router.

    HEAD is GET whose body is not sent (RFC 9110 9.3.2): the server leaves it out.
    """

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = endpoints.get(scope["path"])
        if endpoint is not None:
            await endpoint(scope, receive, send)
            return
        if scope["method"] == "HEAD":
            scope["method"] = "GET"
        await others(scope, receive, send)

    return answer


def _api_error(request: Request[Any, Any, Any], error: ApiError) -> Response[bytes]:
    """In the dialect that the caller speaks, where it says so."""
    name = request_id(headers_of(tuple(request.scope["headers"])), _ids.new())
    headers = {"x-request-id": name, **error.headers}
    dialect = ANTHROPIC if VERSION in request.headers else OPENAI
    return Response(
        dialect.error(error.view(name)), status_code=error.status, media_type="application/json", headers=headers
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
