"""The splitter gives the same events wherever the network cuts the bytes (WHATWG HTML 9.2.6)."""

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects.eventstream import Event, EventSplitter, EventTooLong

CASES: list[tuple[str, bytes, list[Event]]] = [
    ("plain", b"data: a\n\ndata: b\n\n", [Event(None, b"a"), Event(None, b"b")]),
    ("crlf", b"data: a\r\n\r\ndata: b\r\n\r\n", [Event(None, b"a"), Event(None, b"b")]),
    ("cr", b"data: a\r\rdata: b\r\r", [Event(None, b"a"), Event(None, b"b")]),
    ("mixed ends", b"data: a\r\n\ndata: b\n\r\n", [Event(None, b"a"), Event(None, b"b")]),
    ("bom once", b"\xef\xbb\xbfdata: a\n\n", [Event(None, b"a")]),
    ("bom later is no bom", b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [Event(None, b"a")]),
    ("comments", b": ping\n\n:\ndata: a\n: more\ndata: b\n\n", [Event(None, b"a\nb")]),
    ("several data lines", b"data: a\ndata:\ndata:  b\n\n", [Event(None, b"a\n\n b")]),
    ("no space", b"data:a\n\n", [Event(None, b"a")]),
    ("name", b"event: error\ndata: x\n\ndata: y\n\n", [Event("error", b"x"), Event(None, b"y")]),
    ("other fields", b"id: 1\nretry: 5\nfoo: bar\ndata: a\n\n", [Event(None, b"a")]),
    ("field without colon", b"data\n\n", [Event(None, b"")]),
    ("name without data", b"event: x\n\ndata: a\n\n", [Event(None, b"a")]),
    ("unfinished", b"data: a\n\ndata: b\n", [Event(None, b"a")]),
    ("utf-8", "data: h\u00e9 \U0001f600 \u4f60\n\n".encode(), [Event(None, "h\u00e9 \U0001f600 \u4f60".encode())]),
    ("nothing", b"", []),
]


def split(*parts: bytes) -> list[Event]:
    """All events of a body that arrives in these parts."""
    splitter = EventSplitter()
    return [event for part in parts for event in splitter.feed(part)]


@pytest.mark.parametrize(("body", "events"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_events_are_the_same_however_they_are_cut(body: bytes, events: list[Event]) -> None:
    assert split(body) == events
    assert split(*(body[i : i + 1] for i in range(len(body)))) == events
    for cut in range(len(body)):
        assert split(body[:cut], body[cut:]) == events
        assert split(body[:cut], b"", body[cut:]) == events


pieces = st.sampled_from(
    [b"data", b":", b" ", b"\n", b"\r", b"\r\n", b"event", b"\xef\xbb\xbf", b"x", b"\xf0\x9f", b"{}", b"[DONE]"]
)


def test_nothing_between_the_two_halves_of_a_line_end_changes_nothing() -> None:
    assert split(b"data\r", b"", b"\n") == []


@given(st.lists(pieces, max_size=40), st.data())
def test_any_bytes_are_cut_anywhere(parts: list[bytes], data: st.DataObject) -> None:
    body = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=6)))
    edges = [0, *cuts, len(body)]
    arrived = [body[a:b] for a, b in itertools.pairwise(edges)]
    assert split(*arrived) == split(body)


def test_an_event_of_a_mebibyte_in_small_parts_takes_linear_time() -> None:
    body = b"data: " + b"x" * 2**20 + b"\n\n"
    start = time.process_time()
    events = split(*(body[i : i + 512] for i in range(0, len(body), 512)))
    assert len(events[0].data) == 2**20
    assert time.process_time() - start < 1.0  # quadratic work would take 1 GiB of copying


def test_what_never_ends_is_bounded() -> None:
    for part in (b"data: " + b"x" * 50, b"data: " + b"x" * 50 + b"\n"):
        splitter = EventSplitter(max_event_bytes=1000)
        fed = 0
        with pytest.raises(EventTooLong):
            fed = sum(len(part) for _ in range(100) if not splitter.feed(part))
        assert fed == 0


def test_endless_pings_are_not_held() -> None:
    splitter = EventSplitter(max_event_bytes=1000)
    for _ in range(1000):
        assert splitter.feed(b": ping, ping, ") == []
        assert splitter.feed(b"ping\n\n") == []
    assert splitter.idle()
