"""Is a document of the shape that its published schema says? All deviations at once, in words.

The schema is generated from the Struct that the document becomes, so the two cannot drift apart.
"""

import copy
import re
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import msgspec
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match
from jsonschema.validators import extend

from gateway.documents.reading import Document, join
from gateway.values.problem import Problem

T = TypeVar("T")


def _pattern(_validator: Any, pattern: str, text: Any, _schema: Any) -> Iterator[ValidationError]:
    """As JSON Schema means it: Python's `$` also matches before a line break at the end."""
    if isinstance(text, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), text):
        yield ValidationError(f"{text!r} is not like {pattern!r}")


# 8080.0 is an integer to JSON Schema, and not to msgspec
_Validator = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    validators={"pattern": _pattern},
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int),
)
_MAX_SHOWN = 60
_SECRET_WORDS = {"key", "keys", "secret", "token", "password", "authorization"}


def load_struct(document: Document, kind: type[T]) -> tuple[T | None, list[Problem]]:
    """The document as `kind`, and all that is wrong with its shape.

    Where what is wrong can be left out, both are given: the rest can still be checked for its meaning, so that all
    problems are told at once. A document with problems is never to be used.
    """
    errors = list(_errors(document.data, kind))
    found = {problem for error in errors for problem in _problems(document, error)}
    problems = sorted(found, key=lambda problem: (problem.line or 0, problem.column or 0, problem.path))
    try:
        return msgspec.convert(_pruned(document.data, errors), kind), problems
    except msgspec.ValidationError as error:
        return None, problems or [document.problem("", str(error))]


def _pruned(data: Any, errors: list[ValidationError]) -> Any:
    """A copy without unknown fields, and without single fields or entries of a list that are not what they should be.

    Deepest and last first, so that the others keep their places. Whole sections stay: without them all would be unknown.
    """
    pruned = copy.deepcopy(data) if errors else data
    for error in sorted(errors, key=lambda one: [*map(_sortable, one.absolute_path)], reverse=True):
        path = list(error.absolute_path)
        if error.validator == "additionalProperties":
            node = _at(pruned, path)
            schema: Any = error.schema
            for name in set(node or ()) - set(schema.get("properties", {})):
                del node[name]
        elif len(path) >= _SINGLE and _at(pruned, path) is not None:
            del _at(pruned, path[:-1])[path[-1]]
    return pruned


_SINGLE = 3  # a section, an entry, a field


def _sortable(part: str | int) -> tuple[int, str]:
    return (part, "") if isinstance(part, int) else (-1, part)


def _at(data: Any, path: list[str | int]) -> Any:
    """What stands there; None if it was taken out before."""
    for part in path:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return None
    return data


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
    meant = [errors for errors in branches.values() if not any(map(_is_other_kind, errors))]
    if len(branches) == 1 or len(meant) == 1:
        for inner in meant[0] if meant else next(iter(branches.values())):
            yield from _unfolded(inner)
        return
    yield _none_of(error, branches.values()) if not meant else best_match([error]) or error


def _is_other_kind(error: ValidationError) -> bool:
    """Whether an alternative was not even of the kind of what stands there, so that it was not the one meant."""
    if error.relative_path:
        return False
    return error.validator == "type" or (error.validator in ("enum", "const") and not _is_plain(error.instance))


def _is_plain(instance: Any) -> bool:
    return not isinstance(instance, dict | list)


def _none_of(error: ValidationError, branches: Iterable[list[ValidationError]]) -> ValidationError:
    """What stands there is of no alternative's kind: a type error that names them all."""
    kinds: list[Any] = [
        inner.validator_value if inner.validator == "type" else "string" for errors in branches for inner in errors
    ]
    names: Any = [name for kind in kinds for name in ([kind] if isinstance(kind, str) else kind)]
    return ValidationError(
        error.message, "type", error.absolute_path, validator_value=[*dict.fromkeys(names)], instance=error.instance
    )


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
            yield document.problem(path, _bound(str(error.validator), value, schema.get("examples")), found)


def _bound(validator: str, value: Any, examples: list[Any] | None) -> str:
    if validator == "pattern" and examples:
        value = f"{examples[0]} ({value})"
    return _BOUNDS.get(validator, f"{validator} {{}}").format(value)


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
