"""Is a document of the shape that its published schema says? All deviations at once, in words.

The schema is generated from the Struct that the document becomes, so the two cannot drift apart.
"""

import copy
import re
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match
from jsonschema.validators import extend

from gateway.documents.reading import Document, join
from gateway.values.problem import Problem

T = TypeVar("T")
# 8080.0 is an integer to JSON Schema, and not to msgspec
_Validator = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int),
)
_MAX_SHOWN = 60
_SECRET_WORDS = {"key", "keys", "secret", "token", "password", "authorization"}


def load_struct(document: Document, kind: type[T]) -> tuple[T | None, list[Problem]]:
    """The document as `kind`, and all that is wrong with its shape.

    Where nothing but unknown fields is wrong, both are given: what is known can still be checked for its meaning, so
    that all problems are told at once. A document with problems is never to be used.
    """
    errors = list(_errors(document.data, kind))
    found = {problem for error in errors for problem in _problems(document, error)}
    problems = sorted(found, key=lambda problem: (problem.line or 0, problem.column or 0, problem.path))
    if any(error.validator != "additionalProperties" for error in errors):
        return None, problems
    try:
        return msgspec.convert(_without_unknown(document.data, errors), kind), problems
    except msgspec.ValidationError as error:
        return None, [*problems, document.problem("", str(error))]


def _without_unknown(data: dict[str, Any], errors: list[ValidationError]) -> dict[str, Any]:
    known = copy.deepcopy(data) if errors else data
    for error in errors:
        node: Any = known
        for part in error.absolute_path:
            node = node[part]
        schema: Any = error.schema
        for name in set(node) - set(schema.get("properties", {})):
            del node[name]
    return known


def _errors(data: Any, kind: type[Any]) -> Iterator[ValidationError]:
    validator = _Validator(msgspec.json.schema(kind))
    for error in validator.iter_errors(data):
        yield from _unfolded(error)


def _unfolded(error: ValidationError) -> Iterator[ValidationError]:
    """An alternative that failed is told by its best branch; `null` is never the one that was meant."""
    if error.validator not in ("anyOf", "oneOf") or not error.context:
        yield error
        return
    branches: dict[Any, list[ValidationError]] = {}
    for inner in error.context:
        if not (inner.validator == "type" and inner.validator_value == "null"):
            branches.setdefault(inner.schema_path[0], []).append(inner)
    if len(branches) == 1:
        for inner in next(iter(branches.values())):
            yield from _unfolded(inner)
        return
    yield best_match([error]) or error


def _problems(document: Document, error: ValidationError) -> Iterator[Problem]:
    path = ""
    for part in error.absolute_path:
        path = join(path, part)
    value: Any = error.validator_value
    schema: Any = error.schema
    instance: Any = error.instance
    found = _shown(instance, path)
    match error.validator:
        case "additionalProperties":
            known = schema.get("properties", {})
            for name in instance:
                if name not in known:
                    yield document.problem(join(path, name), f"one of {', '.join(sorted(known))}", repr(name), known)
        case "required":
            for name in value:
                if name not in instance:
                    yield document.problem(join(path, name), f"the required field {name!r}", "nothing")
        case "type":
            wanted = _type_name(value)
            is_text = isinstance(instance, str) and wanted in ("a mapping", "a list")
            # where a section was expected, a bare text may be the secret that belongs inside it
            yield document.problem(path, wanted, "text" if is_text else found)
        case "enum" | "const":
            words = [str(word) for word in (value if isinstance(value, list) else [value])]
            yield document.problem(path, f"one of {', '.join(words)}", found, words)
        case _:
            expected = _BOUNDS.get(str(error.validator), f"{error.validator} {{}}").format(value)
            yield document.problem(path, expected, found)


_BOUNDS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "minItems": "at least {} entry",
    "minLength": "at least {} character",
    "maxLength": "at most {} characters",
    "minProperties": "at least {} entry",
    "pattern": "text like {}",
}
_TYPES = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
}


def _type_name(value: str | list[str]) -> str:
    return " or ".join(_TYPES[name] for name in ([value] if isinstance(value, str) else value) if name != "null")


def _shown(value: Any, path: str) -> str:
    """What was found, shortened; never what may be a secret written in the wrong place."""
    last = path.rpartition(".")[2].lower()
    if not _SECRET_WORDS.isdisjoint(re.split(r"[^a-z]+", last)):
        return "a value that is not shown"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    text = repr(value) if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "..."
