"""`/admin/policy/revisions`: what was in force or on trial, by whom, until when, and how two of them differ."""

import difflib
from typing import Any

from litestar import Request, Response, get

from gateway.admin.answers import told
from gateway.admin.policy import revision_number
from gateway.admin.policy_sentences import revision_sentence, shown
from gateway.documents import load_struct, parse
from gateway.http.errors import ApiError
from gateway.http.identity import Identify
from gateway.http.query import limit_of, takes
from gateway.http.wire import headers_once
from gateway.routing.difference import differences
from gateway.routing.document import Policy
from gateway.state.revisions import Revisions
from gateway.values.problem import InvalidDocument
from gateway.values.revision import KeptRevision

_MAX_LISTED = 200


def revision_handlers(revisions: Revisions, identify: Identify) -> list[Any]:
    """The handlers. `identify` lets operators pass."""

    @get("/admin/policy/revisions", opt=takes("limit", "before"))
    async def listed(request: Request[Any, Any, Any]) -> Response[Any]:
        identify(headers_once(request.scope["headers"]))
        before = request.query_params.get("before")
        found = revisions.newest_first(
            limit_of(request, _MAX_LISTED), None if before is None else revision_number(before, "before")
        )
        return told(request, [shown(one) for one in found], [revision_sentence(one) for one in found])

    @get("/admin/policy/revisions/{number:str}")
    async def one(request: Request[Any, Any, Any], number: str) -> Response[Any]:
        identify(headers_once(request.scope["headers"]))
        kept = _kept(revisions, number)
        record = {"revision": shown(kept.revision), "document": kept.document}
        return told(request, record, [revision_sentence(kept.revision), "", *kept.document.splitlines()])

    @get("/admin/policy/revisions/{number:str}/diff/{other:str}")
    async def difference(request: Request[Any, Any, Any], number: str, other: str) -> Response[Any]:
        identify(headers_once(request.scope["headers"]))
        old, new = _kept(revisions, number), _kept(revisions, other)
        names = (old.revision.name, new.revision.name)
        lines = difflib.unified_diff(old.document.splitlines(), new.document.splitlines(), *names, lineterm="")
        text, summary = "\n".join(lines), _summary(old, new)
        return told(request, {"summary": summary, "diff": text}, [*summary, "", *text.splitlines()])

    return [listed, one, difference]


def _kept(revisions: Revisions, number: str) -> KeptRevision:
    kept = revisions.find(revision_number(number, "number"))
    if kept is None:
        raise ApiError(404, "revision_not_found", f"Revision {number!r} is not kept.")
    return kept


def _summary(old: KeptRevision, new: KeptRevision) -> list[str]:
    """In words. Nothing of documents that an earlier version took and this one would not."""
    try:
        first, second = (load_struct(parse(one.document, one.revision.name), Policy)[0] for one in (old, new))
    except InvalidDocument:
        return []
    found = [] if first is None or second is None else differences(first, second)
    if old.context != new.context:
        found.append("The configuration was another one: deployments, models or the deadline.")
    return found
