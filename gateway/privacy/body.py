"""The text of a body: every string, name and large number in it, whatever its shape.

Nothing here knows a surface. A key stands on the line before its value, so that `{"ssn": 123456789}` reads as a
number with its context. What would hide text is undone: escapes (by decoding), names that are written twice (all are
read, whichever the provider takes).
"""

import json
import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

import msgspec

from gateway.privacy.budget import GivenUp, Meter
from gateway.values.elements import SLICE_BYTES, elements
from gateway.values.long_strings import Outline, outline
from gateway.values.pause import Pause
from gateway.values.slices import has_quotes, quotes, slices

# a value that is no text and stands between two texts must not hide that they belong together
_LABELS = frozenset({"role", "type", "model", "name", "id", "tool_call_id", "call_id", "detail", "status", "format"})
# surfaces call a text by different names, and one message may be a string where its neighbour is a list of parts
_TEXTS = dict.fromkeys(
    ("text", "input", "input_text", "output", "prompt", "documents", "items", "data_1", "data_2", "queries"), "content"
)
_SMALLEST_NUMBER = 10_000_000  # 8 digits
_LARGEST_NUMBER = 10**20
_MANY = 1024  # members or elements between two looks at the time
_FEW = 16  # whose work is not counted
_MEMBERS_A_STEP = 4
_LARGE = 256 * 1024  # bytes
_decode_list = msgspec.json.Decoder(list).decode
_decode_string = msgspec.json.Decoder(str).decode


