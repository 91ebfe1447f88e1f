"""A stream of a response on its way to its caller: its id is the gateway's, it is kept before its last event goes, its numbers go
on where another deployment does, and where it breaks it ends with `error` and `response.failed`.
"""

import contextlib
import re
import time
from typing import Any

import msgspec

from gateway.dialects.responses.errors import error_event, failed_event
from gateway.dialects.whole_events import each_event
from gateway.surfaces.response_keeping import Keeping
from gateway.values.error_view import ErrorView

_BEGAN = b'"response.created"'
_WITH_RESPONSE = re.compile(rb"^event: response\.(created|queued|in_progress|completed|incomplete)\r?$", re.MULTILINE)
_LAST = (b"completed", b"incomplete")
_NUMBER = re.compile(rb'(\ndata: \{"type":"[a-z_.]+","sequence_number":)([0-9]{1,9})')
_ANY_NUMBER = re.compile(rb'"sequence_number":\s*([0-9]{1,9})')
_GOES_ON = re.compile(rb": .* goes on\n\n")
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


class ResponseStream:
    """What stands between the stream of an answer and its caller."""

    def __init__(self, keeping: Keeping) -> None:
        self._keeping = keeping
        self._first = self._last = b""  # the first and the last events that were given on
        self._goes_on_at: int | None = None  # the number of the first event of who goes on
        self._shift = 0

    async def given(self, data: bytes) -> bytes:
        """Whole events, as the caller gets them."""
        if data.startswith(b": ") and _GOES_ON.fullmatch(data):
            self._goes_on_at = self._next_number()
            return data
        if self._goes_on_at is not None or self._shift:
            data = self._renumbered(data)
        if self._keeping.changes_any and _WITH_RESPONSE.search(data):
            data = b"".join([await self._event(piece) for piece in each_event(data)])
        if not self._first and _BEGAN in data:
            self._first = data
        self._last = data
        return data

    def error_event(self, view: ErrorView) -> bytes:
        """What ends it where it broke."""
        number = self._next_number()
        begun = self._begun()
        told = error_event(view, number)
        return told if begun is None else told + failed_event(view, begun, number + 1)

    async def _event(self, piece: bytes) -> bytes:
        found = _WITH_RESPONSE.search(piece)
        if found is None:
            return piece
        head, _, data = piece.partition(b"\ndata:")
        try:
            members: dict[str, Any] = _fields(data)
            response = members["response"]
        except (msgspec.DecodeError, KeyError):
            return piece
        if found[1] in _LAST:
            members["response"] = msgspec.Raw(await self._keeping.keep(response, int(time.time())))
        else:
            members["response"] = self._keeping.told(response, is_kept=self._keeping.is_asked)
        return head + b"\ndata: " + _encode(members) + b"\n\n"

    def _renumbered(self, data: bytes) -> bytes:
        """The events of who goes on are numbered from its own beginning."""
        first = _NUMBER.search(b"\n" + data)
        if self._goes_on_at is not None and first is not None:
            self._shift = self._goes_on_at - int(first[2])
            self._goes_on_at = None
        return _NUMBER.sub(lambda found: found[1] + str(int(found[2]) + self._shift).encode(), data)

    def _next_number(self) -> int:
        numbers = _ANY_NUMBER.findall(self._last)
        return int(numbers[-1]) + 1 if numbers else 0

    def _begun(self) -> dict[str, Any] | None:
        """The response as the caller knows it."""
        for piece in each_event(self._first):
            with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, KeyError):
                return dict(_fields(_fields(piece.partition(b"\ndata:")[2])["response"]))
        return None
