"""Long lists of a body, some elements at a time: what is done in C can only be interrupted between two calls."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import msgspec

from gateway.values.elements import SLICE_BYTES, elements
from gateway.values.pause import Pause, no_pause

_MANY = 16  # elements between two pauses
T = TypeVar("T")
_encode = msgspec.json.Encoder().encode


def decoded(
    raw: msgspec.Raw, decoder: "msgspec.json.Decoder[list[T]]", pause: Pause, whole: Callable[[msgspec.Raw], list[T]]
) -> list[T]:
    """The elements of a list. One that cannot be read in slices is read by `whole`, which says what is wrong, and where."""
    array = bytes(raw)
    if pause is not no_pause and len(array) > SLICE_BYTES and array.startswith(b"["):
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return [one for some in elements(array, decoder.decode, pause) for one in some]
    return whole(raw)


def paused(items: Iterable[T], pause: Pause) -> Iterable[T]:
    """The same, with a pause after every few of them."""
    return items if pause is no_pause else _paused(items, pause)


def _paused(items: Iterable[T], pause: Pause) -> Iterator[T]:
    for at, item in enumerate(items):
        if at % _MANY == _MANY - 1:
            pause()
        yield item


def encoded(items: Iterable[Any], pause: Pause) -> msgspec.Raw:
    """A list of them."""
    if pause is no_pause:
        return msgspec.Raw(_encode(list(items)))
    parts: list[bytes] = []
    size = 0
    for item in items:
        parts.append(_encode(item))
        size += len(parts[-1])
        if size > SLICE_BYTES:
            size = 0
            pause()
    return msgspec.Raw(b"[" + b",".join(parts) + b"]")


def as_raw(value: Any) -> msgspec.Raw:
    """A member's JSON; as it is where it is that already."""
    return value if isinstance(value, msgspec.Raw) else msgspec.Raw(_encode(value))
