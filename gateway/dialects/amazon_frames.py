"""`application/vnd.amazon.eventstream`: splits a body into its messages, wherever the network cut it.

A message: total length and headers' length (big-endian 32 bits each), CRC-32 of these eight bytes, headers, payload, CRC-32 of
all before. A header: length of its name, name, type, value. Source: AWS, "Amazon Event Stream Specification" (Smithy 2.0); the
bounds are those of the AWS SDKs.
"""

import struct
from collections.abc import Iterator, Mapping
from typing import NamedTuple
from zlib import crc32

Value = bool | int | bytes | str

_PRELUDE = struct.Struct(">III")
_CRC = struct.Struct(">I")
_MOST_HEADERS = 128 * 1024
_MOST_PAYLOAD = 24 * 1024 * 1024
_OVERHEAD = _PRELUDE.size + _CRC.size
_TRUE, _FALSE, _BYTES, _TEXT, _UUID = 0, 1, 6, 7, 9
_NUMBERS = {2: struct.Struct(">b"), 3: struct.Struct(">h"), 4: struct.Struct(">i"), 5: struct.Struct(">q"),
            8: struct.Struct(">q")}  # fmt: skip
_SIZE = struct.Struct(">H")


class BadFrame(Exception):
    """The bytes are no message: a checksum or a length is wrong, or a header cannot be read."""


class FrameTooLong(Exception):
    """A message says that it is longer than any may be."""


class Frame(NamedTuple):
    """One message. `raw` is all of it. A timestamp is a number of milliseconds since the epoch, a UUID its 16 bytes."""

    headers: Mapping[str, Value]
    payload: bytes
    raw: bytes

    def text(self, name: str) -> str:
        """A header that is text; empty where it is none."""
        value = self.headers.get(name, "")
        return value if isinstance(value, str) else ""


class FrameSplitter:
    """Feed it bytes, get messages."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._wanted = _PRELUDE.size  # bytes until there is something to be done

    def idle(self) -> bool:
        """True between messages."""
        return not self._held

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The messages that are complete with `data`, to be read to their end. Raises BadFrame, FrameTooLong after those
        before; then nothing more can be read.
        """
        held = self._held
        held += data
        at = 0
        while len(held) - at >= self._wanted:
            if self._wanted == _PRELUDE.size:
                self._wanted = _length(held, at)
                continue
            raw = bytes(held[at : at + self._wanted])
            at += self._wanted
            self._wanted = _PRELUDE.size
            yield _frame(raw)
        del held[:at]


def frame_bytes(headers: Mapping[str, str], payload: bytes) -> bytes:
    """A message whose headers are all text."""
    parts = []
    for name, value in headers.items():
        key, text = name.encode(), value.encode()
        parts.append(bytes((len(key),)) + key + bytes((_TEXT,)) + _SIZE.pack(len(text)) + text)
    block = b"".join(parts)
    prelude = struct.pack(">II", _OVERHEAD + len(block) + len(payload), len(block))
    message = prelude + _CRC.pack(crc32(prelude)) + block + payload
    return message + _CRC.pack(crc32(message))


def _length(held: bytearray, at: int) -> int:
    """Of the message that begins here, whose prelude is there."""
    total, headers, said = _PRELUDE.unpack_from(held, at)
    if crc32(held[at : at + 8]) != said:
        raise BadFrame("the checksum of a message's lengths is wrong")
    if headers > _MOST_HEADERS or total > _MOST_PAYLOAD + headers + _OVERHEAD:
        raise FrameTooLong(total)
    if total < headers + _OVERHEAD:
        raise BadFrame("a message is shorter than its headers")
    return int(total)


def _frame(raw: bytes) -> Frame:
    _, length, _ = _PRELUDE.unpack_from(raw)
    if crc32(raw[: -_CRC.size]) != _CRC.unpack_from(raw, len(raw) - _CRC.size)[0]:
        raise BadFrame("the checksum of a message is wrong")
    end = _PRELUDE.size + length
    return Frame(_headers(raw[_PRELUDE.size : end]), raw[end : -_CRC.size], raw)


def _headers(block: bytes) -> dict[str, Value]:
    found: dict[str, Value] = {}
    at = 0
    try:
        while at < len(block):
            end = at + 1 + block[at]
            name, kind = block[at + 1 : end].decode(), block[end]
            if name in found:
                raise BadFrame("a header comes twice")
            found[name], at = _value(kind, block, end + 1)
    except (IndexError, struct.error, UnicodeDecodeError, ValueError):
        raise BadFrame("the headers of a message cannot be read") from None
    return found


def _value(kind: int, block: bytes, at: int) -> tuple[Value, int]:
    """The value that begins here, and where it ends. Raises ValueError, struct.error, UnicodeDecodeError."""
    if kind in (_TRUE, _FALSE):
        return kind == _TRUE, at
    if (number := _NUMBERS.get(kind)) is not None:
        return number.unpack_from(block, at)[0], at + number.size
    if kind == _UUID:
        return _exactly(block[at : at + 16], 16), at + 16
    if kind not in (_BYTES, _TEXT):
        raise ValueError(kind)
    (size,) = _SIZE.unpack_from(block, at)
    end = at + _SIZE.size + size
    value = _exactly(block[at + _SIZE.size : end], size)
    return (value.decode() if kind == _TEXT else value), end


def _exactly(value: bytes, size: int) -> bytes:
    if len(value) < size:
        raise ValueError(size)
    return value
