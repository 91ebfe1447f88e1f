"""`/admin/`: what operators ask of decisions."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, ParamSpec, TypeVar

import msgspec
from litestar import Request as HttpRequest
from litestar import Response, get, post

from gateway.access import Keyring, NoSuchCaller
from gateway.admin.answers import told
from gateway.flow.answer import Answers
from gateway.flow.fair_threads import TooBusy
from gateway.flow.sentences import record_sentences
from gateway.http.decision_ids import DecisionIds
from gateway.http.errors import ApiError, no_room, unknown_model
from gateway.http.identity import Identify
from gateway.http.query import limit_of, takes
from gateway.http.wire import Bodies, headers_once
from gateway.journal.journal import Journal, JournalRecord, JournalUnavailable
from gateway.routing.decide import UnknownModel
from gateway.routing.plan import Plan
from gateway.routing.sentences import decision_sentences
from gateway.values.caller import Caller
from gateway.values.decision import Decision
from gateway.values.records import RequestFinished
from gateway.values.request import Request
from gateway.values.surface import Surface

P = ParamSpec("P")
T = TypeVar("T")

_MAX_LISTED = 500
_OTHER_VERSION = "a record of another version of the gateway"


ReadRequest = Callable[[bytes, dict[str, str], Caller, str], Awaitable[Request]]


def admin_handlers(  # noqa: PLR0913, PLR0917 - what they work with
    answers: Answers,
    plan: Callable[[], Plan],
    journal: Journal,
    keyring: Keyring,
    identify: Identify,
    bodies: Bodies,
    *,
    read: Mapping[str, ReadRequest],
) -> list[Any]:
    """The handlers. `plan` is the one in force; `identify` lets operators pass; `read` makes, by surface, a request of a
    body, its headers, its caller and an id.
    """
    ids = DecisionIds()

    @post("/admin/explain", status_code=200, opt=takes("key", "team", "surface"))
    async def explain(request: HttpRequest[Any, Any, Any]) -> Response[Any]:
        headers = headers_once(request.scope["headers"])
        caller = _asked_as(keyring, request, identify(headers))
        decision_id = ids.new()
        body = await bodies.read(request.receive, headers, caller.key)
        draw = _surface(read, request)
        try:
            asked = await draw(body, headers, caller, decision_id)
            decision = await answers.explain(plan(), asked, decision_id)
        except UnknownModel as unknown:
            raise unknown_model(str(unknown)) from None
        except TooBusy as busy:
            raise no_room(busy.retry_after_s) from None
        return told(request, {"decision": decision}, decision_sentences(decision))

    @get("/admin/decisions/{decision_id:str}")
    async def decision(request: HttpRequest[Any, Any, Any], decision_id: str) -> Response[Any]:
        identify(headers_once(request.scope["headers"]))
        open_decision = journal.in_progress(decision_id)
        if open_decision is not None:
            return told(request, {"decision": open_decision, "in_progress": True}, _in_progress(open_decision))
        found = await _looked_up(journal.find, decision_id)
        if found is None:
            raise ApiError(404, "decision_not_found", f"No decision {decision_id!r} is on record.")
        return told(request, found.record, story(found))

    @get("/admin/decisions", opt=takes("limit", "before"))
    async def decisions(request: HttpRequest[Any, Any, Any]) -> Response[Any]:
        identify(headers_once(request.scope["headers"]))
        limit, before = limit_of(request, _MAX_LISTED), request.query_params.get("before")
        found = await _looked_up(journal.newest, limit, before)
        return told(request, [record.record for record in found], [summary(record) for record in found])

    return [explain, decision, decisions]


def _surface(read: Mapping[str, ReadRequest], request: HttpRequest[Any, Any, Any]) -> ReadRequest:
    """How the body is to be read: as of `surface`, by default a chat completion."""
    name = request.query_params.get("surface", Surface.CHAT.value)
    if name not in read:
        message = f"Invalid 'surface': no surface is named {name[:40]!r}; there are: {', '.join(read)}."
        raise ApiError(400, "invalid_value", message, param="surface")
    return read[name]


def _asked_as(keyring: Keyring, request: HttpRequest[Any, Any, Any], operator: Caller) -> Caller:
    """Whom the decision is for: the operator, or whom `key` and `team` name."""
    key, team = request.query_params.get("key"), request.query_params.get("team")
    if key is None and team is None:
        return operator
    try:
        return keyring.as_if(key, team)
    except NoSuchCaller as missing:
        known = ", ".join(missing.known) or "none"
        message = f"Invalid {missing.param!r}: no {missing.param} is named {missing.name[:40]!r}; there are: {known}."
        raise ApiError(400, "invalid_value", message, param=missing.param) from None


async def _looked_up(look: Callable[P, T], *asked: P.args, **named: P.kwargs) -> T:
    """On a thread. Raises ApiError 503 while the journal's file cannot be read."""
    try:
        return await asyncio.to_thread(look, *asked, **named)
    except JournalUnavailable as unavailable:
        message = f"The journal cannot be read now: {unavailable}."
        raise ApiError(503, "journal_unavailable", message, kind="unavailable_error", retry_after_s=1.0) from None


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
