"""`GET /v1/models` and `GET /v1/models/{id}`: what this key may ask for, in OpenAI's shape."""

from typing import Any

from litestar import Request, get

from gateway.http.errors import unknown_model
from gateway.http.identity import Identify
from gateway.http.wire import headers_once
from gateway.values.deployment import Catalogue


def model_handlers(catalogue: Catalogue, identify: Identify, started: int) -> list[Any]:
    """The two handlers. `started` (seconds since the epoch) stands for a model's age, which nobody knows."""

    def shown(name: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "created": started, "owned_by": "gateway"}

    @get("/v1/models", sync_to_thread=False)
    def list_models(request: Request[Any, Any, Any]) -> dict[str, Any]:
        caller = identify(headers_once(request.scope["headers"]))
        return {"object": "list", "data": [shown(name) for name in catalogue.models if caller.may_use(name)]}

    @get("/v1/models/{name:path}", sync_to_thread=False)
    def get_model(request: Request[Any, Any, Any], name: str) -> dict[str, Any]:
        caller = identify(headers_once(request.scope["headers"]))
        name = name.removeprefix("/")
        known = name in catalogue.models or name in catalogue.deployments
        if not known or not caller.may_use(name):
            raise unknown_model(name)
        return shown(name)

    return [list_models, get_model]
