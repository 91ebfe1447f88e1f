"""YAML text becomes plain data, and each path in it knows its line and column.

YAML 1.2's core schema: `no` and `on` are strings (a region can be `no`), dates are strings, a key may stand once.
"""

import difflib
import json
import math
import re
import textwrap
from collections.abc import Iterable
from typing import Any

import yaml

from gateway.values.problem import InvalidDocument, Problem

_MAX_NODES = 200_000  # after aliases are followed: an alias bomb is refused, not expanded
_MAX_DEPTH = 64
_INT = re.compile(r"[-+]?(0|[1-9][0-9_]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS |= {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_SURROGATE = re.compile("[\ud800-\udfff]")


class _Loader(yaml.SafeLoader):
    """Leaves a node without a tag where the text has none, so a tag that was written is seen."""

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> None:
        """No tag."""


class Document:
    """`data` is plain data, a mapping as parsed. Paths are like `rules[2].when.stream`."""

    def __init__(self, file: str, data: Any, places: "Places", prefix: str = "") -> None:
        self.file = file
        self.data = data
        self._places = places
        self._prefix = prefix

    def text(self) -> str:
        """Text that says the same by itself: of a section its own lines, or JSON where they lean on others by an alias."""
        if not self._prefix:
            return self._places.text
        start, end, column = self._places.spans[self._prefix]
        lines = textwrap.dedent(" " * column + self._places.text[start:end]).rstrip() + "\n"
        try:
            is_whole = parse(lines, self.file).data == self.data
        except InvalidDocument:
            is_whole = False
        return lines if is_whole else json.dumps(self.data, indent=2, ensure_ascii=False) + "\n"

    def problem(self, path: str, expected: str, found: str | None = None, known: Iterable[str] = ()) -> Problem:
        """A problem at this path, or at the nearest one above that is in the text; `known` gives the nearest name."""
        path = join(self._prefix, path) if path and self._prefix else path or self._prefix
        line, column = self._place(path)
        return Problem(
            file=self.file,
            line=line,
            column=column,
            path=path,
            expected=expected,
            found=found,
            hint=nearest(found, known),
        )

    def section(self, name: str) -> "Document":
        """A member at the top as a document of its own, whose problems still say where in this one they are."""
        return Document(self.file, self.data.get(name), self._places, name)

    def _place(self, path: str) -> tuple[int, int]:
        starts = self._places.starts
        while path not in starts:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return starts[path]


class Places:
    """Where in `text` things stand: `starts` by path, line and column from 1; `spans` of what is at the top, by its name:
    from, to and the column from 0, in characters.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts: dict[str, tuple[int, int]] = {}
        self.spans: dict[str, tuple[int, int, int]] = {}


def nearest(found: str | None, known: Iterable[str]) -> str | None:
    """The known name that was probably meant."""
    close = difflib.get_close_matches((found or "").strip("'\""), list(known), n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else None


def join(path: str, key: str | int) -> str:
    """The path of a member."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key


def parse(text: str, file: str) -> Document:
    """Raises InvalidDocument."""
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
        raise _refused(file, (line, column), "valid YAML", error.problem) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _refused(file, (None, None), "valid YAML", type(error).__name__) from None
    if not isinstance(node, yaml.MappingNode):
        raise _refused(file, (1, 1), "a mapping at the top", "nothing" if node is None else "something else")
    reader = _Reader(file, text)
    data = reader.read(node, "", 0)
    if reader.problems:
        raise InvalidDocument(reader.problems)
    return Document(file, data, reader.places)


def _refused(file: str, place: tuple[int | None, int | None], expected: str, found: str | None) -> InvalidDocument:
    return InvalidDocument(
        [Problem(file=file, line=place[0], column=place[1], path="", expected=expected, found=found)]
    )


class _Reader:
    def __init__(self, file: str, text: str) -> None:
        self.places = Places(text)
        self.problems: list[Problem] = []
        self._file = file
        self._nodes = 0

    def read(self, node: yaml.Node, path: str, depth: int) -> Any:
        self._nodes += 1
        mark = node.start_mark
        self.places.starts[path] = (mark.line + 1, mark.column + 1)
        if self._nodes > _MAX_NODES:
            return None
        if self._nodes == _MAX_NODES or depth > _MAX_DEPTH:
            self._nodes = _MAX_NODES  # said once, and nothing more is read
            self._report(node, path, "a smaller document", "too many or too deep nodes")
            return None
        if node.tag is not None:
            self._report(node, path, "no tag", node.tag)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, join(path, index), depth + 1) for index, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        raise TypeError(type(node))  # YAML has three kinds of nodes

    def _mapping(self, node: yaml.MappingNode, path: str, depth: int) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._report(key_node, path, "a name as the key", "a mapping or a list")
                continue
            key = str(key_node.value)
            if key_node.tag is not None:
                self._report(key_node, path, "no tag", key_node.tag)
            if _SURROGATE.search(key):
                self._report(key_node, path, "whole characters", "half a surrogate pair")
                continue
            member = join(path, key)
            if key in data:
                self._report(key_node, member, "a name that stands once", f"{key!r} again")
            data[key] = self.read(value_node, member, depth + 1)
            self.places.starts[member] = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            if depth == 0:
                begin = value_node.start_mark
                self.places.spans[member] = (begin.index, value_node.end_mark.index, begin.column)
        return data

    def _scalar(self, node: yaml.ScalarNode, path: str) -> Any:
        text = str(node.value)
        if _SURROGATE.search(text):
            self._report(node, path, "whole characters", "half a surrogate pair")
            return None
        if node.style is not None:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INT.fullmatch(text) and len(text) < 20:
            return int(text.replace("_", ""))
        number = float(text.replace("_", "")) if _FLOAT.fullmatch(text) else math.inf
        return number if math.isfinite(number) else text

    def _report(self, node: yaml.Node, path: str, expected: str, found: str) -> None:
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        self.problems.append(
            Problem(file=self._file, line=line, column=column, path=path, expected=expected, found=found)
        )
