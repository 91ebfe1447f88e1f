"""`/admin/policy`: the policy in force, and its change. What is refused changes nothing, and says all that is wrong."""

import re
import time
from collections.abc import Awaitable
from typing import Any

import msgspec
from litestar import Request, Response, get, post, put

from gateway.admin.answers import told
from gateway.admin.policy_check import MAX_POLICY_BYTES, Check, checked, policy_text
from gateway.admin.policy_sentences import now_sentences, revision_sentence, shown
from gateway.http.errors import ApiError
from gateway.http.identity import Identify
from gateway.http.query import takes
from gateway.http.wire import Bodies, headers_once
from gateway.policies.changes import NothingStaged, PolicyChanges, Superseded, UnknownRevision
from gateway.values.problem import InvalidDocument, Problem
from gateway.values.revision import Actor, Channel, Revision

_SHARE = re.compile(r"0?\.[0-9]{1,6}")


class _Told(msgspec.Struct, frozen=True):
    """As much of a problem that the check tells as people are told."""

    severity: str
    file: str
    line: int | None
    column: int | None
    path: str
    sentence: str
    kind: str = "invalid"

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        return f"{place}: {self.severity}: {self.sentence}"


class InvalidPolicy(ApiError):
    """422, with all that is wrong with it beside the error."""

    def __init__(self, problems: list[msgspec.Raw]) -> None:
        super().__init__(422, "invalid_policy", "The policy is not valid; nothing was changed.")
        self.more = {"problems": problems}


class _Checked(msgspec.Struct, frozen=True):
    """As much of the check's answer as decides; the problems are passed on as they are."""

    valid: bool
    problems: list[msgspec.Raw]


def policy_handlers(changes: PolicyChanges, check: Check, identify: Identify) -> list[Any]:
    """The handlers. `identify` lets operators pass."""
    policies, policy = Bodies(MAX_POLICY_BYTES), changes.policy

    @get("/admin/policy")
    async def show(request: Request[Any, Any, Any]) -> Response[Any]:
        identify(headers_once(request.scope["headers"]))
        now, refused = policy.now(), policy.refused
        kept = policy.revisions.find(now.revision.number)
        document = "" if kept is None else kept.document
        record = {
            **{name: getattr(now, name) for name in ("arms", "is_kept")},
            "revision": shown(now.revision),
            "staged": now.staged and shown(now.staged),
            "withdrawn": now.withdrawn and shown(now.withdrawn),
            "refused": refused,
            "document": document,
        }
        return told(request, record, now_sentences(now, refused), etag=f'"{now.revision.name}"')

    @put("/admin/policy", status_code=200, opt=takes("share"))
    async def publish(request: Request[Any, Any, Any]) -> Response[Any]:
        headers = headers_once(request.scope["headers"])
        by = _by(identify, headers)
        share = _share(request)
        text = policy_text(await policies.read(request.receive, headers))
        verdict = msgspec.json.decode(await checked(check, text), type=_Checked)
        if not verdict.valid:
            await changes.refuse(by, _lines(verdict.problems))
            raise InvalidPolicy(verdict.problems)
        work = changes.put(text, by, share=share, expected=_expected(headers))
        return await _answer(request, work, problems=verdict.problems)

    @post("/admin/policy/rollback", status_code=200, opt=takes("to"))
    async def roll_back(request: Request[Any, Any, Any]) -> Response[Any]:
        headers = headers_once(request.scope["headers"])
        by, to = _by(identify, headers), request.query_params.get("to")
        number = None if to is None else revision_number(to, "to")
        return await _answer(request, changes.rollback(by, number, expected=_expected(headers)))

    @post("/admin/policy/promote", status_code=200)
    async def promote(request: Request[Any, Any, Any]) -> Response[Any]:
        headers = headers_once(request.scope["headers"])
        return await _answer(request, changes.promote(_by(identify, headers), expected=_expected(headers)))

    @post("/admin/policy/withdraw", status_code=200)
    async def withdraw(request: Request[Any, Any, Any]) -> Response[Any]:
        headers = headers_once(request.scope["headers"])
        return await _answer(request, changes.withdraw(_by(identify, headers), expected=_expected(headers)))

    return [show, publish, roll_back, promote, withdraw]


def revision_number(text: str, param: str) -> int:
    """`5`, or a whole name like `5-2eaa8ddd`. Raises ApiError 400."""
    digits, dash, digest = text.partition("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 10 and bool(dash) == bool(digest)):
        raise ApiError(400, "invalid_value", f"Invalid {param!r}: expected the number of a revision.", param=param)
    return int(digits)


async def _answer(
    request: Request[Any, Any, Any], work: Awaitable[Revision], problems: list[msgspec.Raw] | None = None
) -> Response[Any]:
    """The revision as it is after the change."""
    try:
        revision = await work
    except Superseded as other:
        message = f"Revision {other} is in force, another than If-Match names."
        raise ApiError(412, "revision_superseded", message, param="if-match") from None
    except NothingStaged:
        raise ApiError(409, "nothing_staged", "No revision is staged.") from None
    except UnknownRevision:
        raise ApiError(404, "revision_not_found", "No such revision is kept, or there is none to go back to.") from None
    except InvalidDocument as invalid:
        raise InvalidPolicy([_raw(one) for one in invalid.problems]) from None
    unwise = problems or []
    record = {"revision": shown(revision), "problems": unwise}
    return told(request, record, [revision_sentence(revision), *_lines(unwise)], etag=f'"{revision.name}"')


def _raw(one: Problem) -> msgspec.Raw:
    told_as = _Told("error", one.file, one.line, one.column, one.path, one.sentence)
    return msgspec.Raw(msgspec.json.encode(told_as))


def _lines(problems: list[msgspec.Raw]) -> list[str]:
    return [str(msgspec.json.decode(one, type=_Told)) for one in problems]


def _by(identify: Identify, headers: dict[str, str]) -> Actor:
    return Actor(Channel.ADMIN, time.time(), identify(headers).key)


def _expected(headers: dict[str, str]) -> str | None:
    """What If-Match names, with or without quotes; None for any."""
    named = headers.get("if-match", "*").strip()
    return None if named == "*" else named.removeprefix("W/").strip('"')


def _share(request: Request[Any, Any, Any]) -> float | None:
    raw = request.query_params.get("share")
    if raw is None:
        return None
    share = float(raw) if _SHARE.fullmatch(raw) else 0.0
    if share == 0.0:
        raise ApiError(400, "invalid_value", "Invalid 'share': expected a number between 0 and 1.", param="share")
    return share
