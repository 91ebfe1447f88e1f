"""`/v1/messages/batches`: Anthropic's batches, a second face of the same engine. The requests become a file of lines, and its
results are told in Anthropic's form. A key sees its own only.

Source: Anthropic's Python SDK 2.14, `types/messages` and `resources/messages/batches.py`.
"""

import asyncio
import datetime as dt
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any, BinaryIO

import msgspec
from litestar import Request, delete, get, post
from litestar.types import ASGIApp

from gateway.http.errors import ApiError
from gateway.http.identity import Identify
from gateway.http.wire import Bodies, OpenRequests, headers_once
from gateway.state.batches import NoSuchBatch, TooManyOpen
from gateway.state.files import FileHeld, Files, NoSuchFile
from gateway.surfaces.batches import BatchRooms, for_each_line, no_such_batch, owner_of_caller, read_body, too_many_open
from gateway.surfaces.storage import number_of, on_disk
from gateway.surfaces.table import MESSAGES
from gateway.values.batch import MESSAGE_BATCH, Batch, BatchCounts, BatchStatus
from gateway.values.stored_file import owner_of
from gateway.watch.batches.lines import LineWrong, parse_line

_WINDOW_S, _WINDOW = 86_400, "24h"
_MOST_LISTED, _USUAL_LISTED = 1000, 20
_BLOCK_BYTES = 256 * 1024
_STATUS = {BatchStatus.CANCELLING: "canceling", BatchStatus.VALIDATING: "in_progress"}
_STATUS |= {BatchStatus.IN_PROGRESS: "in_progress", BatchStatus.FINALIZING: "in_progress"}
_NOT_ANSWERED = {"batch_cancelled": "canceled", "batch_expired": "expired"}


class _Asked(msgspec.Struct, forbid_unknown_fields=True):
    custom_id: str
    params: msgspec.Raw


class _Create(msgspec.Struct, forbid_unknown_fields=True):
    requests: list[_Asked]


class _Line(msgspec.Struct):
    custom_id: str
    response: dict[str, msgspec.Raw] | None = None
    error: dict[str, Any] | None = None


def message_batch_handlers(rooms: BatchRooms, bodies: Bodies, identify: Identify) -> list[Any]:
    """The handlers of `/v1/messages/batches`."""

    @post("/v1/messages/batches", status_code=200)
    async def create_message_batch(request: Request[Any, Any, Any]) -> dict[str, Any]:
        headers = headers_once(request.scope["headers"])
        key = identify(headers).key
        asked = read_body(await bodies.read(request.receive, headers, key), _Create)
        batch = await on_disk(_stored, rooms, asked, owner_of(key), for_each_line(headers))
        rooms.runner.begin(batch)
        return _told(batch)

    @get("/v1/messages/batches")
    async def list_message_batches(request: Request[Any, Any, Any]) -> dict[str, Any]:
        owner, asked = owner_of_caller(request, identify), request.query_params
        limit = number_of(request, "limit", _USUAL_LISTED, _MOST_LISTED)
        after, before = asked.get("after_id"), asked.get("before_id")
        if after is not None and before is not None:
            raise ApiError(400, "invalid_value", "Invalid 'before_id': expected it, or 'after_id'.", param="before_id")
        page = rooms.batches.page
        try:
            found, more = await on_disk(
                page, owner, limit=limit, after=after or before, kind=MESSAGE_BATCH, newer=before is not None
            )
        except NoSuchBatch as missing:
            raise no_such_batch(str(missing), "before_id" if after is None else "after_id") from None
        told = [_told(rooms.runner.live(one)) for one in found]
        ends = {"first_id": told[0]["id"] if told else None, "last_id": told[-1]["id"] if told else None}
        return {"data": told, "has_more": more, **ends}

    @get("/v1/messages/batches/{batch_id:str}")
    async def retrieve_message_batch(request: Request[Any, Any, Any], batch_id: str) -> dict[str, Any]:
        return _told(await _find(rooms, request, identify, batch_id))

    @post("/v1/messages/batches/{batch_id:str}/cancel", status_code=200)
    async def cancel_message_batch(request: Request[Any, Any, Any], batch_id: str) -> dict[str, Any]:
        return _told(await rooms.runner.cancel(await _find(rooms, request, identify, batch_id)))

    @delete("/v1/messages/batches/{batch_id:str}", status_code=200)
    async def delete_message_batch(request: Request[Any, Any, Any], batch_id: str) -> dict[str, Any]:
        batch = await _find(rooms, request, identify, batch_id)
        if batch.is_open:
            raise ApiError(409, "batch_open", "The batch has not ended; cancel it first.")
        await on_disk(_delete, rooms, batch)
        return {"id": batch.id, "type": "message_batch_deleted"}

    return [
        create_message_batch, list_message_batches, retrieve_message_batch, cancel_message_batch, delete_message_batch,
        _results(rooms, identify),
    ]  # fmt: skip


