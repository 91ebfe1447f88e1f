"""What `/v1/responses` keeps: a request is put together with the conversation that it goes on from, and an answer is kept, with
the gateway's own id, before its caller has the end of it.

It is the gateway that keeps responses, not a provider: what one provider keeps means nothing to another one that answers the next
turn, and nobody could look at what it sends along. So `previous_response_id` is replaced by the items of the conversation before
anything is decided, and the conversation is as sensitive as the most sensitive request in it was.
"""

import contextlib
from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.flow.fair_threads import FairThreads
from gateway.http.errors import ApiError
from gateway.state.kept_responses import KeptResponses, KeptUnavailable
from gateway.surfaces.intake import Intake
from gateway.surfaces.row import SurfaceRow
from gateway.values.caller import Caller
from gateway.values.kept_response import KeptResponse
from gateway.values.request import Request
from gateway.values.sensitivity import Sensitivity, highest

_NEEDLES = (b'"previous_response_id"', b'"item_reference"')
_NULL = msgspec.Raw(b"null")
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_text = msgspec.json.Decoder(str | None).decode
_encode = msgspec.json.Encoder().encode
_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Reference(msgspec.Struct):
    type: str | None = None
    role: str | None = None
    id: str | None = None


_reference = msgspec.json.Decoder(_Reference).decode


class _Earlier:
    """What a request is put together from."""

    def __init__(self) -> None:
        self.items: list[msgspec.Raw] = []
        self.sensitivity: Sensitivity | None = None

    def add(self, kept: KeptResponse) -> None:
        """A response of the conversation, with what was asked."""
        self.items += [*kept.items, *kept.output()]
        self.saw(kept)

    def saw(self, kept: KeptResponse) -> None:
        """Something of it goes along."""
        self.sensitivity = highest(self.sensitivity or kept.sensitivity, kept.sensitivity)


class ResponsesIntake(Intake):
    """From a body to a request, with the conversation that it goes on from."""

    def __init__(self, row: SurfaceRow, large: FairThreads, kept: KeptResponses, *, with_prefix: bool) -> None:
        super().__init__(row, large, with_prefix=with_prefix)
        self._kept = kept

    async def request(self, body: bytes, headers: dict[str, str], caller: Caller, decision_id: str) -> Request:
        """Raises ApiError too where what it goes on from is not kept, or of another key."""
        if not any(needle in body for needle in _NEEDLES):
            return await super().request(body, headers, caller, decision_id)
        earlier = _Earlier()
        try:
            body = await self._put_together(body, caller, earlier)
        except KeptUnavailable:
            message = "The responses that are kept cannot be read now; send the items of the conversation instead."
            raise ApiError(503, "responses_unavailable", message, kind="unavailable_error", retry_after_s=1.0) from None
        request = await super().request(body, headers, caller, decision_id)
        if earlier.sensitivity is None:
            return request
        sensitivity = highest(request.facts.sensitivity, earlier.sensitivity)
        facts = msgspec.structs.replace(request.facts, sensitivity=sensitivity)
        return msgspec.structs.replace(request, facts=facts, earlier=len(earlier.items))

    async def _put_together(self, body: bytes, caller: Caller, earlier: _Earlier) -> bytes:
        """The body with the items that it names; as it is where it makes no sense, which is said when it is read."""
        try:
            fields = _fields(body)
            previous = _text(fields.get("previous_response_id", _NULL))
            items = _own_items(fields.get("input", _NULL))
        except _BROKEN:
            return body
        key = caller.key or ""
        if previous is not None:
            chain = await self._kept.chain(key, previous)
            if chain is None:
                message = (
                    f"Previous response with id {previous!r} not found: it was not stored, has expired or been deleted, "
                    "or belongs to another key."
                )
                raise ApiError(400, "previous_response_not_found", message, param="previous_response_id")
            for one in chain:
                earlier.add(one)
        own = [await self._named(item, at, key, earlier) for at, item in enumerate(items)]
        fields["input"] = msgspec.Raw(b"[" + b",".join([bytes(one) for one in (*earlier.items, *own)]) + b"]")
        return _encode(fields)

    async def _named(self, item: msgspec.Raw, at: int, key: str, earlier: _Earlier) -> msgspec.Raw:
        """The item, or the one that it names."""
        found = None
        with contextlib.suppress(*_BROKEN):
            found = _reference(item)
        if found is None or found.id is None or found.role is not None or found.type not in (None, "item_reference"):
            return item
        kept = await self._kept.of_item(key, found.id)
        named = None if kept is None else kept.item(found.id)
        if kept is None or named is None:
            message = f"Item with id {found.id!r} not found: its response was not stored, has expired or been deleted."
            raise ApiError(404, "item_not_found", message, param=f"input[{at}].id")
        earlier.saw(kept)
        return named


def _own_items(raw: msgspec.Raw) -> Sequence[msgspec.Raw]:
    if bytes(raw).startswith(b'"'):
        return [msgspec.Raw(b'{"type":"message","role":"user","content":' + bytes(raw) + b"}")]
    return _items(raw)


class Keeping:
    """Of one answer: what of it its caller is told otherwise, and whether it is kept."""

    def __init__(self, kept: KeptResponses, request: Request, sensitivity: Sensitivity) -> None:
        self._kept = kept
        self._request = request
        self._sensitivity = sensitivity
        fields = request.fields
        self.is_asked = bytes(fields.get("store", b"")) != b"false"
        previous = fields.get("previous_response_id", _NULL)
        self.previous = None if bytes(previous) == b"null" else _text(previous)
        self.id = f"resp_{request.id}"

    @property
    def changes_any(self) -> bool:
        """Whether the answer is not given on as it is."""
        return self.is_asked or self.previous is not None

    def told(self, response: msgspec.Raw | bytes, *, is_kept: bool, completed_at: int | None = None) -> dict[str, Any]:
        """The members of a response as its caller gets them."""
        members: dict[str, Any] = _fields(response)
        own = members.get("id") == msgspec.Raw(_encode(self.id))
        if own and completed_at is not None and members.get("status") == msgspec.Raw(b'"completed"'):
            members["completed_at"] = completed_at
        return {**members, "id": self.id, "previous_response_id": self.previous, "store": is_kept}

    async def keep(self, response: msgspec.Raw | bytes, completed_at: int) -> bytes:
        """The response as its caller gets it, which is kept if that was asked for and can be."""
        body = _encode(self.told(response, is_kept=self.is_asked, completed_at=completed_at))
        if not self.is_asked:
            return body
        kept = KeptResponse(
            id=self.id,
            key=self._request.facts.key or "",
            created=self._request.arrived_at,
            sensitivity=self._sensitivity,
            items=self._items(),
            body=body,
            previous=self.previous,
        )
        if await self._kept.put(kept):
            return body
        return _encode(self.told(response, is_kept=False, completed_at=completed_at))

    def _items(self) -> tuple[msgspec.Raw, ...]:
        """What this request added."""
        return tuple(_own_items(self._request.fields["input"])[self._request.earlier :])
