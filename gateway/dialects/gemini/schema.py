"""A JSON schema in the subset that Gemini heeds: what can be said in other words is, and what cannot is lost.

Source: `responseJsonSchema` and `parametersJsonSchema` of the Gemini API's reference (v1beta): of a schema's keywords it heeds
those of `_HEEDED`, takes `oneOf` for `anyOf`, and allows nothing beside `$ref` that has no `$`. Others it passes over.
"""

import re
from typing import Any

import msgspec

_HEEDED = frozenset({
    "$id", "$defs", "$ref", "$anchor", "type", "format", "title", "description", "enum", "items", "prefixItems", "minItems",
    "maxItems", "minimum", "maximum", "anyOf", "oneOf", "properties", "additionalProperties", "required", "propertyOrdering",
})  # fmt: skip
_NOTES = frozenset({
    "$schema", "$comment", "$vocabulary", "default", "examples", "example", "deprecated", "readOnly", "writeOnly",
    "contentEncoding", "contentMediaType", "discriminator", "nullable",
})  # fmt: skip  # they bind nobody, or say what is said otherwise too
_BY_NAME = ("properties", "$defs", "definitions")
_LISTS = ("anyOf", "oneOf", "prefixItems")
_MORE = re.compile(
    rb'"(?:const|allOf|not|if|then|else|pattern|patternProperties|minLength|maxLength|multipleOf|uniqueItems|exclusiveMinimum'
    rb"|exclusiveMaximum|minProperties|maxProperties|propertyNames|contains|minContains|maxContains|dependentRequired"
    rb'|dependentSchemas|unevaluatedProperties|unevaluatedItems|definitions|\$ref|\$dynamicRef)"\s*:'
)
_EMPTY = {"type", "properties", "required", "additionalProperties", "$schema", "title", "description"}
_LONGEST_EMPTY = 512
_encode = msgspec.json.Encoder().encode


def adapted(schema: str) -> tuple[str, bool]:
    """The schema to send, and whether some of it is lost. One that is no JSON stays as it is: its provider says so."""
    text = schema.encode()
    if not _MORE.search(text):
        return schema, False
    try:
        found = msgspec.json.decode(text)
        lost: set[str] = set()
        made = _adapted(found, lost)
        return _encode(made).decode(), bool(lost)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return schema, True


def is_empty(schema: str) -> bool:
    """Whether it is of a function without arguments: then none is sent, for some models refuse an object without members."""
    if len(schema) > _LONGEST_EMPTY:
        return False
    try:
        found = msgspec.json.decode(schema.encode())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return (
        isinstance(found, dict)
        and found.get("type") == "object"
        and not found.get("properties")
        and found.keys() <= _EMPTY
    )


def _adapted(schema: Any, lost: set[str]) -> Any:
    if not isinstance(schema, dict):
        return schema
    made = {name: _member(name, value, lost) for name, value in schema.items() if name in _HEEDED or name in _NOTES}
    definitions = schema.get("definitions")
    if isinstance(definitions, dict):
        made["$defs"] = {**_member("$defs", definitions, lost), **made.get("$defs", {})}
    rest = {name: value for name, value in schema.items() if name not in made and name != "definitions"}
    if isinstance(rest.get("const"), str | int | float | bool) and "enum" not in made:
        made["enum"] = [rest.pop("const")]
    one_of_all = rest.get("allOf")
    if isinstance(one_of_all, list) and len(one_of_all) == 1 and "anyOf" not in made:
        made["anyOf"] = [_adapted(rest.pop("allOf")[0], lost)]
    lost.update(rest)
    return _alone(made)


def _member(name: str, value: Any, lost: set[str]) -> Any:
    if name in _BY_NAME and isinstance(value, dict):
        return {key: _adapted(one, lost) for key, one in value.items()}
    if name in _LISTS and isinstance(value, list):
        return [_adapted(one, lost) for one in value]
    if name == "$ref" and isinstance(value, str):
        return value.replace("#/definitions/", "#/$defs/")
    return _adapted(value, lost) if name in ("items", "additionalProperties") else value


def _alone(schema: dict[str, Any]) -> dict[str, Any]:
    """Nothing stands beside a reference but what begins with a `$`."""
    beside = [name for name in schema if not name.startswith("$")]
    if "$ref" not in schema or not beside or "anyOf" in schema:
        return schema
    rest = {name: value for name, value in schema.items() if name != "$ref"}
    return {"anyOf": [{"$ref": schema["$ref"]}], **rest}
