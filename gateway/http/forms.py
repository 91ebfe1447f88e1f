"""Forms with files (multipart/form-data, RFC 7578), read as they come: texts into memory, files into a spool.

A text may stand behind a file, and what it says decides where the request may go (law 1). So nothing is sent anywhere before
the last byte is here, and every attempt can send all of it.
"""

import asyncio
import re
import secrets

import msgspec
from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser, parse_options_header

from gateway.http.body_budget import BodyBudget
from gateway.http.errors import ApiError, encoded, no_room
from gateway.http.spool import Spool
from gateway.http.wire import BodyBroken, ClientGone, Message, Receive
from gateway.values.upload import FilePart, Upload

MOST_PARTS = 256
MOST_TEXT_BYTES = 1024 * 1024  # of all texts together, and of the names
_AT_ONCE = 8  # forms of the largest size that are held
_BODY_S = 60.0
_LEAST_BYTES_S = 64 * 1024  # a form may take a second more for so many that have come
_BUSY_S = 5.0
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")  # RFC 2046 5.1.1
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,8}$")
_MEDIA = re.compile(r"[a-z0-9][a-z0-9.+-]{0,60}/[a-z0-9][a-z0-9.+-]{0,60}")
_CHARSETS = {
    "utf-8": "utf-8", "utf8": "utf-8", "us-ascii": "utf-8", "ascii": "utf-8", "iso-8859-1": "latin-1",
    "latin-1": "latin-1", "latin1": "latin-1", "windows-1252": "cp1252", "utf-16": "utf-16",
}  # fmt: skip
_encode = msgspec.json.Encoder().encode


class Form(msgspec.Struct):
    """`fields`: the texts, each as JSON has it, in order; several of a name are a list. `size` is theirs, in bytes. Whoever
    has it closes the `spool`.
    """

    fields: dict[str, msgspec.Raw]
    size: int
    upload: Upload
    spool: Spool


def form_boundary(headers: dict[str, str]) -> str | None:
    """That of a form; None if the body is none. Raises ApiError 400 for a form without one."""
    kind, options = parse_options_header(headers.get("content-type", ""))
    if kind != "multipart/form-data":
        return None
    boundary = options.get("boundary", "")
    if not _BOUNDARY.fullmatch(boundary):
        message = "Invalid header 'content-type': expected multipart/form-data with a boundary of 1 to 70 characters."
        raise ApiError(400, "invalid_header", message, param="content-type")
    return str(boundary)


