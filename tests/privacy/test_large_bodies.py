"""A large body is looked through in slices: nothing is missed where they meet, and the result is that of the whole."""

import base64
import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.privacy import Detector, ScanBudget
from gateway.privacy import body as of_body
from gateway.privacy import payload as of_payload
from gateway.privacy.body import Body
from gateway.privacy.budget import Meter
from gateway.values import long_strings as of_long
from gateway.values.elements import SLICE_BYTES
from gateway.values.finding import SensitiveKind
from gateway.values.slices import BETWEEN_PAUSES

DETECTOR = Detector()
CARD = "4111 1111 1111 1111"


def raw(document: dict[str, Any]) -> dict[str, msgspec.Raw]:
    return msgspec.json.decode(json.dumps(document).encode(), type=dict[str, msgspec.Raw])


def read(fields: dict[str, msgspec.Raw]) -> tuple[list[str], dict[str, list[str]]]:
    body = Body(Meter(ScanBudget()))
    body.read(fields)
    return body.lines, dict(body.chains)


TEXTS = st.text(alphabet='a},{["\\\n é😀', max_size=200)
DOCUMENTS = st.dictionaries(
    st.sampled_from(["messages", "tools", "user", "x"]),
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**12), 10**12) | TEXTS,
        lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXTS, inner, max_size=4),
        max_leaves=20,
    ),
    min_size=1,
)


