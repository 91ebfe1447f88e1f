"""A body's members: what is a JSON object, within bounds; each is decoded when it is asked for.

What is long is decoded in slices, with pauses between them: a decoder in C keeps the interpreter's lock until it is done.
"""

import contextlib
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from gateway.http.errors import ApiError
from gateway.values.elements import SLICE_BYTES, elements
from gateway.values.long_strings import Outline, outline
from gateway.values.pause import Pause, no_pause
from gateway.values.slices import slices, without_escapes
from gateway.values.surrogates import without_lone_surrogates

MAX_MEMBERS = 200_000  # of all objects and lists in a body together
_MANY = 512  # elements between two pauses

Fields = dict[str, msgspec.Raw]
T = TypeVar("T")

_fields = msgspec.json.Decoder(Fields).decode


class LongFields(Fields):
    """Members as they were written. `outlined` are the same with names for the long strings, which `put_back` knows."""

    def __init__(self, outlined: Fields, outline_of_all: Outline, pause: Pause) -> None:
        self.outlined = outlined
        self._outline = outline_of_all
        self._names = frozenset(outline_of_all.names)
        self._strings: dict[str, str] = {}
        self._pause = pause
        super().__init__({self.put_back(name): self.put_back(value) for name, value in outlined.items()})

    def put_back(self, value: Any) -> Any:
        """What was decoded from `outlined`, with the long strings where their names stand."""
        if type(value) is str:
            return self._string(value) if value in self._names else value
        if isinstance(value, msgspec.Raw):
            return self._outline.as_written(value)
        if isinstance(value, list):
            for at, element in enumerate(value):
                if at % _MANY == _MANY - 1:
                    self._pause()
                value[at] = self.put_back(element)
        elif isinstance(value, msgspec.Struct):
            for name in value.__struct_fields__:
                setattr(value, name, self.put_back(getattr(value, name)))
        elif isinstance(value, dict):
            return {self.put_back(name): self.put_back(member) for name, member in value.items()}
        return value

    def _string(self, name: str) -> str:
        if name not in self._strings:
            self._strings[name] = self._outline.string(name, self._pause)
        return self._strings[name]


def parse_fields(body: bytes, pause: Pause = no_pause, most: int = MAX_MEMBERS) -> Fields:
    """The top-level members; half of a surrogate pair, which has no UTF-8, becomes U+FFFD. Raises ApiError 400 for what is
    not a JSON object, or a bomb of depth or members: `most` members and elements.
    """
    if len(body) > MAX_MEMBERS:
        return _parse_large(body, pause, most)
    return _parsed(body, _fields, lambda whole: parse_fields(whole, pause, most), pause)


def _parse_large(body: bytes, pause: Pause, most: int) -> Fields:
    outlined = outline(body, pause)
    if _holds_too_much(outlined.text, pause, most):
        raise ApiError(400, "too_many_fields", f"The body has more than {most} members and elements.")

    def fields(_: bytes) -> Fields:
        found = _fields(outlined.text)
        outlined.check(pause)
        return LongFields(found, outlined, pause) if outlined.names else found

    return _parsed(body, fields, lambda whole: _parse_large(whole, pause, most), pause)


def _parsed(
    body: bytes, parse: Callable[[bytes], Fields], parse_again: Callable[[bytes], Fields], pause: Pause
) -> Fields:
    try:
        return parse(body)
    except RecursionError:
        raise ApiError(400, "nested_too_deeply", "The body is nested too deeply.") from None
    except msgspec.ValidationError:
        raise ApiError(400, "invalid_json", "The body must be a JSON object.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        if (whole := without_lone_surrogates(body, pause)) != body:
            return parse_again(whole)
        raise ApiError(400, "invalid_json", f"The body is not valid JSON: {problem}") from None


def _holds_too_much(body: bytes, pause: Pause, most: int) -> bool:
    """Without parsing: that would take seconds for a bomb. Only where text cannot be excluded is it told from structure."""
    if sum(_separators(some) for _, some in slices(body, pause)) <= most:
        return False
    found, is_inside = 0, False
    for _, some in slices(body, pause):
        parts = without_escapes(some).split(b'"')  # each second one is inside of a string
        found += _separators(b"".join(parts[is_inside::2]))
        if found > most:
            return True
        is_inside ^= len(parts) % 2 == 0
    return False


def _separators(text: bytes) -> int:
    """Every member and element follows one."""
    return text.count(b",") + text.count(b"{") + text.count(b"[")


def read(fields: Fields, name: str, decoder: msgspec.json.Decoder[Any]) -> Any:
    """A member that must be there. Raises ApiError 400 with its path."""
    if name not in fields:
        raise ApiError(400, "missing_required_parameter", f"Missing required parameter: {name!r}.", param=name)
    try:
        if isinstance(fields, LongFields):
            return fields.put_back(decoder.decode(fields.outlined[name]))
        return decoder.decode(fields[name])
    except RecursionError:
        raise ApiError(400, "nested_too_deeply", f"{name!r} is nested too deeply.", param=name) from None
    except msgspec.ValidationError as problem:
        raise _of_shape(name, str(problem)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise ApiError(400, "invalid_json", f"{name!r} is not valid JSON: {problem}", param=name) from None


def optional(fields: Fields, name: str, decoder: msgspec.json.Decoder[Any]) -> Any:
    """A member, or None."""
    return read(fields, name, decoder) if name in fields else None


def read_list(fields: Fields, name: str, decoder: msgspec.json.Decoder[list[T]], pause: Pause) -> list[T]:
    """A list that must be there; a long one in slices."""
    long = fields if isinstance(fields, LongFields) else None
    text = (long.outlined if long else fields).get(name)
    if text is not None and memoryview(text).nbytes > SLICE_BYTES and (array := bytes(text)).startswith(b"["):
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            parts = elements(array, decoder.decode, pause)
            return [one for some in parts for one in (long.put_back(some) if long else some)]
    found: list[T] = read(fields, name, decoder)  # says what is wrong, and where
    return found


def _of_shape(name: str, problem: str) -> ApiError:
    """msgspec says: Expected `str`, got `int` - at `$[0].content`."""
    what, _, where = problem.partition(" - at `$")
    path = name + where.rstrip("`")
    return ApiError(400, "invalid_type", f"Invalid {path!r}: {what}.", param=path)


def invalid(path: str, expected: str) -> ApiError:
    """400 with the path and what was expected."""
    return ApiError(400, "invalid_value", f"Invalid {path!r}: expected {expected}.", param=path)
