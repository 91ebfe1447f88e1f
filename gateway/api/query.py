"""What stands behind the `?` of an operator's request: only what the handler names, each once."""

import difflib
import re
from typing import Any
from urllib.parse import parse_qsl

from litestar import Request

from gateway.api.errors import ApiError

_USUAL = 50
_NUMBER = re.compile(r"[0-9]{1,9}")


def takes(*names: str) -> dict[str, Any]:
    """For a handler's `opt`: the parameters that it reads."""
    return {"query": names}


def refuse_unknown(request: Request[Any, Any, Any]) -> None:
    """Raises ApiError 400 for a parameter of `/admin/` that nobody reads, or that stands there twice: it would be ignored."""
    raw = request.scope["query_string"]
    if not raw or not request.scope["path"].startswith("/admin/"):
        return
    known = request.route_handler.opt.get("query", ())
    given = [name for name, _ in parse_qsl(raw.decode("latin-1"), keep_blank_values=True)]
    for name in given:
        shown = name[:40]
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            expected = f"one of {', '.join(known)}" if known else "none"
            raise ApiError(
                400, "unknown_parameter", f"Unknown parameter {shown!r}: expected {expected}.{hint}", param=shown
            )
        if given.count(name) > 1:
            raise ApiError(400, "invalid_value", f"Invalid {shown!r}: it was sent more than once.", param=shown)


def limit_of(request: Request[Any, Any, Any], most: int) -> int:
    """How many are asked for by `limit`, 1 to `most`. Raises ApiError 400."""
    raw = request.query_params.get("limit", str(_USUAL))
    if not _NUMBER.fullmatch(raw) or not 1 <= int(raw) <= most:
        raise ApiError(400, "invalid_value", f"Invalid 'limit': expected 1 to {most}.", param="limit")
    return int(raw)
