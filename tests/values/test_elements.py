"""A long array, some elements at a time: the same as at once, wherever it is cut."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.values.elements import SLICE_BYTES, elements
from gateway.values.pause import no_pause

decode = msgspec.json.Decoder(list).decode
TEXTS = st.text(alphabet='a}{],["\\:\n é😀', max_size=12)  # what a seam is made of
VALUES = st.recursive(
    st.none() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=30,
)
SEPARATORS = st.sampled_from([(",", ":"), (", ", ": "), (",\n  ", ": "), (" ,\t", ":")])


@given(st.lists(VALUES, max_size=12), SEPARATORS, st.integers(1, 40), st.booleans())
def test_any_array_is_the_same_in_slices(values: list[Any], marks: tuple[str, str], size: int, plain: bool) -> None:
    text = json.dumps(values, separators=marks, ensure_ascii=plain).encode()
    assert [one for some in elements(text, decode, no_pause, size) for one in some] == values


@given(st.lists(st.dictionaries(TEXTS, TEXTS, min_size=1), min_size=2), st.data())
def test_what_is_no_array_is_none_in_slices(values: list[Any], data: st.DataObject) -> None:
    text = json.dumps(values).encode()
    at = data.draw(st.integers(1, len(text) - 1))
    broken = text[:at] + data.draw(st.sampled_from([b"", b"]", b"[", b"},{", b'"', b","])) + text[at + 1 :]

    def whole() -> list[Any] | None:
        try:
            return decode(broken)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None

    try:
        found = [one for some in elements(broken, decode, no_pause, 1) for one in some]
    except (msgspec.DecodeError, UnicodeDecodeError):
        assert whole() is None
    else:
        assert found == whole()


def test_slices_are_bounded_and_others_get_a_turn_between() -> None:
    message = {"role": "user", "content": "}, {" * 20}
    text = json.dumps([message] * 20_000).encode()
    taken: list[int] = []
    turns: list[int] = []

    def noted(some: bytes) -> list[Any]:
        taken.append(len(some))
        return decode(some)

    parts = list(elements(text, noted, lambda: turns.append(len(taken))))
    assert sum(map(len, parts)) == 20_000
    assert max(map(len, parts)) * len(json.dumps(message)) < 2 * SLICE_BYTES
    assert sum(taken) < 2 * len(text)
    assert len(turns) >= len(parts) - 1


def test_one_long_text_is_looked_through_once() -> None:
    taken: list[int] = []

    def noted(some: bytes) -> list[Any]:
        taken.append(len(some))
        return decode(some)

    text = json.dumps([{"role": "user", "content": "},{" * 500_000}]).encode()
    assert len(next(iter(elements(text, noted, no_pause)))) == 1
    assert sum(taken) < 4 * len(text)


def test_a_wrong_element_is_an_error() -> None:
    typed = msgspec.json.Decoder(list[dict[str, str]]).decode
    text = json.dumps([{"a": "b"}] * 50 + [{"a": 1}]).encode()  # type: ignore[list-item]
    with pytest.raises(msgspec.ValidationError):
        list(elements(text, typed, no_pause, 20))


@pytest.mark.parametrize("parts", [2, 3, 8])
def test_elements_that_hold_lists_of_objects_are_cut_between_them(parts: int) -> None:
    message = {"role": "user", "content": [{"type": "text", "text": "a few words"}] * parts}
    text = json.dumps([message] * 20_000).encode()
    taken: list[int] = []

    def noted(some: bytes) -> list[Any]:
        taken.append(len(some))
        return decode(some)

    assert sum(len(some) for some in elements(text, noted, no_pause)) == 20_000
    assert max(taken) < 16 * SLICE_BYTES
    assert sum(taken) < 8 * len(text)
