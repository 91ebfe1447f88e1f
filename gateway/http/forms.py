"""Forms with files, held whole until their request has ended: texts in memory, files in a spool.

A text may stand behind a file, and what it says decides where the request may go (law 1). So nothing is sent anywhere before
the last byte is here, and every attempt can send all of it.
"""

import re
import secrets

import msgspec

from gateway.http.body_budget import BodyBudget
from gateway.http.errors import ApiError, no_room
from gateway.http.multipart import Part, form_events
from gateway.http.spool import Spool
from gateway.http.wire import Receive
from gateway.values.upload import FilePart, Upload

MOST_PARTS = 256
MOST_TEXT_BYTES = 1024 * 1024  # of all texts together, and of the names
_AT_ONCE = 8  # forms of the largest size that are held
_BUSY_S = 5.0
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,8}$")
# no text: what has many digits may be a number of somebody's
_MEDIA = re.compile(r"(?!(?:\D*\d){5})[a-z0-9][a-z0-9.+-]{0,60}/[a-z0-9][a-z0-9.+-]{0,60}")
_encode = msgspec.json.Encoder().encode


class Form(msgspec.Struct):
    """`fields`: the texts, each as JSON has it, in order; several of a name are a list. `size` is theirs, in bytes. Whoever
    has it closes the `spool`.
    """

    fields: dict[str, msgspec.Raw]
    size: int
    upload: Upload
    spool: Spool


class Forms:
    """Reads forms of at most `limit` bytes each. One per process."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._budget = BodyBudget(limit, _AT_ONCE * limit)

    async def read(self, receive: Receive, headers: dict[str, str], key: str | None, files: frozenset[str]) -> Form:
        """The whole form. `files`: the names under which files may come.

        Raises what `form_events` does, and ApiError 400 for a part that is none of this surface's, 413 for texts that are too
        large, 503 where too much is held already, by `key` or by all.
        """
        reading = _Reading(files)
        try:
            await self._read(receive, headers, reading, key)
            return reading.form()
        except OSError as full:
            reading.spool.close()
            raise no_room(_BUSY_S) from full
        except BaseException:
            reading.spool.close()
            raise

    async def _read(self, receive: Receive, headers: dict[str, str], reading: "_Reading", key: str | None) -> None:
        announced = headers.get("content-length", "")
        length = int(announced) if announced.isdecimal() else 0
        async for event in form_events(receive, headers, limit=self._limit, most_parts=MOST_PARTS):
            if isinstance(event, Part):
                reading.begin(event)
            elif event is None:
                reading.end_part()
            else:
                await reading.add(event)
                self._budget.hold(key, reading.size, length)
        await reading.spool.finish()


class _Reading:
    """One form, as it comes."""

    def __init__(self, files: frozenset[str]) -> None:
        self.spool = Spool()
        self._names = files
        self._fields: dict[str, list[str]] = {}
        self._files: list[FilePart] = []
        self._part = Part("")
        self._text: list[bytes] = []
        self._text_bytes = 0  # of all texts
        self._began_at = 0  # in the spool

    @property
    def size(self) -> int:
        """Bytes that are held."""
        return self.spool.size + self._text_bytes

    def begin(self, part: Part) -> None:
        """A part begins. Raises ApiError 400 where it is of the wrong kind."""
        self._count(len(part.name))
        if part.filename is not None and part.name not in self._names:
            known = ", ".join(sorted(self._names))
            raise _invalid(part.name, f"a text; files are {known}")
        if part.filename is None and part.name in self._names:
            raise _invalid(part.name, "a file: its part needs a filename")
        self._part, self._began_at = part, self.spool.size

    async def add(self, data: bytes) -> None:
        """Some of the part. Raises ApiError, OSError."""
        if self._part.filename is not None:
            await self.spool.write(data)
        else:
            self._count(len(data))
            self._text.append(data)

    def end_part(self) -> None:
        """The part is whole. Raises ApiError 400 for a text that is none."""
        part = self._part
        if part.filename is not None:
            ending = _ENDING.search(part.filename)
            media = (part.content_type or "").lower()
            media = media if _MEDIA.fullmatch(media) else "application/octet-stream"
            size = self.spool.size - self._began_at
            self._files.append(FilePart(part.name, ending[0] if ending else "", media, self._began_at, size))
            return
        try:
            text = b"".join(self._text).decode()
        except UnicodeDecodeError:
            raise _invalid(part.name, "a text in UTF-8") from None
        self._fields.setdefault(part.name, []).append(text)
        self._text.clear()

    def form(self) -> Form:
        """What came."""
        fields = {
            name: msgspec.Raw(_encode(texts[0] if len(texts) == 1 else texts)) for name, texts in self._fields.items()
        }
        upload = Upload(tuple(self._files), self.spool, secrets.token_hex(24))
        return Form(fields, self._text_bytes, upload, self.spool)

    def _count(self, size: int) -> None:
        self._text_bytes += size
        if self._text_bytes > MOST_TEXT_BYTES:
            raise ApiError(413, "request_too_large", f"The texts of the form are larger than {MOST_TEXT_BYTES} bytes.")


def _invalid(name: str, expected: str) -> ApiError:
    shown = name[:64]
    return ApiError(400, "invalid_value", f"Invalid {shown!r}: expected {expected}.", param=shown)
