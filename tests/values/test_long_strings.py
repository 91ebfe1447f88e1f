"""Long strings are put aside and decoded in slices: to the same values, and to the same refusal where it is no JSON."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.values import long_strings, slices
from gateway.values.long_strings import Outline, outline

LEAST = 32  # bytes of a slice
PIECES = st.sampled_from(
    [
        "a",
        "é",
        "委",
        "😀",
        "\\ud83d\\ude00",
        "\\u00e9",
        "\\\\",
        '\\"',
        "\\n",
        "\\/",
        " ",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "ud83d",
    ]
)
STRINGS = st.lists(PIECES, max_size=120).map(lambda pieces: f'"{"".join(pieces)}"')
DOCUMENTS = st.recursive(
    STRINGS
    | st.sampled_from(["1", "-2.5e3", "true", "null", "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21]"]),
    lambda inner: (
        st.lists(inner, max_size=5).map(lambda all_of: f"[{', '.join(all_of)}]")
        | st.lists(st.tuples(STRINGS, inner), max_size=5).map(
            lambda members: "{" + ",".join(f"{name}: {value}" for name, value in members) + "}"
        )
    ),
    max_leaves=12,
)
raws = msgspec.json.Decoder(dict[str, msgspec.Raw])


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_strings, "LONG_BYTES", 2 * LEAST)
    monkeypatch.setattr(long_strings, "slices", lambda data, pause, size=0: slices.slices(data, pause, LEAST))


def put_back(value: Any, of: Outline) -> Any:
    if isinstance(value, str):
        return of.string(value) if value in of.names else value
    if isinstance(value, list):
        return [put_back(one, of) for one in value]
    if isinstance(value, dict):
        return {put_back(name, of): put_back(member, of) for name, member in value.items()}
    return value


@given(DOCUMENTS)
@settings(max_examples=300)
def test_the_same_is_decoded(text: str) -> None:
    data = text.encode()
    found = outline(data)
    found.check()
    assert put_back(msgspec.json.decode(found.text), found) == msgspec.json.decode(data)


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), DOCUMENTS), max_size=4))
def test_members_stand_as_they_were_written(members: list[tuple[str, str]]) -> None:
    data = ("{" + " , ".join(f'"{name}" : {value}' for name, value in members) + "}").encode()
    found = outline(data)
    assert {name: bytes(found.as_written(value)) for name, value in raws.decode(found.text).items()} == {
        name: bytes(value) for name, value in raws.decode(data).items()
    }


@given(DOCUMENTS, st.data())
@settings(max_examples=400)
def test_what_is_no_json_is_refused_alike(text: str, data: st.DataObject) -> None:
    """One byte more, less or other."""
    whole = bytearray(text.encode())
    at = data.draw(st.integers(0, len(whole) - 1))
    by = data.draw(st.sampled_from([b"", b'"', b"\\", b"\x00", b"\xff", b"}", b",", b"a", b"\\ud800", b'\\"']))
    whole[at : at + data.draw(st.integers(0, 1))] = by
    found = outline(bytes(whole))
    assert decoded(found) == value_of(bytes(whole))


def decoded(of: Outline) -> Any:
    value = value_of(of.text)
    if value is Refused:
        return value
    try:
        of.check()
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Refused
    return put_back(value, of)


class Refused:
    """No JSON."""


def value_of(data: bytes) -> Any:
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Refused


@given(STRINGS, st.integers(LEAST, 64))
@settings(max_examples=300)
def test_each_slice_is_text_by_itself(text: str, size: int) -> None:
    some = [part for _, part in slices.slices(text[1:-1].encode(), size=size)]
    assert b"".join(some) == text[1:-1].encode()
    assert all(len(part) <= size for part in some)
    assert "".join(msgspec.json.decode(b'"%b"' % part) for part in some) == json.loads(text)


@pytest.mark.parametrize("before", range(LEAST))
@pytest.mark.parametrize("run", range(1, 5))
def test_a_run_of_backslashes_is_cut_between_escapes(before: int, run: int) -> None:
    data = b"a" * before + b"\\" * (2 * run) + b"\\ud83d\\ude00" + b"b" * LEAST
    text = "".join(json.loads(b'"%b"' % part) for _, part in slices.slices(data, size=LEAST))
    assert text == json.loads(b'"%b"' % data)


def test_the_names_of_two_texts_differ() -> None:
    long = b'"%b"' % (b"x" * 200)
    first, second = (outline(long, of=name) for name in ("a", "b"))
    assert first.names != second.names


def test_a_name_that_stands_in_the_text_is_another() -> None:
    data = b'["%b"]' % (b"x" * 200)
    (name,) = outline(data).names
    again = outline(b'["%b","%b"]' % (name.encode(), b"x" * 200))
    assert name not in again.names


def test_others_get_a_turn_all_along() -> None:
    asked = 0

    def pause() -> None:
        nonlocal asked
        asked += 1

    data = b'["%b"]' % (b"x" * 20_000)
    found = outline(data, pause)
    found.check(pause)
    assert asked > 2 * len(data) // LEAST
