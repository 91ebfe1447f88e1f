"""YAML as operators write it: plain data, exact places, and a refusal that is quick and in words."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.documents import Document, parse
from gateway.values.problem import InvalidDocument, Problem


def refused(text: str) -> list[Problem]:
    with pytest.raises(InvalidDocument) as caught:
        parse(text, "gateway.yaml")
    return caught.value.problems


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("No", "No"),
        ("on", "on"),
        ("off", "off"),
        ("yes", "yes"),
        ("y", "y"),
        ("2026-11-23", "2026-11-23"),
        ("2026-11-23T10:00:00Z", "2026-11-23T10:00:00Z"),
        ("1:30", "1:30"),
        ("0x10", "0x10"),
        (".inf", ".inf"),
        ("true", True),
        ("False", False),
        ("tRUE", "tRUE"),
        ("null", None),
        ("~", None),
        ("", None),
        ("5", 5),
        ("-5", -5),
        ("5_000", 5000),
        ("5.0", 5.0),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("'5'", "5"),
        ('"true"', "true"),
        ("''", ""),
        ("|\n  two\n  lines\n", "two\nlines\n"),
        ("[no, 1, [on]]", ["no", 1, ["on"]]),
        ("{no: off}", {"no": "off"}),
        ("gpt-4.1", "gpt-4.1"),
        ("1.2.3", "1.2.3"),
        ("\u00e9\U0001f600", "\u00e9\U0001f600"),
    ],
)
def test_values(text: str, value: object) -> None:
    read = parse(f"a: {text}", "f").data["a"]
    assert (read, type(read)) == (value, type(value))


def test_keys_are_text() -> None:
    assert parse("null: 1\n1: 2\ntrue: 3\nno: 4\n2026-11-23: 5", "f").data == {
        "null": 1,
        "1": 2,
        "true": 3,
        "no": 4,
        "2026-11-23": 5,
    }


def test_an_alias_is_what_it_names() -> None:
    assert parse("a: &x {b: [1, 2]}\nc: *x", "f").data["c"] == {"b": [1, 2]}


def test_a_byte_order_mark_moves_nothing() -> None:
    document = parse("\ufeffa: 1\nb: 2", "f")
    assert document.data == {"a": 1, "b": 2}
    assert (document.problem("a", "x").line, document.problem("a", "x").column) == (1, 1)


def test_windows_line_ends() -> None:
    document = parse("a: 1\r\nb:\r\n  c: 2\r\n", "f")
    assert document.data == {"a": 1, "b": {"c": 2}}
    assert document.problem("b.c", "x").line == 3


PLACES = """\
# a comment
deployments:
  gpt-4.1:
    base_url: x
