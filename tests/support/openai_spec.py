"""OpenAI's published schemas, where its OpenAPI description stands beside the repository."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

SPEC = Path(__file__).parents[3] / "shared" / "specs" / "openai-openapi.json"


def schemas() -> dict[str, Any]:
    """With 3.0's `nullable` said as JSON Schema says it; skips the test where there is no description."""
    if not SPEC.exists():
        pytest.skip(f"OpenAI's OpenAPI description is not at {SPEC.parent.name}/{SPEC.name} beside the repository")
    found: dict[str, Any] = _nullable(json.loads(SPEC.read_text()))["components"]["schemas"]
    return found


def _nullable(node: Any) -> Any:
    if isinstance(node, list):
        return [_nullable(item) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {key: _nullable(value) for key, value in node.items() if key not in ("discriminator", "nullable")}
    return {"anyOf": [plain, {"type": "null"}]} if node.get("nullable") is True else plain


def check(spec: dict[str, Any], name: str, value: Any) -> None:
    """Raises jsonschema.ValidationError."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": spec}}
    jsonschema.Draft202012Validator(schema).validate(value)
