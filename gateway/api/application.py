"""The Litestar application: every surface in one place, and OpenAI's error body for whatever goes wrong in it."""

import logging
from collections.abc import Callable
from typing import Any

from litestar import Litestar, Request, Response, asgi
from litestar.exceptions import HTTPException

from gateway.api.admin import admin_handlers
from gateway.api.chat import ChatCompletions
from gateway.api.errors import ApiError, internal
from gateway.api.identity import identify_by, operator_only
from gateway.api.machines import machine_handlers
from gateway.api.models import model_handlers
from gateway.api.rooms import ApiRooms

_log = logging.getLogger(__name__)


def application(rooms: ApiRooms) -> tuple[Litestar, Callable[[], None]]:
    """The ASGI application of one process, and what ends its requests in progress."""
    identify = identify_by(rooms.keyring)
    chat = ChatCompletions(
        rooms.answers,
        identify,
        rooms.bus,
        max_body_bytes=rooms.max_body_bytes,
        reader_s=rooms.reader_s,
        with_prefix=any(len(one.addresses) > 1 for one in rooms.catalogue.deployments.values()),
    )

    @asgi("/v1/chat/completions", copy_scope=False)
    async def chat_completions(scope: Any, receive: Any, send: Any) -> None:
        await chat(scope, receive, send)

    asgi_application = Litestar(
        route_handlers=[
            chat_completions,
            *model_handlers(rooms.catalogue, identify, rooms.started),
            *machine_handlers(rooms),
            *admin_handlers(rooms.answers, rooms.plans, rooms.journal, operator_only(identify)),
        ],
        exception_handlers={ApiError: _api_error, HTTPException: _http_error, Exception: _bug},
        openapi_config=None,
        request_max_body_size=rooms.max_body_bytes,
        logging_config=None,
    )
    return asgi_application, chat.stop


def _api_error(_: Request[Any, Any, Any], error: ApiError) -> Response[bytes]:
    return Response(error.body(), status_code=error.status, media_type="application/json")


def _http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    path = request.scope["path"]
    code = {404: "not_found", 405: "method_not_allowed", 413: "request_too_large"}.get(error.status_code, "bad_request")
    return _api_error(request, ApiError(error.status_code, code, f"{request.method} {path}: {error.detail}"))


def _bug(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    _log.error("a handler failed", exc_info=error)
    return _api_error(request, internal())