@contextmanager
def slices_of(size: int) -> Iterator[None]:
    """Every body is a large one, and is looked at in slices of so many bytes, strings included."""
    elements, slices = of_body.elements, of_long.slices
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(of_body, "_LARGE", 0)
        patch.setattr(of_body, "SLICE_BYTES", size // 4)
        patch.setattr(of_body, "elements", lambda *given: elements(*given, size // 4))
        patch.setattr(of_long, "LONG_BYTES", 2 * size)
        patch.setattr(of_long, "slices", lambda data, pause, _=0: slices(data, pause, size))
        patch.setattr(of_payload, "_SLICE", size)
        yield


@given(DOCUMENTS)
@settings(max_examples=100, deadline=None)
def test_its_text_is_that_of_the_whole(document: dict[str, Any]) -> None:
    fields, whole = raw(document), read(raw(document))
    with slices_of(32):
        assert read(fields) == whole


@given(DOCUMENTS, st.sampled_from(["messages", "x"]), st.text(alphabet="ab", min_size=100, max_size=100))
@settings(max_examples=30, deadline=None)
def test_names_that_come_twice_are_both_read_in_slices(document: dict[str, Any], name: str, more: str) -> None:
    written = json.dumps(document)[1:-1]
    twice = {name: msgspec.Raw(f'{{"a": "{more}", {written}, "a": "{more}b"}}'.encode())}
    whole = read(twice)
    assert {more, f"{more}b"} <= {*whole[0]}
    with slices_of(32):
        assert read(twice) == whole


def test_two_long_texts_with_nothing_around_them_are_both_read() -> None:
    fields = raw({"prompt": "x" * 300_000, "suffix": f"{'y ' * 100_000}{CARD}"})
    assert [finding.kind for finding in DETECTOR.detect(fields).findings] == [SensitiveKind.CARD]
    assert [finding.kind for finding in DETECTOR.detect(dict(reversed(fields.items()))).findings] == [
        SensitiveKind.CARD
    ]


def encoded(text: str, width: int) -> str:
    written = base64.b64encode(text.encode()).decode()
    return "\n".join(written[at : at + width] for at in range(0, len(written), width)) if width else written


WAYS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in base64": partial(encoded, width=0),
    "in base64 over lines": partial(encoded, width=76),
    "in base64 over lines that are not whole": partial(encoded, width=63),
    "in base64 of UTF-16": lambda text: base64.b64encode(text.encode("utf-16")).decode(),
    "in base64, as a form": lambda text: quote(encoded(text, 0), safe=""),
    "in base64, as JSON in a string": lambda text: json.dumps(encoded(text, 76)).replace("/", "\\/"),
    "as JSON in a string": json.dumps,
    "in tags": lambda text: "".join(chr(0xE0000 + ord(letter)) for letter in text if letter.isascii()),
}
FILLER = ["lorem ipsum ", "委员会周二开会，", "naïve 😀 ", "x" * 70 + " ", '\\ " \n', "2026-11-29 12:00 "]
FOUND = [CARD, "jane.doe@example.com", "DE89 3704 0044 0532 0130 00", "call +1 415 555 2671 now"]


@given(
    st.lists(st.sampled_from(FILLER), min_size=20, max_size=300),
    st.lists(st.tuples(st.integers(0, 300), st.sampled_from(FOUND)), max_size=4),
    st.sampled_from(list(WAYS)),
    st.sampled_from([64, 96, 256, 1024]),
)
@settings(max_examples=200, deadline=None)
def test_what_is_found_in_slices_is_what_is_found_in_the_whole(
    filler: list[str], planted: list[tuple[int, str]], way: str, size: int
) -> None:
    """Wherever the slices of a long text meet, and however it is written."""
    words = list(filler)
    for place, secret in planted:
        words.insert(place % len(words), f" {secret} ")
    fields = raw({"messages": [{"role": "user", "content": f"see {WAYS[way]('|'.join(words))}"}]})
    whole = DETECTOR.detect(fields)
    with slices_of(size):
        assert DETECTOR.detect(fields) == whole
    if planted:
        assert whole.findings


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


SIGNS = st.sampled_from(
    ["Ab9", "+", "/", "-_", "\\/", "\\u002f", "%2B", "\n", "\\n", "\\r\\n", "\r\n ", "%0d%0a", "=", "=="]
)


@given(st.lists(SIGNS | st.just("QUJD" * 12), max_size=60), st.integers(24, 80))
@settings(max_examples=300, deadline=None)
def test_base64_ends_and_says_the_same_in_slices(signs: list[str], size: int) -> None:
    text, meter = "x " + "QUJD" * 12 + "".join(signs) + " y", Meter(ScanBudget())
    end = of_payload._end(text, 2, meter)
    said = of_payload._said([*of_payload._written(text, 2, end, meter)], "", lambda _: True, meter)
    with slices_of(size):
        assert of_payload._end(text, 2, meter) == end
        assert of_payload._said([*of_payload._written(text, 2, end, meter)], "", lambda _: True, meter) == said


@given(st.integers(0, 3), st.integers(0, 3_000), st.sampled_from([0, 60, 64, 76]), st.integers(64, 200))
@settings(max_examples=60, deadline=None)
def test_base64_says_what_was_encoded(more: int, size: int, width: int, slice_size: int) -> None:
    data, meter = random.Random(size).randbytes(size + more), Meter(ScanBudget())
    text = base64.b64encode(data).decode()
    lines = [text[at : at + width] for at in range(0, len(text), width)] if width else [text]
    for written in ("\r\n".join(lines), base64.urlsafe_b64encode(data).decode().rstrip("=")):
        with slices_of(slice_size):
            pieces = [*of_payload._written(written, 0, len(written), meter)]
        assert of_payload._bytes(pieces, meter.pause) == data
        assert of_payload.decoded(written) == data


IMAGE = base64.b64encode(random.Random(1).randbytes(2**20)).decode()
LONG: dict[str, str] = {
    "prose": "some words of a text " * 60_000,
    "Chinese": "委员会周二开会，" * 60_000,
    "an image": f"data:image/png;base64,{IMAGE}",
    "base64 over lines": encoded("some words of a text " * 50_000, 76),
    "base64 with escapes": IMAGE.replace("/", "\\/"),
    "base64 of Chinese": encoded("委员会周二开会，" * 40_000, 0),
    "JSON": json.dumps([{"a": "some words", "b": 1}] * 40_000),
    "quotes": '"\\' * 300_000,
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_others_get_a_turn_all_along(text: str) -> None:
    asked = 0

    def expired() -> bool:
        nonlocal asked
        asked += 1
        return False

    fields = raw({"messages": [{"content": [{"image_url": {"url": text}}]}]})
    DETECTOR.detect(fields, ScanBudget(expired=expired))
    to_find_and_to_decode_it = 2 * len(bytes(fields["messages"]))
    assert asked > (to_find_and_to_decode_it + len(text)) // BETWEEN_PAUSES
