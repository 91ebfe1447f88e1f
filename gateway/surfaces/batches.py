"""`/v1/batches`: many requests in a file, answered by and by at the lowest priority, as OpenAI's API has it. A key sees its
own batches only.

Source: OpenAI's OpenAPI document, `createBatch` to `cancelBatch`, `Batch`, whose example shows what has not come as null.
"""

import re
import time
from collections.abc import Callable, Collection
from typing import Any, TypeVar

import msgspec
from litestar import Request, get, post

from gateway.http import request_headers
from gateway.http.errors import ApiError
from gateway.http.identity import Identify
from gateway.http.wire import Bodies, headers_once
from gateway.state.batches import Batches, NoSuchBatch, TooManyOpen, WrongPurpose
from gateway.state.files import Files, NoSuchFile
from gateway.surfaces.files import expiry_s, no_such_file
from gateway.surfaces.storage import listed, number_of, on_disk
from gateway.values.batch import Batch, BatchFault, BatchStatus
from gateway.values.stored_file import owner_of
from gateway.watch.batches.runner import BatchRunner

T = TypeVar("T")
_WINDOW = re.compile(r"([1-9][0-9]{0,3})([mhd])")
_SECONDS = {"m": 60, "h": 3600, "d": 86_400}
_LONGEST_S = 14 * 86_400
_MOST_LISTED, _USUAL_LISTED = 100, 20
_MOST_PAIRS, _MOST_NAME, _MOST_VALUE = 16, 64, 512  # of metadata
_PATH = re.compile(r" - at `(?:key in )?\$\.?([^`]*)`$")
_FOR_EACH_LINE = (*request_headers.KNOWN, "anthropic-version", "anthropic-beta")
_CHECKS: tuple[Callable[[dict[str, str]], object], ...] = (
    request_headers.refuse_unknown, request_headers.declared_sensitivity, request_headers.tags, request_headers.session,
    request_headers.deadline_s, request_headers.max_cost_usd, request_headers.strict,
)  # fmt: skip
_TIMES = tuple(f"{status.value}_at" for status in BatchStatus if status is not BatchStatus.VALIDATING)


class BatchRooms(msgspec.Struct, frozen=True, kw_only=True):
    """What the handlers work with. `endpoints`: the paths whose requests can be lines; `keep_s` of a result that does not
    say how long itself.
    """

    files: Files
    batches: Batches
    runner: BatchRunner
    endpoints: Collection[str]
    keep_s: int


class _Expiry(msgspec.Struct, forbid_unknown_fields=True):
    anchor: str
    seconds: int


class _Create(msgspec.Struct, forbid_unknown_fields=True):
    input_file_id: str
    endpoint: str
    completion_window: str
    metadata: dict[str, str] | None = None
    output_expires_after: _Expiry | None = None


def batch_handlers(rooms: BatchRooms, bodies: Bodies, identify: Identify) -> list[Any]:
    """The handlers of `/v1/batches`."""

    @post("/v1/batches", status_code=200)
    async def create_batch(request: Request[Any, Any, Any]) -> dict[str, Any]:
        headers = headers_once(request.scope["headers"])
        key = identify(headers).key
        asked = read_body(await bodies.read(request.receive, headers, key), _Create)
        batch = _new(rooms, asked, headers, owner_of(key))
        try:
            await on_disk(rooms.batches.add, batch, rooms.runner.bounds.max_open)
        except NoSuchFile:
            raise no_such_file(asked.input_file_id, "input_file_id") from None
        except WrongPurpose as wrong:
            raise _invalid("input_file_id", f"a file of the purpose 'batch', this is of {str(wrong)!r}") from None
        except TooManyOpen:
            raise too_many_open(rooms) from None
        rooms.runner.begin(batch)
        return _told(batch)

    @get("/v1/batches")
    async def list_batches(request: Request[Any, Any, Any]) -> dict[str, Any]:
        owner, after = owner_of_caller(request, identify), request.query_params.get("after")
        limit = number_of(request, "limit", _USUAL_LISTED, _MOST_LISTED)
        try:
            found, has_more = await on_disk(rooms.batches.page, owner, limit=limit, after=after)
        except NoSuchBatch as missing:
            raise no_such_batch(str(missing), "after") from None
        return listed([_told(rooms.runner.live(one)) for one in found], has_more)

    @get("/v1/batches/{batch_id:str}")
    async def retrieve_batch(request: Request[Any, Any, Any], batch_id: str) -> dict[str, Any]:
        return _told(await _find(rooms, owner_of_caller(request, identify), batch_id))

    @post("/v1/batches/{batch_id:str}/cancel", status_code=200)
    async def cancel_batch(request: Request[Any, Any, Any], batch_id: str) -> dict[str, Any]:
        batch = await _find(rooms, owner_of_caller(request, identify), batch_id)
        if not batch.is_open:
            raise ApiError(409, "batch_ended", f"The batch cannot be cancelled: it is {batch.status.value}.")
        return _told(await rooms.runner.cancel(batch))

    return [create_batch, list_batches, retrieve_batch, cancel_batch]


