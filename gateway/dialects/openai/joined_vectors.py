"""The answers to the parts of one request for embeddings become one: vectors in order under new numbers, usage added up."""

import contextlib
from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.dialects.openai.vector_lists import Members, frame, read_list
from gateway.dialects.openai.vectors import NotAVector, read_vector
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.pause import Pause

_BLOCK_BYTES = 1024 * 1024  # what is sent at once
_encode = msgspec.json.Encoder().encode


class JoinedVectors:
    """Of one request. `add` the answers to its parts in order, each one that its translator took; `body` ends it."""

    def __init__(self) -> None:
        self.size = 0
        self._vectors = 0
        self._first: Members = {}
        self._numbers: int | None = None  # numbers of a vector
        self._blocks: list[bytes] = []
        self._open: list[bytes] = []  # of the block that is being filled
        self._open_bytes = 0
        self._usages: list[dict[str, Any] | None] = []

    def add(self, body: bytes, pause: Pause) -> None:
        """Raises AttemptFailed where its vectors are not as long as those before: they are of another model."""
        members, entries = read_list(body, pause)
        size = _size_of(entries[0]["embedding"])
        if self._numbers not in (None, size):
            raise AttemptFailed(
                Outcome.MALFORMED_ANSWER, f"vectors of {size} numbers after parts with vectors of {self._numbers}"
            )
        self._numbers, self._first = size, self._first or members
        for entry in entries:
            self._write(_encode({**entry, "index": self._vectors}))
            self._vectors += 1
            pause()
        self._usages.append(_counts(members.get("usage")))

    def body(self) -> Sequence[bytes]:
        """The whole, in blocks."""
        members: dict[str, Any] = {**self._first}
        if all(usage is not None for usage in self._usages):
            members["usage"] = msgspec.Raw(_encode(_sum([usage for usage in self._usages if usage is not None])))
        else:
            members.pop("usage", None)
        head, tail = frame(members)
        self._close()
        return [head, *self._blocks, tail]

    def _write(self, entry: bytes) -> None:
        written = b"," + entry if self._vectors else entry
        self._open.append(written)
        self._open_bytes += len(written)
        self.size += len(written)
        if self._open_bytes >= _BLOCK_BYTES:
            self._close()

    def _close(self) -> None:
        if self._open:
            self._blocks.append(b"".join(self._open))
            self._open, self._open_bytes = [], 0


def _size_of(embedding: msgspec.Raw) -> int:
    """How many numbers it has; of a form that is not read, how many bytes."""
    try:
        return read_vector(embedding, base64=bytes(embedding)[:1] == b'"').size
    except NotAVector:
        return len(bytes(embedding))


def _counts(usage: msgspec.Raw | None) -> dict[str, Any] | None:
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found: Any = msgspec.json.decode(usage or b"null")
        return found if isinstance(found, dict) else None
    return None


def _sum(usages: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of the members that are counts in each."""
    names = [name for name in usages[0] if all(type(usage.get(name)) is int for usage in usages)]
    return {name: sum(usage[name] for usage in usages) for name in names}