class Body:
    """`lines` is all text in order; `chains` are the texts that stand under the same name, to be read as one."""

    def __init__(self, meter: Meter) -> None:
        self.lines: list[str] = []
        self.is_plain = False  # nothing in it was escaped: no text holds a control character
        self.chains: defaultdict[str, list[str]] = defaultdict(list)
        self._meter = meter
        self._numbers = 0  # lines that are no strings

    def read(self, fields: Mapping[str, msgspec.Raw]) -> None:
        """Raises GivenUp where the fields are no JSON or nested too deeply."""
        size = sum([memoryview(value).nbytes for value in fields.values()])
        self._meter.take(size)
        try:
            if size > _LARGE:
                pause = self._meter.pause
                self._read_large({name: outline(memoryview(value), pause, name) for name, value in fields.items()})
            else:
                self._read_small(fields, b",".join(fields.values()))
        except RecursionError:
            raise GivenUp("the body is nested too deeply") from None

    def replace(self, old: str, new: str) -> None:
        """In all texts."""
        self.lines = [line.replace(old, new) for line in self.lines]
        for name, chain in self.chains.items():
            self.chains[name] = [text.replace(old, new) for text in chain]

    def _read_small(self, fields: Mapping[str, msgspec.Raw], raw: bytes) -> None:
        self._object(dict(zip(fields, _decode(raw, len(fields)), strict=True)))
        self.is_plain = b"\\" not in raw
        if not has_quotes(raw, self._quotes_read(len(fields))):
            self._forget()
            for name, value in zip(fields, _decode_all(raw, self._meter.pause), strict=True):
                self._object({name: value})

    def _read_large(self, outlines: dict[str, Outline]) -> None:
        """Long lists some elements at a time, and long strings in slices."""
        for name, one in outlines.items():
            self._in_slices(name, one.text)
        written = sum(quotes(some) for one in outlines.values() for _, some in slices(one.text, self._meter.pause))
        if written != self._quotes_read(len(outlines)):
            self._forget()
            for name, one in outlines.items():
                self._object({name: _decode_all(one.text, self._meter.pause)[0]})
        self._put_back({name: one for one in outlines.values() for name in one.names})

    def _quotes_read(self, top: int) -> int:
        """Every string has two quotes: fewer strings read than written means that a name hid another of its kind. Then all
        is forgotten, to be read again. `top`: names of members at the top.
        """
        return 2 * (len(self.lines) - self._numbers - top)

    def _forget(self) -> None:
        self.lines.clear()
        self.chains.clear()

    def _put_back(self, long_ones: dict[str, Outline]) -> None:
        """The long strings, where their names in the outlines stand."""
        if not long_ones:
            return
        texts = {name: one.string(name, self._meter.pause, _decode_text) for name, one in long_ones.items()}
        for some in (self.lines, *self.chains.values()):
            for at, text in enumerate(some):
                if at % _MANY == _MANY - 1:
                    self._meter.pause()
                if text in texts:
                    some[at] = texts[text]
        for name in filter(self.chains.__contains__, texts):
            self.chains[texts[name]] += self.chains.pop(name)
        self._meter.pause()

    def _in_slices(self, name: str, text: bytes) -> None:
        """As `_object`, but a long list some elements at a time."""
        if len(text) > SLICE_BYTES and text.startswith(b"["):
            self.lines.append(name)
            for some in self._elements(text):
                self._list(some, name)
        else:
            self._object({name: _decode(text, 1)[0]})

    def _elements(self, text: bytes) -> list[list[Any]]:
        try:
            return list(elements(text, _decode_list, self._meter.pause))
        except msgspec.DecodeError:
            return _decode(text, 1)

    def _object(self, members: dict[str, Any]) -> None:
        add = self.lines.append
        if len(members) > _FEW:
            self._meter.work(len(members) // _MEMBERS_A_STEP)
            if len(members) > _MANY:
                self._in_parts(members)
                return
        for key, value in members.items():
            add(key)
            if type(value) is str:  # as _text, which a call would make half as fast again
                add(value)
                if key not in _LABELS:
                    self.chains[_TEXTS.get(key, key)].append(value)
            elif type(value) is dict:
                self._object(value)
            elif type(value) is list:
                self._list(value, key)
            else:
                self._other(value)

    def _in_parts(self, members: dict[str, Any]) -> None:
        every = iter(members.items())
        while part := dict(islice(every, _MANY)):
            self._object(part)

    def _list(self, elements: list[Any], key: str) -> None:
        for start in range(0, len(elements), _MANY):
            if len(elements) > _FEW:
                self._meter.work(min(len(elements), _MANY) // _MEMBERS_A_STEP)
            for element in elements[start : start + _MANY]:
                if type(element) is str:
                    self._text(element, key)
                elif type(element) is dict:
                    self._object(element)
                elif type(element) is list:
                    self._list(element, key)
                else:
                    self._other(element)

    def _text(self, text: str, key: str) -> None:
        self.lines.append(text)
        if key not in _LABELS:
            self.chains[_TEXTS.get(key, key)].append(text)

    def _other(self, value: Any) -> None:
        if type(value) is float and math.isfinite(value) and value.is_integer():
            value = int(value)
        if type(value) is int and _SMALLEST_NUMBER <= abs(value) < _LARGEST_NUMBER:
            self.lines.append(str(abs(value)))
            self._numbers += 1
        elif type(value) is _Pairs:
            for name, member in value.pairs:
                self._object({name: member})


class _Pairs:
    """An object whose names may repeat."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        self.pairs = pairs


def _decode(raw: bytes, count: int) -> list[Any]:
    """So many values that a comma stands between."""
    try:
        values = _decode_list(b"[%b]" % raw)
    except msgspec.DecodeError:
        values = _as_python_reads_it(b"[%b]" % raw, dict)
    if len(values) != count:
        raise GivenUp("the body is not JSON")
    return values


def _decode_all(raw: bytes, pause: Pause) -> list[Any]:
    """All members, those whose name comes again included."""

    def pairs(found: list[tuple[str, Any]]) -> _Pairs:
        pause()
        return _Pairs(found)

    return _as_python_reads_it(b"[%b]" % raw, pairs)


def _decode_text(raw: bytes) -> str:
    try:
        text: str = _decode_string(raw)
    except msgspec.DecodeError:
        text = _as_python_reads_it(b"[%b]" % raw, dict)[0]
    return text


def _as_python_reads_it(raw: bytes, of_pairs: Callable[[list[tuple[str, Any]]], Any]) -> list[Any]:
    """Python's own decoder takes half of a surrogate pair, which clients that cut a text in two do send."""
    try:
        values: list[Any] = json.loads(raw, object_pairs_hook=of_pairs)
    except ValueError:
        raise GivenUp("the body is not JSON") from None
    return values