models:
- one
-   two: {three: [4, 5]}
"""


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("deployments", (2, 1)),
        ("deployments.gpt-4.1", (3, 3)),
        ("deployments.gpt-4.1.base_url", (4, 5)),
        ("deployments.gpt-4.1.absent", (3, 3)),
        ("deployments.absent.absent[3].absent", (2, 1)),
        ("models[0]", (6, 3)),
        ("models[1].two", (7, 5)),
        ("models[1].two.three", (7, 11)),
        ("models[1].two.three[1]", (7, 22)),
        ("models[7]", (5, 1)),
        ("absent", (2, 1)),
        ("", (2, 1)),
    ],
)
def test_places(path: str, place: tuple[int, int]) -> None:
    problem = parse(PLACES, "f").problem(path, "x")
    assert ((problem.line, problem.column), problem.path) == (place, path)


@pytest.mark.parametrize(
    ("found", "hint"),
    [
        ("'clearence'", "did you mean 'clearance'?"),
        ("regoin", "did you mean 'region'?"),
        ("zzz", None),
        ("", None),
        (None, None),
    ],
)
def test_the_nearest_name(found: str | None, hint: str | None) -> None:
    assert parse("a: 1", "f").problem("a", "x", found, ("clearance", "region")).hint == hint


@pytest.mark.parametrize(
    ("text", "place", "path", "expected", "found"),
    [
        ("", (1, 1), "", "a mapping at the top", "nothing"),
        ("# only a comment\n", (1, 1), "", "a mapping at the top", "nothing"),
        ("[1, 2]", (1, 1), "", "a mapping at the top", "something else"),
        ("just text", (1, 1), "", "a mapping at the top", "something else"),
        ("a: 1\na: 2", (2, 1), "a", "a name that stands once", "'a' again"),
        ("a:\n  b: 1\n  'b': 2", (3, 3), "a.b", "a name that stands once", "'b' again"),
        ("a:\n  1: 1\n  '1': 2", (3, 3), "a.1", "a name that stands once", "'1' again"),
        ("a: 1\n? [b]\n: 2", (2, 3), "", "a name as the key", "a mapping or a list"),
        ("a: [{? {b: 1} : 2}]", (1, 8), "a[0]", "a name as the key", "a mapping or a list"),
        ("a:\n\tb: 1", (2, 1), "", "valid YAML", "'\\t'"),
        ("a: [1", (1, 6), "", "valid YAML", "<stream end>"),
        ("a: 'x", (1, 6), "", "valid YAML", "end of stream"),
        ("a: b: c", (1, 5), "", "valid YAML", "mapping values are not allowed here"),
        ("a: 1\n b: 2", (2, 3), "", "valid YAML", "mapping values are not allowed here"),
        ("a: {b: 1}}", (1, 10), "", "valid YAML", "'}'"),
        ("a: 1\n---\nb: 2", (2, 1), "", "valid YAML", "another document"),
        ("a: *b", (1, 4), "", "valid YAML", "undefined alias"),
        ("a: @b", (1, 4), "", "valid YAML", "'@'"),
        ('a: "\\q"', (1, 6), "", "valid YAML", "'q'"),
        ("a: \x00", (None, None), "", "valid YAML", "ReaderError"),
        ('a: "\\U00110000"', (None, None), "", "valid YAML", "ValueError"),
        ('a:\n- "x\\ud800"', (2, 3), "a[0]", "whole characters", "half a surrogate pair"),
        ('a:\n  "\\udc00": 1', (2, 3), "a", "whole characters", "half a surrogate pair"),
        ("a: &x [*x]", (1, 4), "a" + 64 * "[0]", "a smaller document", "too deep"),
        ("a: " + 70 * "[" + 70 * "]", (1, 68), "a" + 64 * "[0]", "a smaller document", "too many or too deep nodes"),
    ],
)
def test_refusals(text: str, place: tuple[int | None, int | None], path: str, expected: str, found: str) -> None:
    (problem,) = refused(text)
    assert (problem.file, problem.line, problem.column, problem.path) == ("gateway.yaml", *place, path)
    assert problem.expected == expected
    assert found in (problem.found or "")


@pytest.mark.parametrize(
    ("text", "column", "path"),
    [
        ("a: !!python/name:os.system x", 4, "a"),
        ("a: !!python/object/apply:os.system [id]", 4, "a"),
        ("a: !!python/object:os.X {b: 1}", 4, "a"),
        ("!!python/object:os.X {a: 1}", 1, ""),
        ("a: !local 1", 4, "a"),
        ("a: !!binary aGk=", 4, "a"),
        ("a: !!set {b}", 4, "a"),
        ("a: !!str 5", 4, "a"),
        ("a: !!int '5'", 4, "a"),
        ("!!str a: 1", 1, ""),
    ],
)
def test_tags_are_refused(text: str, column: int, path: str) -> None:
    (problem,) = refused(text)
    assert (problem.line, problem.column, problem.path, problem.expected) == (1, column, path, "no tag")


def bomb(levels: int, width: int) -> str:
    lines = [f"n0: &n0 [{', '.join(['x'] * width)}]"]
    lines += [f"n{i}: &n{i} [{', '.join([f'*n{i - 1}'] * width)}]" for i in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text",
    [bomb(9, 10), bomb(60, 2), bomb(3, 2000), "a: " + 64 * "[" + "1, " * 5000 + 64 * "]", "a: &x [*x, *x, *x]"],
    ids=["wide", "narrow", "very wide", "many deep", "recursive"],
)
def test_a_bomb_is_refused_quickly_and_in_few_words(text: str) -> None:
    start = time.process_time()
    problems = refused(text)
    assert time.process_time() - start < 5
    assert [problem.expected for problem in problems] == ["a smaller document"]


@pytest.mark.parametrize("text", ["a: " + "[" * 5000, "- " * 5000, "{a: " * 5000, "? " * 5000])
def test_deep_nesting_is_refused_quickly(text: str) -> None:
    start = time.process_time()
    assert [problem.expected for problem in refused(text)] == ["valid YAML"]
    assert time.process_time() - start < 5


def test_all_problems_in_the_order_of_the_file() -> None:
    problems = refused("a: 1\nb: !x 1\na: 2\nc:\n  d: 1\n  d: 2\n? [e]\n: 1\nf: !y {}\na: 3\n")
    assert [problem.line for problem in problems] == [2, 3, 6, 7, 9, 10]


YAML_LIKE = st.text(alphabet="ab:-?[]{},&*!|>'\"%#@ \n\t\\~01.<e_\u00e9\U0001f600\ufeff\x85\u2028", max_size=60)


@given(st.one_of(st.text(), YAML_LIKE, st.text(alphabet=st.characters())))
def test_any_text_is_a_document_or_refused(text: str) -> None:
    said = ""
    try:
        document = parse(text, "f")
    except InvalidDocument as invalid:
        said = str(invalid)
    else:
        assert isinstance(document, Document)
        assert isinstance(document.data, dict)
        said = str(document.problem("a.b[2]", "x"))
    assert said.encode()


SECTIONS = [
    "a: 1\npolicy:\n  rules:\n  # why\n  - {name: x}\n  - name: y\n    description: |\n      long\n\n      text\nb: 2\n",
    '{"a": 1, "policy": {"rules": [\n  {"name": "x"}]}, "b": 2}',
    "policy: {rules: [{name: x}]}\n",
    "a: &a [1, 2]\npolicy:\n  rules: *a\n",
    "policy:\n  rules: &a [1]\n  more: *a",
]


@pytest.mark.parametrize("text", SECTIONS)
def test_the_text_of_a_section_says_the_same_by_itself(text: str) -> None:
    section = parse(text, "f").section("policy")
    assert parse(section.text(), "g").data == section.data
    assert parse(text, "f").text() == text


def test_the_text_of_a_section_keeps_its_comments() -> None:
    assert "# why" in parse(SECTIONS[0], "f").section("policy").text()