def _results(rooms: BatchRooms, identify: Identify) -> Any:
    """Lines go out as they are read, and the client's leaving ends it."""
    open_requests = OpenRequests()

    @get("/v1/messages/batches/{batch_id:str}/results")
    async def message_batch_results(request: Request[Any, Any, Any], batch_id: str) -> ASGIApp:
        batch = await _find(rooms, request, identify, batch_id)
        if batch.is_open:
            raise ApiError(409, "batch_open", "The batch has not ended: there are no results yet.")
        files = await on_disk(_opened, rooms.files, batch)

        async def send_results(_: Any, receive: Any, send: Any) -> None:
            with ExitStack() as opened, open_requests.begin(receive):
                for file in files:
                    opened.enter_context(file)
                blocks = _blocks(files)
                headers = [(b"content-type", b"application/x-jsonl")]
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                while block := await asyncio.to_thread(next, blocks, b""):
                    await send({"type": "http.response.body", "body": block, "more_body": True})
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        return send_results

    return message_batch_results


def _stored(rooms: BatchRooms, asked: _Create, owner: str, headers: dict[str, str]) -> Batch:
    """The requests as a file, and the batch on record. Blocks. Raises ApiError 400, what is wrong with which request."""
    most = rooms.runner.bounds.max_lines
    if not 0 < len(asked.requests) <= most:
        raise ApiError(400, "invalid_value", f"Invalid 'requests': expected 1 to {most} requests.", param="requests")
    upload = rooms.files.upload()
    now = int(time.time())
    batch_id = rooms.batches.new_id(MESSAGE_BATCH)
    try:
        block, seen = bytearray(), set[str]()
        for at, one in enumerate(asked.requests):
            block += _line(one, at, seen)
            if len(block) >= _BLOCK_BYTES:
                upload.write(bytes(block))
                block.clear()
        upload.write(bytes(block))
        expires_at = now + _WINDOW_S + rooms.keep_s
        name = f"{batch_id}_input.jsonl"
        file = upload.keep(owner=owner, filename=name, purpose="batch", created_at=now, expires_at=expires_at)
        batch = Batch(
            id=batch_id,
            owner=owner,
            endpoint=MESSAGES.path,
            input_file_id=file.id,
            window=_WINDOW,
            created_at=now,
            expires_at=now + _WINDOW_S,
            results=rooms.files.new_id(),
            failures=rooms.files.new_id(),
            keep_s=rooms.keep_s,
            headers=headers,
            counts=BatchCounts(len(asked.requests)),
        )
        try:
            rooms.batches.add(batch, rooms.runner.bounds.max_open)
        except TooManyOpen:
            rooms.files.delete(owner, file.id, now)
            raise too_many_open(rooms) from None
    finally:
        upload.discard()
    return batch


