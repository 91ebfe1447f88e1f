"""`/v1/files`: what a caller keeps with the gateway, as OpenAI's API has it. A key sees its own files only; those of others,
expired ones and those that never were are the same 404.

Source: OpenAI's OpenAPI document, `createFile` to `downloadFile`, `OpenAIFile`; its Python SDK 3.54 for the form's fields.
"""

import asyncio
import re
import time
from typing import Any

import msgspec
from litestar import Request, delete, get, post
from litestar.types import ASGIApp

from gateway.http.errors import ApiError
from gateway.http.identity import Identify
from gateway.http.multipart import Part, Sink, read_form
from gateway.http.wire import OpenRequests, headers_once
from gateway.state.files import FileHeld, Files, NoSuchFile, Upload
from gateway.surfaces.storage import listed, number_of, on_disk
from gateway.values.stored_file import StoredFile, owner_of

PURPOSES = ("assistants", "batch", "evals", "fine-tune", "user_data", "vision")
_LEAST_S, _MOST_S = 3600, 2_592_000  # of `expires_after`
_FORM_BYTES = 1024 * 1024  # of a form, beside its file
_BLOCK_BYTES = 256 * 1024  # written, or read, at a time
_MOST_LISTED = 10_000
_NAME_CHARACTERS = 255
_EXPIRES = ("expires_after[anchor]", "expires_after[seconds]")
_FIELDS = ("file", "purpose", *_EXPIRES)
_SECONDS = re.compile(r"[0-9]{1,9}")


class FileBounds(msgspec.Struct, frozen=True, kw_only=True):
    """`most_bytes` of one file; `keep_s`: how long one is kept that does not say so itself."""

    most_bytes: int
    keep_s: int


def file_handlers(files: Files, bounds: FileBounds, identify: Identify) -> list[Any]:
    """The handlers of `/v1/files`."""

    @get("/v1/files")
    async def list_files(request: Request[Any, Any, Any]) -> dict[str, Any]:
        owner = _owner(request, identify)
        asked = request.query_params
        order = asked.get("order", "desc")
        if order not in {"asc", "desc"}:
            raise ApiError(400, "invalid_value", "Invalid 'order': expected 'asc' or 'desc'.", param="order")
        try:
            found, has_more = await on_disk(
                files.page,
                owner,
                time.time(),
                limit=number_of(request, "limit", _MOST_LISTED, _MOST_LISTED),
                after=asked.get("after"),
                purpose=asked.get("purpose"),
                newest_first=order == "desc",
            )
        except NoSuchFile as missing:
            raise no_such_file(str(missing), "after") from None
        return listed([_told(one) for one in found], has_more)

    @get("/v1/files/{file_id:str}")
    async def retrieve_file(request: Request[Any, Any, Any], file_id: str) -> dict[str, Any]:
        return _told(await _find(files, _owner(request, identify), file_id))

    @delete("/v1/files/{file_id:str}", status_code=200)
    async def delete_file(request: Request[Any, Any, Any], file_id: str) -> dict[str, Any]:
        try:
            await on_disk(files.delete, _owner(request, identify), file_id, time.time())
        except NoSuchFile:
            raise no_such_file(file_id) from None
        except FileHeld as held:
            message = f"The file is in use by {held}, which has not ended; cancel it first."
            raise ApiError(409, "file_in_use", message) from None
        return {"id": file_id, "object": "file", "deleted": True}

    return [_uploading(files, bounds, identify), list_files, retrieve_file, _downloading(files, identify), delete_file]


def _uploading(files: Files, bounds: FileBounds, identify: Identify) -> Any:
    @post("/v1/files", status_code=200)
    async def upload_file(request: Request[Any, Any, Any]) -> dict[str, Any]:
        headers = headers_once(request.scope["headers"])
        owner = owner_of(identify(headers).key)
        incoming = _Incoming(files, bounds.most_bytes)
        try:
            limit = bounds.most_bytes + _FORM_BYTES
            fields = await read_form(request.receive, headers, incoming.sink_of, limit=limit)
            return _told(await _kept(incoming, fields, owner, bounds))
        finally:
            await incoming.discard()

    return upload_file


def _downloading(files: Files, identify: Identify) -> Any:
    """Blocks of the file go out as they are read, and the client's leaving ends it."""
    open_requests = OpenRequests()

    @get("/v1/files/{file_id:str}/content")
    async def download_file(request: Request[Any, Any, Any], file_id: str) -> ASGIApp:
        found = await _find(files, _owner(request, identify), file_id)
        try:
            file = await on_disk(files.open, found.id)
        except NoSuchFile:
            raise no_such_file(file_id) from None
        headers = [(b"content-type", b"application/octet-stream"), (b"content-length", str(found.size).encode())]

        async def send_file(_: Any, receive: Any, send: Any) -> None:
            with file, open_requests.begin(receive):
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                while block := await asyncio.to_thread(file.read, _BLOCK_BYTES):
                    await send({"type": "http.response.body", "body": block, "more_body": True})
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        return send_file

    return download_file


