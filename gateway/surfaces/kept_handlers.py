"""`GET` and `DELETE /v1/responses/{id}`, what was asked in it, and its cancelling, which nothing here needs."""

import re
from collections.abc import Awaitable
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.params import PathParameter

from gateway.http.errors import ApiError
from gateway.http.identity import Identify
from gateway.http.wire import headers_once
from gateway.state.kept_responses import KeptResponses, KeptUnavailable
from gateway.values.kept_response import KeptResponse

_PATH = "/v1/responses/{response_id:str}"
_NUMBER = re.compile(r"[0-9]{1,4}")
_USUAL, _MOST = 20, 100
_encode = msgspec.json.Encoder().encode
_Id = Annotated[str, PathParameter()]
T = TypeVar("T")
_Asked = Request[Any, Any, Any]


def kept_handlers(kept: KeptResponses, identify: Identify) -> list[Any]:
    """Each caller sees what its own key stored; all else is not found."""

    async def found(request: _Asked, response_id: str) -> KeptResponse:
        return await _found(kept.find(_key(request, identify), response_id), response_id)

    @get(_PATH)
    async def get_response(request: _Asked, response_id: _Id) -> Response[bytes]:
        if request.query_params.get("stream", "false").lower() == "true":
            raise ApiError(
                400, "unsupported_parameter", "A response that is over is not streamed again.", param="stream"
            )
        return _json((await found(request, response_id)).body)

    @get(f"{_PATH}/input_items")
    async def list_input_items(request: _Asked, response_id: _Id) -> Response[bytes]:
        one = await found(request, response_id)
        earlier = await _found(kept.chain(one.key, response_id), response_id)
        items = [item for before in earlier[:-1] for item in before.all_items()]
        return _json(_encode(_page(request, [*items, *one.named_items()])))

    @delete(_PATH, status_code=200)
    async def delete_response(request: _Asked, response_id: _Id) -> Response[bytes]:
        await _found(kept.delete(_key(request, identify), response_id), response_id)
        return _json(_encode({"id": response_id, "object": "response", "deleted": True}))

    @post(f"{_PATH}/cancel")
    async def cancel_response(request: _Asked, response_id: _Id) -> Response[bytes]:
        await found(request, response_id)
        message = (
            "Only a response in the background can be cancelled, and none is here: leave the connection to end one."
        )
        raise ApiError(400, "unsupported_feature", message)

    return [get_response, list_input_items, delete_response, cancel_response]


def _key(request: _Asked, identify: Identify) -> str:
    return identify(headers_once(request.scope["headers"])).key or ""


async def _found(what: Awaitable[T | None], response_id: str) -> T:
    try:
        found = await what
    except KeptUnavailable:
        raise _unavailable() from None
    if not found:
        raise _not_found(response_id)
    return found


def _json(body: bytes) -> Response[bytes]:
    return Response(body, media_type="application/json")


def _not_found(response_id: str) -> ApiError:
    return ApiError(
        404, "response_not_found", f"Response with id {response_id[:100]!r} not found.", param="response_id"
    )


def _unavailable() -> ApiError:
    message = "The responses that are kept cannot be read now."
    return ApiError(503, "responses_unavailable", message, kind="unavailable_error", retry_after_s=1.0)


def _page(request: _Asked, items: list[dict[str, msgspec.Raw]]) -> dict[str, Any]:
    """The newest first, unless `order` is asc; `after` is the id of the last item of the page before."""
    asked = request.query_params
    order = asked.get("order", "desc")
    if order not in ("asc", "desc"):
        raise ApiError(400, "invalid_value", "Invalid 'order': expected asc or desc.", param="order")
    raw = asked.get("limit", str(_USUAL))
    if not _NUMBER.fullmatch(raw) or not 1 <= int(raw) <= _MOST:
        raise ApiError(400, "invalid_value", f"Invalid 'limit': expected 1 to {_MOST}.", param="limit")
    items = items[:: -1 if order == "desc" else 1]
    ids = [msgspec.json.decode(item["id"]) for item in items]
    start = 0
    if (after := asked.get("after")) is not None:
        if after not in ids:
            raise ApiError(
                400, "invalid_value", "Invalid 'after': expected the id of an item of this list.", param="after"
            )
        start = ids.index(after) + 1
    end = start + int(raw)
    page = ids[start:end]
    ends = {"first_id": page[0] if page else None, "last_id": page[-1] if page else None}
    return {"object": "list", "data": items[start:end], **ends, "has_more": end < len(ids)}
