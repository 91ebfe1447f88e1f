"""`GET /`: a small page for whoever opens the address in a browser: what is where. It names no model and no key."""

from typing import Any

from litestar import Request, Response, get

from gateway import __version__
from gateway.http.identity import Identify
from gateway.http.rooms import ApiRooms
from gateway.http.wire import headers_once

_PLACES = (
    ("/v1/models", "the models that you may ask for"),
    ("/v1/chat/completions", "POST: chat completions, as OpenAI's; base URL for SDKs: /v1"),
    ("/v1/responses", "POST: OpenAI's Responses; base URL for SDKs: /v1"),
    ("/v1/messages", "POST: Anthropic's Messages; base URL for its SDKs: without /v1"),
    ("/v1/completions", "POST: legacy completions"),
    ("/v1/embeddings", "POST: embeddings, where a deployment has them"),
    ("/v1/rerank", "POST: rankings, where a deployment has them; sound, images and moderations likewise"),
    ("/v1/batches", "many requests in a file"),
    ("/admin/decisions", "why each request went where it went"),
    ("/admin/deployments", "what is known of each deployment"),
    ("/admin/policy", "the policy in force"),
    ("/readyz", "whether a deployment can answer"),
    ("/healthz", "whether the process lives"),
    ("/metrics", "metrics for Prometheus"),
)
_HEADERS = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'", "cache-control": "no-store"}


def welcome_handlers(rooms: ApiRooms, identify: Identify) -> list[Any]:
    """The handler. `identify` lets pass who may see it."""
    page = _page(needs_key=not rooms.keyring.is_empty())

    @get("/", sync_to_thread=False)
    def welcome(request: Request[Any, Any, Any]) -> Response[str]:
        identify(headers_once(request.scope["headers"]))
        return Response(page, media_type="text/html; charset=utf-8", headers=_HEADERS)

    return [welcome]


def _page(*, needs_key: bool) -> str:
    rows = "".join(f'<tr><td><a href="{path}">{path}</a></td><td>{what}</td></tr>' for path, what in _PLACES)
    key = (
        "<p>/v1 asks for a key, /admin for an operator's: <code>Authorization: Bearer KEY</code>.</p>"
        if needs_key
        else ""
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        "<title>Gateway</title><style>body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:3rem auto;padding:0 1rem}"
        "td{padding:.2rem 1rem .2rem 0;vertical-align:top}</style>"
        f"<h1>Gateway {__version__}</h1><table>{rows}</table>{key}"
    )
