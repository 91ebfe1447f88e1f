"""A large body is looked through in slices: nothing is missed where they meet, and the result is that of the whole."""

import base64
import json
import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.privacy import Detector, ScanBudget
from gateway.privacy import body as of_body
from gateway.privacy.body import Body
from gateway.privacy.budget import Meter
from gateway.privacy.payload import _LINE, _SLICE, _end, decoded
from gateway.values.elements import SLICE_BYTES
from gateway.values.finding import SensitiveKind

DETECTOR = Detector()
CARD = "4111 1111 1111 1111"


def raw(document: dict[str, Any]) -> dict[str, msgspec.Raw]:
    return msgspec.json.decode(json.dumps(document).encode(), type=dict[str, msgspec.Raw])


def read(fields: dict[str, msgspec.Raw]) -> tuple[list[str], dict[str, list[str]]]:
    body = Body(Meter(ScanBudget()))
    body.read(fields)
    return body.lines, dict(body.chains)


@given(
    st.dictionaries(
        st.sampled_from(["messages", "tools", "user", "x"]),
        st.recursive(
            st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.text(alphabet='a},{["\\\n é'),
            lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
            max_leaves=20,
        ),
        min_size=1,
    )
)
@settings(max_examples=60, deadline=None)
def test_its_text_is_that_of_the_whole(document: dict[str, Any]) -> None:
    fields, whole = raw(document), read(raw(document))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(of_body, "_LARGE", 0)
        patch.setattr(of_body, "SLICE_BYTES", 8)
        patch.setattr(of_body, "elements", lambda *given: of_elements(*given, 8))
        assert read(fields) == whole


of_elements = of_body.elements


@pytest.mark.parametrize("place", [-30, -17, -10, -1, 0, 1])
@pytest.mark.parametrize("of", [SLICE_BYTES, 2 * SLICE_BYTES])
def test_nothing_is_missed_at_a_seam_of_slices(of: int, place: int) -> None:
    filler = [{"role": "user", "content": "some words"}] * (of // 40 + 400)
    around = len(json.dumps(filler[: of // 40]))
    before = {"role": "user", "content": "x" * max(of + place - around - 80, 0)}
    messages = [*filler[: of // 40], before, {"role": "user", "content": f"pay {CARD} now"}, *filler]
    fields = raw({"messages": messages, "more": "y" * 300_000})
    assert [finding.kind for finding in DETECTOR.detect(fields).findings] == [SensitiveKind.CARD]


def test_what_is_split_between_messages_of_two_slices_is_found() -> None:
    halves = [{"role": "user", "content": "4111 1111 "}, {"role": "user", "content": "1111 1111"}]
    filler = [{"role": "user", "content": "some words. "}]
    ends = SLICE_BYTES // len(json.dumps(filler))  # its brackets are as long as what is between two
    for count in range(ends - 3, ends + 4):  # the slice ends before, between and after the two
        document = {"messages": filler * count + halves + filler * 4_000}
        text = json.dumps(document["messages"]).encode()
        assert len(text) > SLICE_BYTES
        found = DETECTOR.detect(raw(document)).findings
        assert [finding.kind for finding in found] == [SensitiveKind.CARD]


def test_names_that_come_twice_in_a_large_body_are_both_read() -> None:
    fields = {"messages": msgspec.Raw(b'[{"content":"%s","content":"%s"}]' % (CARD.encode(), b"z " * 300_000))}
    assert [finding.kind for finding in DETECTOR.detect(fields).findings] == [SensitiveKind.CARD]


@pytest.mark.parametrize("size", [10, _SLICE - 1, _SLICE, _SLICE + 1, 3 * _SLICE + 7])
@pytest.mark.parametrize("tail", ["", "=", "==", " and", "\\/abcd", "-_"])
def test_base64_is_the_same_in_slices(size: int, tail: str) -> None:
    text = "x " + base64.b64encode(random.Random(size).randbytes(size)).decode()[:size] + tail
    line = _LINE.match(text, 2)
    assert line is not None
    assert _end(text, 2, Meter(ScanBudget())) == line.end()


@given(st.integers(0, 3), st.integers(0, 3 * _SLICE), st.sampled_from([0, 60, 64, 76]))
@settings(max_examples=30, deadline=None)
def test_base64_says_the_same_in_slices(more: int, size: int, width: int) -> None:
    data = random.Random(size).randbytes(size + more)
    text = base64.b64encode(data).decode()
    lines = [text[at : at + width] for at in range(0, len(text), width)] if width else [text]
    assert decoded("\r\n".join(lines)) == data
    assert decoded(base64.urlsafe_b64encode(data).decode().rstrip("=")) == data


def test_others_get_a_turn_all_along() -> None:
    asked = 0

    def expired() -> bool:
        nonlocal asked
        asked += 1
        return False

    image = base64.b64encode(random.Random(1).randbytes(6 * 2**20)).decode()
    fields = raw({"messages": [{"content": [{"image_url": {"url": f"data:image/png;base64,{image}"}}]}]})
    DETECTOR.detect(fields, ScanBudget(expired=expired))
    assert asked > 6 * len(image) // SLICE_BYTES
