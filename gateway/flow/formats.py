"""Whether an answer keeps to the JSON that was asked for, by its schema.

A schema and an answer are the words of strangers, so both are bounded: what is too large, too deep or could take too long is
not checked. References to elsewhere are never followed, and patterns are matched in linear time.
"""

import contextlib
import math
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import jsonschema_rs
import msgspec

from gateway.dialects.contract import Dialect, EventReader
from gateway.providers.vendors import CALLERS
from gateway.values.chat import Ended, Finish, Refusal, RefusalDelta, Reply, Text, TextDelta, ToolCall, ToolCallBegan
from gateway.values.deployment import Capability
from gateway.values.outcome import AttemptFailed
from gateway.values.request import Request

MOST_SCHEMA_BYTES = 64 * 1024
MOST_TEXT = 256 * 1024  # characters of an answer
MOST_DEPTH = 64  # of an answer
_MOST_STEPS = 1e5  # of a schema that refers to itself in alternatives
_KEPT = 256  # validators
_ASKS = frozenset({Capability.JSON_SCHEMA, Capability.JSON_OBJECT})
_FORMATS = ("response_format", "output_config", "output_format", "text")  # the members that say a format, by dialect
_NO_TURNS = msgspec.Raw(b"[]")
_COMBINING = ("anyOf", "oneOf", "allOf", "not", "if", "then", "else", "dependentSchemas")
_PATTERNS = jsonschema_rs.RegexOptions(size_limit=256 * 1024, dfa_size_limit=256 * 1024)
_ENDS = frozenset({Finish.STOP, Finish.STOP_SEQUENCE})  # of answers that are whole
_decode = msgspec.json.Decoder().decode


def asks_for_format(needs: frozenset[Capability]) -> bool:
    """Whether a request with these needs asks for JSON."""
    return not needs.isdisjoint(_ASKS)


class Format:
    """That one request asked for."""

    def __init__(self, asks: Dialect, schema: str | None, validator: Any, choices: int) -> None:
        self._asks = asks
        self._schema = schema
        self._validator = validator
        self._choices = choices  # of its alternatives that refer to others

    def is_kept(self, body: bytes) -> bool:
        """By a whole answer in the caller's dialect. A refusal, a call of a tool and an answer that was cut keep to it."""
        try:
            return self.is_kept_by(self._asks.reply(body))
        except AttemptFailed:
            return True

    def is_kept_by(self, reply: Reply) -> bool:
        """By this answer."""
        if reply.finish not in _ENDS or any(isinstance(part, ToolCall | Refusal) for part in reply.parts):
            return True
        text = "".join(part.text for part in reply.parts if isinstance(part, Text))
        try:
            return len(text) > MOST_TEXT or self._is_kept_by(_decode(text))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return False
        except RecursionError:
            return True

    def _is_kept_by(self, value: Any) -> bool:
        """By this JSON."""
        if self._schema is None:
            return isinstance(value, dict)
        depth = _depth(value)
        if self._validator is None or depth > MOST_DEPTH or _steps(self._choices, depth) > _MOST_STEPS:
            return True
        with contextlib.suppress(ValueError):  # it has what the library cannot read
            return bool(self._validator.is_valid(value))
        return True

    def stream(self) -> "StreamedFormat":
        """For one stream."""
        return StreamedFormat(self, self._asks.reader())


class StreamedFormat:
    """What a stream says, as far as its format is concerned. It can only be judged at its end."""

    def __init__(self, asked: Format, reader: EventReader) -> None:
        self._asked = asked
        self._reader = reader
        self._text: list[str] = []
        self._size = 0
        self._finish: Finish | None = None
        self._is_other = False  # a refusal, a call, or what cannot be read

    def add(self, data: bytes) -> None:
        """The next bytes for the caller."""
        if self._is_other:
            return
        try:
            for event in self._reader.read(data):
                if isinstance(event, TextDelta):
                    self._text.append(event.text)
                    self._size += len(event.text)
                elif isinstance(event, Ended):
                    self._finish = event.finish
                elif isinstance(event, RefusalDelta | ToolCallBegan):
                    self._is_other = True
        except AttemptFailed:
            self._is_other = True
        self._is_other = self._is_other or self._size > MOST_TEXT

    def is_kept(self) -> bool:
        """By all of it."""
        if self._is_other or self._finish is None:
            return True
        return self._asked.is_kept_by(Reply(id="", model="", parts=(Text("".join(self._text)),), finish=self._finish))


class Formats:
    """Those that requests ask for. One per process; schemas that come again are compiled once."""

    def __init__(self) -> None:
        self._validators: OrderedDict[str, tuple[Any, int]] = OrderedDict()

    def of(self, request: Request) -> Format | None:
        """None where no format is asked for, or the caller's dialect cannot say one."""
        asks = CALLERS.get(request.facts.surface)
        if asks is None or not asks_for_format(request.facts.needs):
            return None
        said = {name: request.fields[name] for name in _FORMATS if name in request.fields}
        try:
            asked = asks.chat({**said, "messages": _NO_TURNS, "input": _NO_TURNS}).format
        except AttemptFailed:
            return None
        if asked is None:
            return None
        validator, choices = (None, 0) if asked.schema is None else self._compiled(asked.schema)
        return Format(asks, asked.schema, validator, choices)

    def _compiled(self, schema: str) -> tuple[Any, int]:
        found = self._validators.pop(schema, None)
        if found is None:
            found = _compile(schema)
        self._validators[schema] = found
        if len(self._validators) > _KEPT:
            self._validators.popitem(last=False)
        return found


def _compile(schema: str) -> tuple[Any, int]:
    """(None, 0) for one that cannot be checked by."""
    if len(schema.encode()) > MOST_SCHEMA_BYTES:
        return None, 0
    try:
        parsed = _decode(schema)
        if _depth(parsed) > MOST_DEPTH:
            return None, 0
        validator = jsonschema_rs.validator_for(
            parsed, retriever=_refuse, pattern_options=_PATTERNS, validate_formats=False
        )
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError, jsonschema_rs.ReferencingError):
        return None, 0
    return validator, _references(parsed, within=False)


def _refuse(_: str) -> Any:
    raise ValueError("a schema may not refer to elsewhere")


def _references(schema: Any, *, within: bool) -> int:
    """How many references stand in alternatives: each may be followed again for what it contains."""
    if isinstance(schema, list):
        return sum(_references(one, within=within) for one in schema)
    if not isinstance(schema, Mapping):
        return 0
    own = int(within and any(name in schema for name in ("$ref", "$dynamicRef", "$recursiveRef")))
    return own + sum(_references(one, within=within or name in _COMBINING) for name, one in schema.items())


def _steps(choices: int, depth: int) -> float:
    """About how many ways there are through a schema at most."""
    return 1.0 if choices < 2 else math.pow(choices, min(max(depth, choices // 2), 64))


def _depth(value: Any) -> int:
    """Of nesting; one level at a time, so that none is too deep to be counted."""
    depth, level = 0, [value]
    while level:
        level = [inner for one in level if isinstance(one, dict | list) for inner in _inner(one)]
        depth += 1
    return depth


def _inner(one: Any) -> Any:
    return one.values() if isinstance(one, dict) else one
