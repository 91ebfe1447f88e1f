"""The published schemas of responses and their events: Open Responses', and OpenAI's, where they stand beside the repository."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.support.openai_spec import check as check_openai
from tests.support.openai_spec import schemas as openai_schemas

SPEC = Path(__file__).parents[3] / "shared" / "specs" / "openresponses-openapi-2026-04-24.json"


@cache
def _open_responses() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(SPEC.read_text())["components"]["schemas"]
    # it wants a schema that is null, and every response to have one; the example of its own has one
    found["JsonSchemaResponseFormat"]["properties"]["schema"] = {}
    return found


@cache
def _events() -> dict[str, str]:
    """By the type of an event, the name of its schema."""
    found = {}
    for name, schema in _open_responses().items():
        if name.endswith("StreamingEvent"):
            (kind,) = schema["properties"]["type"]["enum"]
            found[kind] = name
    return found


@cache
def _openai() -> dict[str, Any]:
    return openai_schemas()


def check_response(response: dict[str, Any]) -> None:
    """By both. Raises jsonschema.ValidationError; skips the test where the schemas are not there."""
    if not SPEC.exists():
        pytest.skip(f"Open Responses' schemas are not at {SPEC.parent.name}/{SPEC.name} beside the repository")
    _check("ResponseResource", response)
    # OpenAI's recorded answers have these null, which its schema does not say
    known = {name: value for name, value in response.items() if value is not None or name not in ("user", "usage")}
    check_openai(_openai(), "Response", known)


def check_event(event: dict[str, Any]) -> None:
    """By both."""
    if not SPEC.exists():
        pytest.skip(f"Open Responses' schemas are not at {SPEC.parent.name}/{SPEC.name} beside the repository")
    _check(_events()[event["type"]], event)
    if "response" in event:
        check_response(event["response"])
    else:
        check_openai(_openai(), "ResponseStreamEvent", event)


def _check(name: str, value: Any) -> None:
    schema = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": _open_responses()}}
    jsonschema.Draft202012Validator(schema).validate(value)
