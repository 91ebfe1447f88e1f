"""A document that is not of its Struct's shape: each deviation once, at its place, in words."""

import enum
from typing import Annotated, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from gateway.documents import load_struct, parse
from gateway.values.problem import Problem

CANARY = "canary-8c1f0e-secret"


class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"


class Part(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    size: Annotated[int, Meta(ge=1, le=9)]
    weight: Annotated[float, Meta(gt=0)] | None = None


class Thing(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    name: Annotated[str, Meta(min_length=1, max_length=5)]
    colour: Colour | None = None
    word: Literal["context", "policy"] = "context"
    parts: Annotated[list[Part], Meta(min_length=1)] | None = None
    named: dict[str, Part] = {}
    context_tokens: Annotated[int, Meta(ge=1)] = 1
    flag: bool = False
    api_key: str | None = None
    keys: dict[str, Part] = {}


def problems(text: str) -> list[Problem]:
    thing, found = load_struct(parse(text, "f"), Thing)
    assert found or thing is not None
    return found


def test_a_good_document() -> None:
    thing, found = load_struct(parse("{name: a, colour: red, parts: [{size: 1, weight: 2}], flag: true}", "f"), Thing)
    assert found == []
    assert thing == Thing(name="a", colour=Colour.RED, parts=[Part(size=1, weight=2.0)], flag=True)


@pytest.mark.parametrize(
    ("text", "place", "path", "expected", "found", "hint"),
    [
        ("flag: true", (1, 1), "name", "the required field 'name'", "nothing", None),
        ("name: 5", (1, 1), "name", "text", "5", None),
        ("name:", (1, 1), "name", "text", "null", None),
        ("name: ''", (1, 1), "name", "at least 1 character", "''", None),
        ("name: abcdef", (1, 1), "name", "at most 5 characters", "'abcdef'", None),
        ("name: [a]", (1, 1), "name", "text", "a list", None),
        ("name: []", (1, 1), "name", "text", "an empty list", None),
        ("name: {a: b}", (1, 1), "name", "text", "a mapping", None),
        ("{name: a, flag: no}", (1, 11), "flag", "true or false", "'no'", None),
        ("{name: a, colour: gren}", (1, 11), "colour", "one of green, red", "'gren'", "did you mean 'green'?"),
        ("{name: a, colour: 5}", (1, 11), "colour", "one of green, red", "5", None),
        ("{name: a, word: polcy}", (1, 11), "word", "one of context, policy", "'polcy'", "did you mean 'policy'?"),
        ("{name: a, parts: []}", (1, 11), "parts", "at least 1 entry", "an empty list", None),
        ("{name: a, parts: {}}", (1, 11), "parts", "a list", "a mapping", None),
        ("name: a\nparts:\n- {}", (3, 3), "parts[0].size", "the required field 'size'", "nothing", None),
        ("name: a\nparts:\n- size: 0", (3, 3), "parts[0].size", "at least 1", "0", None),
        ("name: a\nparts:\n- size: 10", (3, 3), "parts[0].size", "at most 9", "10", None),
        ("name: a\nparts:\n- size: 1.5", (3, 3), "parts[0].size", "a whole number", "1.5", None),
        ("name: a\nparts:\n- size: '1'", (3, 3), "parts[0].size", "a whole number", "'1'", None),
        ("name: a\nparts:\n- size: true", (3, 3), "parts[0].size", "a whole number", "true", None),
        ("name: a\nparts:\n- {size: 1, weight: 0}", (3, 13), "parts[0].weight", "more than 0", "0", None),
        ("name: a\nparts:\n- {size: 1, weight: x}", (3, 13), "parts[0].weight", "a number", "'x'", None),
        ("name: a\nnamed:\n  a.b: {size: 0}", (3, 9), "named.a.b.size", "at least 1", "0", None),
        ("name: a\nnamed:\n  b: {size: 1, wieght: 2}", (3, 16), "named.b.wieght", "one of size, weight", "'wieght'", "did you mean 'weight'?"),
        ("name: a\nnamed: [1]", (2, 1), "named", "a mapping", "a list", None),
        ("name: a\nzzz: 1", (2, 1), "zzz", "one of api_key, colour, context_tokens, flag, keys, name, named, parts, word", "'zzz'", None),
        ("name: a\ncontext_tokens: many", (2, 1), "context_tokens", "a whole number", "'many'", None),
        ("name: a\ncontext_tokens: 0", (2, 1), "context_tokens", "at least 1", "0", None),
    ],
)  # fmt: skip
def test_deviations(text: str, place: tuple[int, int], path: str, expected: str, found: str, hint: str | None) -> None:
    (problem,) = problems(text)
    assert problem == Problem(
        file="f", line=place[0], column=place[1], path=path, expected=expected, found=found, hint=hint
    )


def test_all_at_once_in_the_order_of_the_file() -> None:
    found = problems("zzz: 1\nparts:\n- {size: 0, y: 1}\n- size: x\nflag: 1\ncolour: blue\nname: 1\n")
    assert [(problem.line, problem.path) for problem in found] == [
        (1, "zzz"),
        (3, "parts[0].size"),
        (3, "parts[0].y"),
        (4, "parts[1].size"),
        (5, "flag"),
        (6, "colour"),
        (7, "name"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        f"{{name: a, api_key: [{CANARY}]}}",
        f"{{name: a, api_key: {{{CANARY}: 1}}}}",
        f"{{name: a, api_key: {{a: {CANARY}}}}}",
        f"{{name: a, keys: {CANARY}}}",
        f"{{name: a, keys: {{team: {CANARY}}}}}",
        f"{{name: a, keys: {{team: [{CANARY}]}}}}",
        f"{{name: a, secret: {CANARY}}}",
    ],
)
def test_a_secret_in_the_wrong_place_is_not_shown(text: str) -> None:
    found = problems(text)
    assert found
    assert CANARY not in str(found) + " ".join(map(str, found))


def test_long_values_are_shortened() -> None:
    (problem,) = problems(f"name: {'x' * 5000}")
    assert len(problem.found or "") < 100


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["size", "weight", "x", ""]), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*Thing.__struct_fields__, "other", ""]), VALUES))
def test_any_data_is_a_struct_or_has_problems(data: dict[str, object]) -> None:
    document = parse("a: 1", "f")
    document.data = data
    thing, found = load_struct(document, Thing)
    assert found or thing is not None
    assert all(problem.expected for problem in found)
    " ".join(map(str, found)).encode()
