"""A `multipart/form-data` body (RFC 7578) as it comes: its parts one after the other, none of them held whole in memory.

The parser keeps what may be the beginning of a boundary, and a part's headers. What becomes of a part's bytes is up to who
reads: `read_form` gives those of files to a sink, and collects the other fields, which are small, as text.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

import msgspec
from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser, parse_options_header

from gateway.http.errors import ApiError, encoded
from gateway.http.wire import PLAIN_CODINGS, BodyBroken, ClientGone, Receive, too_large

_IDLE_S = 60.0  # without a byte, before an upload is given up
_LEAST_BYTES_S = 64 * 1024  # one may take that long, and a second more for so many bytes that have come
_MOST_PARTS = 64
_MOST_FIELD_BYTES = 64 * 1024  # of all fields that are no files, together
_FORM = "multipart/form-data"


class Part(msgspec.Struct, frozen=True):
    """Of a form. `name` is the field's; `filename` and `content_type` as the caller wrote them: names for nothing of ours."""

    name: str
    filename: str | None = None
    content_type: str | None = None


class Sink(Protocol):
    """Takes the bytes of a part, in order."""

    async def write(self, data: bytes) -> None:
        """The next ones. Whoever sends waits as long as this takes."""


FormEvent = Part | bytes | None  # a part begins; some of its bytes; it has ended
SinkOf = Callable[[Part], Awaitable[Sink | None]]


def boundary_of(headers: dict[str, str]) -> str:
    """What separates the parts. Raises ApiError 415 if the body is no form, 400 if it does not say."""
    kind, options = parse_options_header(headers.get("content-type", ""))
    if kind != _FORM:
        message = f"Invalid header 'content-type': expected {_FORM!r}."
        raise ApiError(415, "unsupported_content_type", message, param="content-type")
    boundary: str = options.get("boundary", "")
    if not 0 < len(boundary) <= 200 or not boundary.isascii() or not boundary.isprintable():  # RFC 2046 allows 70
        message = f"Invalid header 'content-type': expected {_FORM!r} with a boundary."
        raise ApiError(400, "invalid_header", message, param="content-type")
    return boundary


async def form_events(
    receive: Receive, headers: dict[str, str], *, limit: int, most_parts: int = _MOST_PARTS, idle_s: float = _IDLE_S
) -> AsyncIterator[FormEvent]:
    """For each part a `Part`, its bytes in pieces, and None.

    Raises ApiError: 415 for what is no form or is encoded, 413 for a body of more than `limit` bytes, 408 for one of which
    nothing came for `idle_s`, or that comes by drips, 400 for one that is malformed; ClientGone or BodyBroken for one that
    never ends.
    """
    boundary = boundary_of(headers)
    if headers.get("content-encoding", "").strip().lower() not in PLAIN_CODINGS:
        raise encoded()
    parser = PushMultipartParser(boundary, max_segment_count=most_parts)
    try:
        async for data in _pieces(receive, headers, limit, idle_s):
            for event in parser.parse(data):
                yield _part(event) if isinstance(event, MultipartSegment) else event
        parser.close()
    except ParserLimitReached as much:
        raise _malformed(f"it has more than {most_parts} parts, or a part's headers are too long ({much})") from None
    except MultipartError as error:
        raise _malformed(str(error.args[0])) from None


async def read_form(
    receive: Receive, headers: dict[str, str], sink_of: SinkOf, *, limit: int, idle_s: float = _IDLE_S
) -> list[tuple[str, str]]:
    """The fields that are no files, in their order: names may be there more than once. A part for which `sink_of` gives a
    sink goes there. Raises what `form_events` does, and ApiError 400 for a field that is no text or is too long.
    """
    fields: list[tuple[str, str]] = []
    taken = 0
    part, sink, text = Part(""), None, bytearray()
    async for event in form_events(receive, headers, limit=limit, idle_s=idle_s):
        if isinstance(event, Part):
            part, text = event, bytearray()
            sink = await sink_of(part)
        elif event is None:
            if sink is None:
                fields.append((part.name, _text(part.name, text)))
        elif sink is not None:
            await sink.write(event)
        else:
            taken += len(event)
            if taken > _MOST_FIELD_BYTES:
                raise _malformed(f"its fields that are no files have more than {_MOST_FIELD_BYTES} bytes")
            text += event
    return fields


async def _pieces(receive: Receive, headers: dict[str, str], limit: int, idle_s: float) -> AsyncIterator[bytes]:
    announced = headers.get("content-length", "")
    length = int(announced) if announced.isdecimal() else None
    if length is not None and length > limit:
        raise too_large(limit)
    size, now = 0, asyncio.get_running_loop().time
    began = now()
    while True:
        try:
            async with asyncio.timeout_at(min(now() + idle_s, began + idle_s + size / _LEAST_BYTES_S)):
                message = await receive()
        except TimeoutError:
            raise ApiError(408, "request_timeout", "The body came too slowly, or nothing more of it.") from None
        if message["type"] != "http.request":
            raise BodyBroken if length is None else ClientGone
        data: bytes = message.get("body", b"")
        size += len(data)
        if size > limit:
            raise too_large(limit)
        if data:  # an empty piece would end the parser's work
            yield data
        if not message.get("more_body"):
            return


def _part(segment: MultipartSegment) -> Part:
    if not segment.name:
        raise _malformed("a part has no name")
    return Part(segment.name, segment.filename, segment.content_type)


def _text(name: str, raw: bytearray) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise ApiError(
            400, "invalid_value", f"Invalid {name[:40]!r}: expected text in UTF-8.", param=name[:40]
        ) from None


def _malformed(why: str) -> ApiError:
    return ApiError(400, "invalid_multipart", f"The body is no {_FORM}: {why}.")
