"""The list `data` in an answer of embeddings, which may have tens of megabytes: read and written in steps.

A decoder in C can only be interrupted between two calls. So a long list is cut out of its body by its frame, the few
members around it, and read some entries at a time; where that does not work out, the body is read at once.
"""

import contextlib
import re
from collections.abc import Sequence

import msgspec

from gateway.values.elements import SLICE_BYTES, elements
from gateway.values.pause import Pause

Members = dict[str, msgspec.Raw]

_DATA = re.compile(rb'"data"[ \t\r\n]{0,64}:[ \t\r\n]{0,64}(?=\[)')
_HEAD_BYTES = 4096  # of the members before the list; more is read at once
_NONE = msgspec.Raw(b"[]")
_members = msgspec.json.Decoder(Members).decode
_entries = msgspec.json.Decoder(list[Members] | None).decode
_some_entries = msgspec.json.Decoder(list[Members]).decode
_encode = msgspec.json.Encoder().encode
_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def read_list(body: bytes, pause: Pause) -> tuple[Members, list[Members]]:
    """The members of a body, and the entries of its `data`. Raises msgspec.DecodeError, UnicodeDecodeError, RecursionError."""
    if len(body) > SLICE_BYTES:
        with contextlib.suppress(*_BROKEN):
            if (found := _in_steps(body, pause)) is not None:
                return found
    members = _members(body)
    return members, _entries(members.get("data", _NONE)) or []


def _in_steps(body: bytes, pause: Pause) -> tuple[Members, list[Members]] | None:
    """None where the first `data` and the last bracket do not frame the list: something else stands there."""
    found, end = _DATA.search(body, 0, _HEAD_BYTES), body.rfind(b"]") + 1
    if found is None or end <= found.end():
        return None
    members = _members(body[: found.end()] + _NONE + body[end:])
    if bytes(members["data"]) != bytes(_NONE):
        return None
    array = body[found.end() : end]
    return members, [one for some in elements(array, _some_entries, pause) for one in some]


def write_list(members: Members, entries: Sequence[Members], pause: Pause) -> bytes:
    """A body of these members, with these entries as its `data`."""
    head, tail = frame(members)
    written = []
    for entry in entries:
        written.append(_encode(entry))
        pause()
    return b"".join((head, b",".join(written), tail))


def frame(members: Members) -> tuple[bytes, bytes]:
    """What is written before the entries of `data`, and after them; the members keep their order."""
    names = list(members)
    at = names.index("data") if "data" in members else len(names)
    before, after = names[:at], names[at + 1 :]
    head = _encode({**{name: members[name] for name in before}, "data": _NONE}).removesuffix(b"]}")
    return head, b"]" + (b"," + _encode({name: members[name] for name in after})[1:] if after else b"}")