def no_such_file(file_id: str, param: str = "file_id") -> ApiError:
    """404, whoever's it is."""
    return ApiError(404, "not_found", f"No such file: {file_id[:64]!r}.", param=param)


class _Incoming:
    """The form of an upload: its one file goes to the disk as it comes."""

    def __init__(self, files: Files, most_bytes: int) -> None:
        self.upload: Upload | None = None
        self.filename = ""
        self._files = files
        self._most_bytes = most_bytes
        self._block = bytearray()

    async def sink_of(self, part: Part) -> Sink | None:
        if part.name != "file":
            return None
        if self.upload is not None:
            raise ApiError(400, "invalid_value", "Invalid 'file': expected one file.", param="file")
        self.filename = (part.filename or "file")[:_NAME_CHARACTERS]
        self.upload = await on_disk(self._files.upload)
        return self

    async def write(self, data: bytes) -> None:
        self._block += data
        if self.upload is not None and self.upload.size + len(self._block) > self._most_bytes:
            raise ApiError(413, "file_too_large", f"The file is larger than {self._most_bytes} bytes.", param="file")
        if len(self._block) >= _BLOCK_BYTES:
            await self._flush()

    async def whole(self) -> Upload:
        """Once the form was read. Raises ApiError 400 if there was no file in it."""
        if self.upload is None:
            raise ApiError(400, "missing_required_parameter", "Missing 'file': expected a file.", param="file")
        await self._flush()
        return self.upload

    async def discard(self) -> None:
        """Nothing that was not kept stays."""
        if self.upload is not None:
            await asyncio.shield(asyncio.to_thread(self.upload.discard))

    async def _flush(self) -> None:
        block, self._block = bytes(self._block), bytearray()
        if block and self.upload is not None:
            await on_disk(self.upload.write, block)


async def _kept(incoming: _Incoming, fields: list[tuple[str, str]], owner: str, bounds: FileBounds) -> StoredFile:
    named: dict[str, str] = {}
    for name, value in fields:
        if name not in _FIELDS:
            expected = ", ".join(_FIELDS)
            message = f"Unknown field {name[:40]!r}: expected one of {expected}."
            raise ApiError(400, "unknown_parameter", message, param=name[:40])
        if name in named:
            raise ApiError(400, "invalid_value", f"Invalid {name!r}: it was sent more than once.", param=name)
        named[name] = value
    purpose = named.get("purpose")
    if purpose not in PURPOSES:
        raise ApiError(
            400, "invalid_value", f"Invalid 'purpose': expected one of {', '.join(PURPOSES)}.", param="purpose"
        )
    now = int(time.time())
    upload = await incoming.whole()
    return await on_disk(
        upload.keep,
        owner=owner,
        filename=incoming.filename,
        purpose=purpose,
        created_at=now,
        expires_at=now + _kept_s(named, bounds.keep_s),
    )


def _kept_s(named: dict[str, str], usual: int) -> int:
    if not any(name in named for name in _EXPIRES):
        return usual
    if named.get(_EXPIRES[0]) != "created_at":
        raise ApiError(400, "invalid_value", f"Invalid {_EXPIRES[0]!r}: expected 'created_at'.", param=_EXPIRES[0])
    raw = named.get(_EXPIRES[1], "")
    return expiry_s(int(raw) if _SECONDS.fullmatch(raw) else None, _EXPIRES[1])


def expiry_s(seconds: object, param: str) -> int:
    """How long a caller wants a file kept. Raises ApiError 400."""
    if type(seconds) is not int or not _LEAST_S <= seconds <= _MOST_S:
        raise ApiError(
            400, "invalid_value", f"Invalid {param!r}: expected {_LEAST_S} to {_MOST_S} seconds.", param=param
        )
    return seconds


def _owner(request: Request[Any, Any, Any], identify: Identify) -> str:
    return owner_of(identify(headers_once(request.scope["headers"])).key)


async def _find(files: Files, owner: str, file_id: str) -> StoredFile:
    try:
        return await on_disk(files.find, owner, file_id, time.time())
    except NoSuchFile:
        raise no_such_file(file_id) from None


def _told(one: StoredFile) -> dict[str, Any]:
    expires = {} if one.expires_at is None else {"expires_at": one.expires_at}
    return {
        "id": one.id,
        "object": "file",
        "bytes": one.size,
        "created_at": one.created_at,
        **expires,
        "filename": one.filename,
        "purpose": one.purpose,
        "status": "processed",
    }
