"""The list of models that a provider gives, and what it says of an address and a name."""

import contextlib
import difflib
import json
from typing import Any

from gateway.values.deployment import Deployment


def names_in(body: bytes) -> list[str] | None:
    """Of OpenAI's and Anthropic's `data`, of Google's `models`, or of a bare list; None if it is no list of models."""
    found: Any = None
    with contextlib.suppress(ValueError, RecursionError):
        found = json.loads(body)
    if isinstance(found, dict):
        found = found.get("data", found.get("models"))
    if not isinstance(found, list):
        return None
    named = (one.get("id") or one.get("name") for one in found if isinstance(one, dict))
    return [name for name in named if isinstance(name, str)]


def is_named(model: str, names: list[str]) -> bool:
    """Whether the list has this model: as it is, or behind the path of a collection (`models/`)."""
    return any(name == model or name.rpartition("/")[2] == model for name in names)


def nearest(model: str, names: list[str]) -> str:
    """`; nearest: ...`, where one is near."""
    near = difflib.get_close_matches(model, names, 3, 0.5)
    return f"; nearest: {', '.join(near)}" if near else ""


def other_root(deployment: Deployment) -> tuple[bool, str]:
    """Where the API's root may be instead: whether beside `base_url`'s `/v1`, and the advice if it is."""
    if (deployment.base_url or "").endswith("/v1"):
        return True, "base_url must end without /v1"
    return False, f"base_url must end with /v1: {deployment.base_url}/v1"
