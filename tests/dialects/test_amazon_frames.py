"""Event-stream messages: as botocore reads them, wherever they are cut, and whatever is wrong with them."""

import itertools
import struct
from typing import Any
from zlib import crc32

import pytest
from botocore.eventstream import EventStreamBuffer, ParserError
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects.amazon_frames import BadFrame, Frame, FrameSplitter, FrameTooLong, frame_bytes

NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20).filter(lambda name: len(name.encode()) < 256)


def packed(kind: int, value: Any) -> bytes:
    """A header's type and value, as the specification has it."""
    match kind:
        case 0 | 1:
            return bytes((kind,))
        case 6 | 7:
            data = value.encode() if kind == 7 else value
            return bytes((kind,)) + struct.pack(">H", len(data)) + data
        case 9:
            return bytes((kind,)) + value
    return bytes((kind,)) + struct.pack({2: ">b", 3: ">h", 4: ">i", 5: ">q", 8: ">q"}[kind], value)


VALUES = st.one_of(
    st.just((0, True)),
    st.just((1, False)),
    *(st.tuples(st.just(kind), st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)) for kind, bits in ((2, 8), (3, 16), (4, 32), (5, 64), (8, 64))),
    st.tuples(st.just(6), st.binary(max_size=40)),
    st.tuples(st.just(7), st.text(st.characters(codec="utf-8"), max_size=40)),
    st.tuples(st.just(9), st.binary(min_size=16, max_size=16)),
)  # fmt: skip
HEADERS = st.dictionaries(NAMES, VALUES, max_size=5)


def message(headers: bytes, payload: bytes) -> bytes:
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    body = prelude + struct.pack(">I", crc32(prelude)) + headers + payload
    return body + struct.pack(">I", crc32(body))


def block(headers: dict[str, tuple[int, Any]]) -> bytes:
    named = ((name.encode(), kind, value) for name, (kind, value) in headers.items())
    return b"".join(bytes((len(name),)) + name + packed(kind, value) for name, kind, value in named)


def read(*parts: bytes) -> list[Frame]:
    splitter = FrameSplitter()
    return [frame for part in parts for frame in splitter.feed(part)]


def theirs(data: bytes) -> list[tuple[dict[str, Any], bytes]]:
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    return [(one.headers, one.payload) for one in buffer]


@given(st.lists(st.tuples(HEADERS, st.binary(max_size=60)), max_size=4), st.data())
def test_messages_are_read_as_botocore_reads_them(messages: list[Any], data: st.DataObject) -> None:
    body = b"".join(message(block(headers), payload) for headers, payload in messages)
    frames = read(body)
    assert [(dict(frame.headers), frame.payload) for frame in frames] == theirs(body)
    assert b"".join(frame.raw for frame in frames) == body
    edges = [0, *sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=6))), len(body)]
    assert read(*(body[a:b] for a, b in itertools.pairwise(edges))) == frames
    assert read(*(bytes([byte]) for byte in body)) == frames


@given(st.dictionaries(NAMES, st.text(st.characters(codec="utf-8"), max_size=40), max_size=4), st.binary(max_size=60))
def test_a_message_that_is_written_is_one_to_botocore(headers: dict[str, str], payload: bytes) -> None:
    assert theirs(frame_bytes(headers, payload)) == [(headers, payload)]


@given(
    st.binary(max_size=80) | st.tuples(st.binary(max_size=60), st.binary(max_size=20)).map(lambda one: message(*one))
)
def test_what_is_no_message_is_refused_where_botocore_refuses_it(body: bytes) -> None:
    try:
        expected = theirs(body)
    except (ParserError, UnicodeDecodeError, KeyError, struct.error, IndexError):
        with pytest.raises((BadFrame, FrameTooLong)):
            read(body)
        return
    try:
        assert [(dict(frame.headers), frame.payload) for frame in read(body)] == expected
    except BadFrame:  # botocore takes a value that is cut short by the headers' end
        assert expected


@given(st.data())
def test_a_bit_that_flips_is_found(data: st.DataObject) -> None:
    body = bytearray(frame_bytes({":event-type": "chunk", ":message-type": "event"}, b'{"a":1}'))
    at = data.draw(st.integers(0, len(body) * 8 - 1))
    body[at // 8] ^= 1 << at % 8
    with pytest.raises((BadFrame, FrameTooLong)):
        assert len(read(bytes(body), bytes(64))) != 1


def test_a_message_that_never_ends_is_not_held() -> None:
    def prelude(total: int, headers: int) -> bytes:
        lengths = struct.pack(">II", total, headers)
        return lengths + struct.pack(">I", crc32(lengths))

    for total, headers in ((2**32 - 1, 0), (24 * 2**20 + 17, 0), (200_000, 131_073)):
        with pytest.raises(FrameTooLong):
            read(prelude(total, headers))
    for total, headers in ((15, 0), (0, 0), (20, 5)):
        with pytest.raises(BadFrame):
            read(prelude(total, headers))


def test_messages_before_a_bad_one_are_given() -> None:
    good = frame_bytes({":event-type": "x"}, b"{}")
    found = FrameSplitter().feed(good + b"\0" * 12)
    assert next(found).payload == b"{}"
    with pytest.raises(BadFrame):
        next(found)