class Forms:
    """Reads forms of at most `limit` bytes each. One per process."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._budget = BodyBudget(limit, _AT_ONCE * limit)

    async def read(
        self, receive: Receive, headers: dict[str, str], key: str | None, boundary: str, files: frozenset[str]
    ) -> Form:
        """The whole form. `files`: the names under which files may come.

        Raises ApiError 400 for what is no form, 413 if it is too large, 408 if it is too slow, 415 if it is encoded, 503
        where too much is held already, by `key` or by all; ClientGone or BodyBroken if it never ends.
        """
        if headers.get("content-encoding", "").strip().lower() not in ("", "identity"):
            raise encoded()
        announced = headers.get("content-length", "")
        length = int(announced) if announced.isdecimal() else None
        if length is not None and length > self._limit:
            raise _too_large(self._limit)
        reading = _Reading(boundary, files)
        try:
            async with asyncio.timeout(_BODY_S) as timer:
                await self._read(receive, reading, key, length, timer)
            return reading.form()
        except BaseException as problem:
            reading.spool.close()
            if isinstance(problem, TimeoutError):
                raise ApiError(408, "request_timeout", "The body came too slowly.") from None
            if isinstance(problem, OSError):
                raise no_room(_BUSY_S) from problem
            raise

    async def _read(
        self, receive: Receive, reading: "_Reading", key: str | None, length: int | None, timer: asyncio.Timeout
    ) -> None:
        began, size = asyncio.get_running_loop().time(), 0
        while True:
            message: Message = await receive()
            if message["type"] != "http.request":
                raise BodyBroken if length is None else ClientGone
            part: bytes = message.get("body", b"")
            size += len(part)
            if size > self._limit:
                raise _too_large(self._limit)
            self._budget.hold(key, size, length or 0)
            timer.reschedule(began + _BODY_S + size / _LEAST_BYTES_S)
            await reading.feed(part)
            if not message.get("more_body"):
                await reading.end()
                return


class _Reading:
    """One form, as it comes."""

    def __init__(self, boundary: str, files: frozenset[str]) -> None:
        self.spool = Spool()
        self._parser = PushMultipartParser(boundary, max_segment_count=MOST_PARTS, max_header_count=8, strict=False)
        self._names = files
        self._texts: list[tuple[str, str]] = []
        self._files: list[FilePart] = []
        self._segment: MultipartSegment | None = None
        self._text: list[bytes] = []
        self._text_bytes = 0  # of all texts
        self._began_at = 0  # in the spool

    async def feed(self, data: bytes) -> None:
        """Some more of it. Raises ApiError, OSError."""
        if self._parser.closed or not data:
            return  # what follows a form is none of it (RFC 2046 5.1.1)
        try:
            events = self._parser.parse(data)
            for event in events:
                if isinstance(event, MultipartSegment):
                    self._begin(event)
                elif event is None:
                    self._finish()
                elif self._is_file:
                    await self.spool.write(bytes(event))
                else:
                    self._add_text(bytes(event))
        except MultipartError as problem:
            raise _no_form(problem) from None

    async def end(self) -> None:
        """It has ended. Raises ApiError where that was not the form's end."""
        try:
            self._parser.close()
        except MultipartError as problem:
            raise _no_form(problem) from None
        await self.spool.finish()

    def form(self) -> Form:
        """What came."""
        fields: dict[str, list[str]] = {}
        for name, text in self._texts:
            fields.setdefault(name, []).append(text)
        raw = {name: msgspec.Raw(_encode(all_of[0] if len(all_of) == 1 else all_of)) for name, all_of in fields.items()}
        return Form(raw, self._text_bytes, Upload(tuple(self._files), self.spool, secrets.token_hex(24)), self.spool)

    @property
    def _is_file(self) -> bool:
        return self._segment is not None and self._segment.filename is not None

    def _begin(self, segment: MultipartSegment) -> None:
        name = segment.name or ""
        if not name:
            raise ApiError(400, "invalid_form", "A part of the form has no name.")
        self._count(len(name.encode("utf-8", "surrogatepass")))
        if segment.filename is not None and name not in self._names:
            known = ", ".join(sorted(self._names))
            raise _invalid(name, f"a text; files are {known}")
        if segment.filename is None and name in self._names:
            raise _invalid(name, "a file: its part needs a filename")
        if segment.filename is None and (segment.charset or "utf-8").lower() not in _CHARSETS:
            raise _invalid(name, "a text in UTF-8")
        self._segment, self._began_at = segment, self.spool.size

    def _add_text(self, data: bytes) -> None:
        self._count(len(data))
        self._text.append(data)

    def _count(self, size: int) -> None:
        self._text_bytes += size
        if self._text_bytes > MOST_TEXT_BYTES:
            raise ApiError(413, "request_too_large", f"The texts of the form are larger than {MOST_TEXT_BYTES} bytes.")

    def _finish(self) -> None:
        segment = self._segment
        if segment is None:
            return
        name = segment.name or ""
        if self._is_file:
            ending = _ENDING.search(segment.filename or "")
            media = (segment.content_type or "").lower()
            media = media if _MEDIA.fullmatch(media) else "application/octet-stream"
            size = self.spool.size - self._began_at
            self._files.append(FilePart(name, ending[0] if ending else "", media, self._began_at, size))
        else:
            try:
                text = b"".join(self._text).decode(_CHARSETS[(segment.charset or "utf-8").lower()])
            except UnicodeDecodeError:
                raise _invalid(name, "a text in UTF-8") from None
            self._texts.append((name, text))
            self._text.clear()
        self._segment = None


def _no_form(problem: MultipartError) -> ApiError:
    if isinstance(problem, ParserLimitReached):
        message = f"The form has more than {MOST_PARTS} parts, or a part has too many or too long headers."
        return ApiError(413, "request_too_large", message)
    return ApiError(400, "invalid_form", f"The body is not a form as its content-type says: {problem.args[0]}.")


def _invalid(name: str, expected: str) -> ApiError:
    shown = name[:64]
    return ApiError(400, "invalid_value", f"Invalid {shown!r}: expected {expected}.", param=shown)


def _too_large(limit: int) -> ApiError:
    return ApiError(413, "request_too_large", f"The body is larger than {limit} bytes.")
