"""`POST /admin/policy/check`: what is wrong with a policy, and what is valid and yet unwise. Nothing takes effect."""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Request, Response, post

from gateway.http.errors import ApiError
from gateway.http.identity import Identify
from gateway.http.wire import Bodies, headers_once
from gateway.watch.checks import CheckRefused

MAX_POLICY_BYTES = 256 * 1024
Check = Callable[[str], Awaitable[bytes]]  # a policy's text, and what is to be said of it in JSON; raises CheckRefused


def check_handlers(check: Check, identify: Identify) -> list[Any]:
    """The handler. `identify` lets operators pass."""
    policies = Bodies(MAX_POLICY_BYTES)

    @post("/admin/policy/check", status_code=200)
    async def check_policy(request: Request[Any, Any, Any]) -> Response[Any]:
        headers = headers_once(request.scope["headers"])
        identify(headers)
        text = policy_text(await policies.read(request.receive, headers))
        return Response(await checked(check, text), media_type="application/json")

    return [check_policy]


def policy_text(body: bytes) -> str:
    """A body as text. Raises ApiError 400."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise ApiError(400, "invalid_encoding", "The body must be a policy in UTF-8.") from None


async def checked(check: Check, text: str) -> bytes:
    """What is to be said of a policy, in JSON. Raises ApiError 503 if it cannot be checked now."""
    try:
        return await check(text)
    except CheckRefused as refused:
        raise ApiError(
            503, "check_refused", f"Not checked: {refused}.", kind="unavailable_error", retry_after_s=1.0
        ) from None
