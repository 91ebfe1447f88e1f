"""`GET /v1/models` and `GET /v1/models/{id}`: what this key may ask for, in OpenAI's shape; in Anthropic's for a caller that
names a version of its API.

Beside OpenAI's members stands what the deployments of a model can do together, as a request goes only to one that can do
what it needs: the longest context, the longest output, all surfaces and all capabilities; and whether any of them takes
requests at this moment. Where the operator names no models, deployments are what can be asked for.
"""

import datetime as dt
import time
from collections.abc import Callable, Sequence
from typing import Any

from litestar import Request, get

from gateway.http.errors import unknown_model
from gateway.http.identity import Identify
from gateway.http.wire import headers_once
from gateway.values.deployment import Catalogue, Deployment

VERSION = "anthropic-version"  # the header that Anthropic's SDKs send with everything


IsAble = Callable[[str, float], bool]  # whether a deployment takes requests now, by its name


def model_handlers(catalogue: Catalogue, identify: Identify, started: int, is_able: IsAble) -> list[Any]:
    """The two handlers. `started` (seconds since the epoch) stands for a model's age, which nobody knows."""

    def shown(name: str) -> dict[str, Any]:
        model = catalogue.models.get(name)
        pool = [catalogue.deployments[one] for one in ((name,) if model is None else model.deployments)]
        return {**_openais(name, started), **_abilities(pool), "available": _any_able(pool, is_able)}

    @get("/v1/models", sync_to_thread=False)
    def list_models(request: Request[Any, Any, Any]) -> dict[str, Any]:
        headers = headers_once(request.scope["headers"])
        caller = identify(headers)
        names = [name for name in catalogue.models or catalogue.deployments if caller.may_use(name)]
        if VERSION not in headers:
            return {"object": "list", "data": [shown(name) for name in names]}
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
        return _anthropics(name, started) if VERSION in headers else shown(name)

    return [list_models, get_model]


def _openais(name: str, started: int) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": started, "owned_by": "gateway"}


def _abilities(pool: Sequence[Deployment]) -> dict[str, Any]:
    """None is unknown."""
    return {
        "context_window": max((one.context_tokens for one in pool if one.context_tokens is not None), default=None),
        "max_output_tokens": max(
            (one.max_output_tokens for one in pool if one.max_output_tokens is not None), default=None
        ),
        "surfaces": sorted({surface.value for one in pool for surface in one.surfaces}),
        "capabilities": sorted({able.value for one in pool for able in one.capabilities}),
    }


def _any_able(pool: Sequence[Deployment], is_able: IsAble) -> bool:
    now = time.time()
    return any(is_able(one.name, now) for one in pool)


def _anthropics(name: str, started: int) -> dict[str, Any]:
    """Source: ModelInfo of Anthropic's Python SDK 2.14."""
    created = dt.datetime.fromtimestamp(started, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"type": "model", "id": name, "display_name": name, "created_at": created, "lifecycle": "active"}
