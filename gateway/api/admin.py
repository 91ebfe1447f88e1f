"""`/admin/`: what operators ask of decisions."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
from litestar import Request, Response, get, post

from gateway.api.chat_request import chat_request
from gateway.api.decision_ids import DecisionIds
from gateway.api.errors import ApiError, no_room, unknown_model
from gateway.api.identity import Identify
from gateway.api.limit import limit_of
from gateway.api.telling import told
from gateway.api.wire import Bodies, headers_once
from gateway.flow.answer import Answers
from gateway.flow.fair_threads import TooBusy
from gateway.flow.sentences import record_sentences
from gateway.observe.journal import Journal, JournalRecord
from gateway.routing.decide import UnknownModel
from gateway.routing.plan import Plan
from gateway.routing.sentences import decision_sentences
from gateway.values.decision import Decision
from gateway.values.records import RequestFinished

_MAX_LISTED = 500
_OTHER_VERSION = "a record of another version of the gateway"


def admin_handlers(
    answers: Answers, plan: Callable[[], Plan], journal: Journal, identify: Identify, bodies: Bodies
) -> list[Any]:
    """The handlers. `plan` is the one in force; `identify` lets operators pass."""
    ids = DecisionIds()

    @post("/admin/explain", status_code=200)
    async def explain(request: Request[Any, Any, Any]) -> Response[Any]:
        headers = headers_once(request.scope["headers"])
        caller = identify(headers)
        decision_id = ids.new()
        body = await bodies.read(request.receive, headers, caller.key)
        asked = chat_request(body, headers, caller, decision_id)
        try:
            decision = await answers.explain(plan(), asked, decision_id)
        except UnknownModel as unknown:
            raise unknown_model(str(unknown)) from None
        except TooBusy as busy:
            raise no_room(busy.retry_after_s) from None
        return told(request, {"decision": decision}, decision_sentences(decision))

    @get("/admin/decisions/{decision_id:str}")
    async def decision(request: Request[Any, Any, Any], decision_id: str) -> Response[Any]:
        identify(headers_once(request.scope["headers"]))
        open_decision = journal.in_progress(decision_id)
        if open_decision is not None:
            return told(request, {"decision": open_decision, "in_progress": True}, _in_progress(open_decision))
        found = await asyncio.to_thread(journal.find, decision_id)
        if found is None:
            raise ApiError(404, "decision_not_found", f"No decision {decision_id!r} is on record.")
        return told(request, found.record, story(found))

    @get("/admin/decisions")
    async def decisions(request: Request[Any, Any, Any]) -> Response[Any]:
        identify(headers_once(request.scope["headers"]))
        limit, before = limit_of(request, _MAX_LISTED), request.query_params.get("before")
        found = await asyncio.to_thread(journal.newest, limit, before)
        return told(request, [record.record for record in found], [summary(record) for record in found])

    return [explain, decision, decisions]


def summary(record: JournalRecord) -> str:
    """One line of a listing."""
    head, done = f"{record.id}  {datetime.fromtimestamp(record.at, UTC):%Y-%m-%d %H:%M:%S} UTC", _decoded(record)
    if done is None:
        return f"{head}  {_OTHER_VERSION}"
    by = done.answered_by or "-"
    return f"{head}  {done.decision.facts.model}  {by}  {done.outcome.value}  {done.duration_s * 1e3:.1f} ms"


def story(record: JournalRecord) -> list[str]:
    """A record as sentences."""
    done = _decoded(record)
    return [f"This is {_OTHER_VERSION}; its JSON is as it was written."] if done is None else record_sentences(done)


def _decoded(record: JournalRecord) -> RequestFinished | None:
    """The value that it was; None if another version of the gateway wrote other fields."""
    try:
        return msgspec.json.decode(record.record, type=RequestFinished)
    except msgspec.DecodeError:
        return None


def _in_progress(decision: Decision) -> list[str]:
    return [*decision_sentences(decision), "The request is in progress."]
