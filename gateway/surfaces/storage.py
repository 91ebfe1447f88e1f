"""What surfaces with state of their own have in common: work on the disk off the event loop, its errors, lists in pages."""

import asyncio
import logging
import re
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from litestar import Request

from gateway.http.errors import ApiError
from gateway.state.database import StorageFull, StorageUnavailable

P = ParamSpec("P")
T = TypeVar("T")
_NUMBER = re.compile(r"[0-9]{1,9}")
_RETRY_S = 60.0
_log = logging.getLogger(__name__)


async def on_disk(work: Callable[P, T], *args: P.args, **more: P.kwargs) -> T:
    """What `work`, which blocks, gives. Raises ApiError 507 where the disk is full, 503 where it cannot be used."""
    try:
        return await asyncio.to_thread(work, *args, **more)
    except StorageFull as full:
        _log.error("files cannot be stored: %s", full)
        message = "There is no room to store this; files that are deleted make some."
        raise ApiError(507, "storage_full", message, kind="unavailable_error") from None
    except StorageUnavailable as unavailable:
        _log.error("files and batches cannot be read or written: %s", unavailable)
        message = "The gateway cannot read or write what it stores. The log has the cause."
        raise ApiError(503, "storage_unavailable", message, kind="unavailable_error", retry_after_s=_RETRY_S) from None


def number_of(request: Request[Any, Any, Any], name: str, usual: int, most: int) -> int:
    """A parameter behind the `?`, 1 to `most`. Raises ApiError 400."""
    raw = request.query_params.get(name, str(usual))
    if not _NUMBER.fullmatch(raw) or not 1 <= int(raw) <= most:
        raise ApiError(400, "invalid_value", f"Invalid {name!r}: expected 1 to {most}.", param=name)
    return int(raw)


def listed(found: list[dict[str, Any]], has_more: bool) -> dict[str, Any]:  # noqa: FBT001 - as it is told
    """A page as OpenAI's lists are."""
    ends = {"first_id": found[0]["id"] if found else None, "last_id": found[-1]["id"] if found else None}
    return {"object": "list", "data": found, **ends, "has_more": has_more}
