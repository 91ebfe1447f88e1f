"""`?limit=` of a listing."""

import re
from typing import Any

from litestar import Request

from gateway.api.errors import ApiError

_USUAL = 50
_NUMBER = re.compile(r"[0-9]{1,9}")


def limit_of(request: Request[Any, Any, Any], most: int) -> int:
    """How many are asked for, 1 to `most`. Raises ApiError 400."""
    raw = request.query_params.get("limit", str(_USUAL))
    if not _NUMBER.fullmatch(raw) or not 1 <= int(raw) <= most:
        raise ApiError(400, "invalid_value", f"Invalid 'limit': expected 1 to {most}.", param="limit")
    return int(raw)
