"""`GET /v1/models` and `GET /v1/models/{id}`: what this key may ask for, in OpenAI's shape; in Anthropic's for a caller that
names a version of its API.
"""

import datetime as dt
from typing import Any

from litestar import Request, get

from gateway.http.errors import unknown_model
from gateway.http.identity import Identify
from gateway.http.wire import headers_once
from gateway.values.deployment import Catalogue

VERSION = "anthropic-version"  # the header that Anthropic's SDKs send with everything


def model_handlers(catalogue: Catalogue, identify: Identify, started: int) -> list[Any]:
    """The two handlers. `started` (seconds since the epoch) stands for a model's age, which nobody knows."""

    @get("/v1/models", sync_to_thread=False)
    def list_models(request: Request[Any, Any, Any]) -> dict[str, Any]:
        headers = headers_once(request.scope["headers"])
        caller = identify(headers)
        names = [name for name in catalogue.models if caller.may_use(name)]
        if VERSION not in headers:
            return {"object": "list", "data": [_openais(name, started) for name in names]}
        ends = {"first_id": names[0] if names else None, "last_id": names[-1] if names else None}
        return {"data": [_anthropics(name, started) for name in names], "has_more": False, **ends}

    @get("/v1/models/{name:path}", sync_to_thread=False)
    def get_model(request: Request[Any, Any, Any], name: str) -> dict[str, Any]:
        headers = headers_once(request.scope["headers"])
        caller = identify(headers)
        name = name.removeprefix("/")
        known = name in catalogue.models or name in catalogue.deployments
        if not known or not caller.may_use(name):
            raise unknown_model(name)
        return (_anthropics if VERSION in headers else _openais)(name, started)

    return [list_models, get_model]


def _openais(name: str, started: int) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": started, "owned_by": "gateway"}


def _anthropics(name: str, started: int) -> dict[str, Any]:
    """Source: ModelInfo of Anthropic's Python SDK 2.14."""
    created = dt.datetime.fromtimestamp(started, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"type": "model", "id": name, "display_name": name, "created_at": created, "lifecycle": "active"}