def read_body(body: bytes, kind: type[T]) -> T:
    """Raises ApiError 400."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        found = _PATH.search(str(error))
        param = found[1] if found and found[1] else None
        raise ApiError(400, "invalid_value", f"Invalid body: {error}.", param=param) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ApiError(400, "invalid_json", f"The body is no JSON: {error}.") from None


def _new(rooms: BatchRooms, asked: _Create, headers: dict[str, str], owner: str) -> Batch:
    if asked.endpoint not in rooms.endpoints:
        raise _invalid("endpoint", f"one of {', '.join(rooms.endpoints)}")
    window_s = _window_s(asked.completion_window)
    metadata = asked.metadata or {}
    if len(metadata) > _MOST_PAIRS or any(
        len(name) > _MOST_NAME or len(value) > _MOST_VALUE for name, value in metadata.items()
    ):
        expected = f"at most {_MOST_PAIRS} pairs, names of {_MOST_NAME} characters, values of {_MOST_VALUE}"
        raise _invalid("metadata", expected)
    keep_s, expiry = rooms.keep_s, asked.output_expires_after
    if expiry is not None:
        if expiry.anchor != "created_at":
            raise _invalid("output_expires_after.anchor", "'created_at'")
        keep_s = expiry_s(expiry.seconds, "output_expires_after.seconds")
    now = int(time.time())
    return Batch(
        id=rooms.batches.new_id(),
        owner=owner,
        endpoint=asked.endpoint,
        input_file_id=asked.input_file_id,
        window=asked.completion_window,
        created_at=now,
        expires_at=now + window_s,
        results=rooms.files.new_id(),
        failures=rooms.files.new_id(),
        keep_s=keep_s,
        headers=for_each_line(headers),
        metadata=asked.metadata,
    )


def for_each_line(headers: dict[str, str]) -> dict[str, str]:
    """What holds for every line, and is looked at now: a line of it would only fail later. Raises ApiError 400."""
    for check in _CHECKS:
        check(headers)
    return {name: headers[name] for name in _FOR_EACH_LINE if name in headers}


def _window_s(window: str) -> int:
    found = _WINDOW.fullmatch(window)
    seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
    if not 0 < seconds <= _LONGEST_S:
        raise _invalid("completion_window", "a time like '24h', at most 14 days ('30m', '48h', '7d')")
    return seconds


def _invalid(param: str, expected: str) -> ApiError:
    return ApiError(400, "invalid_value", f"Invalid {param!r}: expected {expected}.", param=param)


def too_many_open(rooms: BatchRooms) -> ApiError:
    """429."""
    message = f"This key has {rooms.runner.bounds.max_open} batches that have not ended; more are not taken."
    return ApiError(429, "too_many_batches", message, kind="rate_limit_error", retry_after_s=60.0)


def no_such_batch(batch_id: str, param: str = "batch_id") -> ApiError:
    """404, whoever's it is."""
    return ApiError(404, "not_found", f"No such batch: {batch_id[:64]!r}.", param=param)


def owner_of_caller(request: Request[Any, Any, Any], identify: Identify) -> str:
    """Whose files and batches a request sees. Raises ApiError 401 and 403."""
    return owner_of(identify(headers_once(request.scope["headers"])).key)


async def _find(rooms: BatchRooms, owner: str, batch_id: str) -> Batch:
    try:
        return rooms.runner.live(await on_disk(rooms.batches.find, owner, batch_id))
    except NoSuchBatch:
        raise no_such_batch(batch_id) from None


def _told(batch: Batch) -> dict[str, Any]:
    errors = {"object": "list", "data": [_fault(one) for one in batch.faults]} if batch.faults else None
    return {
        "id": batch.id,
        "object": "batch",
        "endpoint": batch.endpoint,
        "errors": errors,
        "input_file_id": batch.input_file_id,
        "completion_window": batch.window,
        "status": batch.status.value,
        "output_file_id": batch.output_file_id,
        "error_file_id": batch.error_file_id,
        "created_at": batch.created_at,
        "expires_at": batch.expires_at,
        **{name: getattr(batch, name) for name in _TIMES},
        "request_counts": {name: getattr(batch.counts, name) for name in ("total", "completed", "failed")},
        "metadata": batch.metadata,
    }


def _fault(one: BatchFault) -> dict[str, Any]:
    return {"code": one.code, "message": one.message, "param": one.param, "line": one.line}
