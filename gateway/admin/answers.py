"""Answers to operators: JSON with the record and its sentences; `Accept: text/plain` gives these alone."""

from typing import Any

import msgspec
from litestar import Request, Response


def told(request: Request[Any, Any, Any], record: Any, sentences: list[str], **headers: str) -> Response[Any]:
    """`record` is anything that msgspec encodes; `headers` by their names with `_` for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if "text/plain" in request.headers.get("accept", ""):
        text = "\n".join(sentences) + "\n"
        return Response(text, media_type="text/plain; charset=utf-8", headers=named)
    body = msgspec.json.encode({"sentences": sentences, "record": record})
    return Response(body, media_type="application/json", headers=named)
