"""The vectors in an answer of embeddings: numbers, or base64 of little-endian float32. Each is looked at as far as a caller
could be misled: how long it is, that each number is one, and that it has the form that was asked for.

A vector that is given on is the provider's own bytes. One in the other form is converted; the float32 are the same bit for
bit, for a double that was made of a float32 becomes that float32 again.
"""

import array
import binascii
import math
import sys

import msgspec

_NUMBERS = b"0123456789+-.eE, \t\r\n"  # what a list of numbers is made of, between its brackets
_FLOAT_BYTES = 4
_HUGE = (b"\x7f", b"\xff")  # the first byte of a float32 that is infinite, no number, or larger than any embedding

_encode = msgspec.json.Encoder().encode
_numbers = msgspec.json.Decoder(list[float]).decode
_text = msgspec.json.Decoder(str).decode


class NotAVector(Exception):
    """What stands there is none; the words say why, and hold nothing of it."""


class Vector(msgspec.Struct, frozen=True, gc=False):
    """`written` in the form that was asked for. `size`: its numbers. `is_changed`: the provider wrote it otherwise."""

    written: msgspec.Raw
    size: int
    is_changed: bool = False


def read_vector(raw: msgspec.Raw, *, base64: bool) -> Vector:
    """`base64`: the form that was asked for. Raises NotAVector."""
    data = bytes(raw)
    if data.startswith(b"["):
        return _of_numbers(raw, data, base64=base64)
    if data.startswith(b'"'):
        return _of_base64(raw, data, base64=base64)
    raise NotAVector("an entry without an embedding")


def _of_numbers(raw: msgspec.Raw, data: bytes, *, base64: bool) -> Vector:
    if data.translate(None, _NUMBERS) != b"[]":
        raise NotAVector("an embedding that holds something else than numbers")
    size = data.count(b",") + 1
    if size == 1 and not data[1:-1].strip():
        raise NotAVector("an embedding without numbers")
    if not base64:
        return Vector(raw, size)
    packed = _floats()
    try:
        packed.extend(_numbers(raw))
    except msgspec.DecodeError:
        raise NotAVector("an embedding with a number that is out of range") from None
    if not math.isfinite(sum(packed)):
        raise NotAVector("an embedding with a number that no float32 can hold")
    return Vector(msgspec.Raw(_encode(_little_endian(packed).tobytes())), size, is_changed=True)  # bytes become base64


def _of_base64(raw: msgspec.Raw, data: bytes, *, base64: bool) -> Vector:
    try:
        packed = binascii.a2b_base64(data[1:-1] if b"\\" not in data else _text(raw).encode(), strict_mode=True)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        raise NotAVector("an embedding whose base64 cannot be read") from None
    size, over = divmod(len(packed), _FLOAT_BYTES)
    if over or not size:
        raise NotAVector("an embedding whose base64 holds no whole number of float32")
    numbers: array.array[float] | None = None
    tops = packed[_FLOAT_BYTES - 1 :: _FLOAT_BYTES]
    if not base64 or any(top in tops for top in _HUGE):
        numbers = _floats()
        numbers.frombytes(packed)
        numbers = _little_endian(numbers)
        if not math.isfinite(sum(numbers)):
            raise NotAVector("an embedding that holds something else than numbers")
    if base64 or numbers is None:
        return Vector(raw, size)
    return Vector(msgspec.Raw(_encode(numbers.tolist())), size, is_changed=True)


def _floats() -> "array.array[float]":
    return array.array("f")


def _little_endian(numbers: "array.array[float]") -> "array.array[float]":
    if sys.byteorder != "little":
        numbers.byteswap()
    return numbers