def _line(one: _Asked, at: int, seen: set[str]) -> bytes:
    where = f"requests[{at}]"
    params = bytes(one.params).replace(b"\n", b" ").replace(b"\r", b" ")
    line = b'{"custom_id":%s,"method":"POST","url":"%s","body":%s}' % (
        msgspec.json.encode(one.custom_id),
        MESSAGES.path.encode(),
        params,
    )
    try:
        parse_line(line, at + 1, MESSAGES.path)
    except LineWrong as wrong:
        path = f"{where}.{wrong.param.replace('body', 'params', 1)}" if wrong.param else where
        raise ApiError(400, "invalid_value", f"Invalid {path!r}: {wrong.message}", param=path) from None
    if one.custom_id in seen:
        path = f"{where}.custom_id"
        raise ApiError(400, "invalid_value", f"Invalid {path!r}: expected one of its own.", param=path)
    seen.add(one.custom_id)
    return line + b"\n"


async def _find(rooms: BatchRooms, request: Request[Any, Any, Any], identify: Identify, batch_id: str) -> Batch:
    try:
        found = await on_disk(rooms.batches.find, owner_of_caller(request, identify), batch_id, MESSAGE_BATCH)
    except NoSuchBatch:
        raise no_such_batch(batch_id) from None
    return rooms.runner.live(found)


def _delete(rooms: BatchRooms, batch: Batch) -> None:
    rooms.batches.delete(batch.id)
    for file_id in (batch.input_file_id, batch.output_file_id, batch.error_file_id):
        if file_id is not None:
            with suppress(NoSuchFile, FileHeld):
                rooms.files.delete(batch.owner, file_id, time.time())


def _opened(files: Files, batch: Batch) -> list[BinaryIO]:
    """Those of its results that are still kept; none where they were deleted or have expired."""
    found = []
    with ExitStack() as opened:
        for file_id in (batch.output_file_id, batch.error_file_id):
            if file_id is not None:
                with suppress(NoSuchFile):
                    files.find(batch.owner, file_id, time.time())
                    found.append(opened.enter_context(files.open(file_id)))
        opened.pop_all()
    return found


def _blocks(results: list[BinaryIO]) -> Iterator[bytes]:
    """Blocks."""
    block = bytearray()
    for file in results:
        for raw in file:
            block += _result(raw) + b"\n"
            if len(block) >= _BLOCK_BYTES:
                yield bytes(block)
                block.clear()
    if block:
        yield bytes(block)


def _result(raw: bytes) -> bytes:
    line = msgspec.json.decode(raw, type=_Line)
    result: dict[str, Any]
    if line.response is None:
        code = str((line.error or {}).get("code"))
        result = {"type": _NOT_ANSWERED.get(code, "expired")}
    elif bytes(line.response["status_code"]) == b"200":
        result = {"type": "succeeded", "message": line.response["body"]}
    else:
        result = {"type": "errored", "error": line.response["body"]}
    return msgspec.json.encode({"custom_id": line.custom_id, "result": result})


def _told(batch: Batch) -> dict[str, Any]:
    ended = not batch.is_open
    ended_at = batch.completed_at or batch.expired_at or batch.cancelled_at or batch.failed_at
    return {
        "id": batch.id,
        "type": "message_batch",
        "processing_status": _STATUS.get(batch.status, "ended"),
        "request_counts": _counts(batch),
        "created_at": _moment(batch.created_at),
        "expires_at": _moment(batch.expires_at),
        "ended_at": _moment(ended_at),
        "cancel_initiated_at": _moment(batch.cancelling_at),
        "archived_at": None,
        "results_url": f"{MESSAGES.path}/batches/{batch.id}/results" if ended else None,
    }


def _counts(batch: Batch) -> dict[str, int]:
    """All are `processing` until the batch has ended."""
    counts, given_up = batch.counts, batch.counts.not_answered
    if batch.is_open:
        return {"processing": counts.total, "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0}
    was_cancelled = batch.status is BatchStatus.CANCELLED
    return {
        "processing": 0,
        "succeeded": counts.completed,
        "errored": counts.total - counts.completed - given_up,
        "canceled": given_up if was_cancelled else 0,
        "expired": 0 if was_cancelled else given_up,
    }


def _moment(at: int | None) -> str | None:
    """RFC 3339."""
    return None if at is None else dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
