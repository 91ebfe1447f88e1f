"""A line of a batch, answered by its surface as if its caller had sent it: read, classified, decided, attempted, on record.

What is otherwise: it has the lowest priority, its facts say which line of which batch it is, nobody's connection is watched,
and nobody is throttled for it.
"""

import logging
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.access import Keyring
from gateway.dialects.contract import Dialect
from gateway.flow.fair_threads import TooBusy
from gateway.http.decision_ids import DecisionIds
from gateway.http.errors import ApiError, internal, no_room, unknown_model
from gateway.http.reply import Reply
from gateway.routing.decide import UnknownModel
from gateway.surfaces.endpoint import Endpoint
from gateway.values.batch import Batch
from gateway.values.caller import Caller
from gateway.values.priority import Priority
from gateway.values.request import Request
from gateway.values.stored_file import key_of
from gateway.watch.batches.lines import Line
from gateway.watch.batches.results import LineAnswer

_log = logging.getLogger(__name__)


class BatchLines:
    """Answers lines, for the caller that made their batch, as it is configured now. `endpoints` by their paths."""

    def __init__(self, endpoints: Mapping[str, Endpoint], keyring: Keyring) -> None:
        self._endpoints = endpoints
        self._keyring = keyring
        self._ids = DecisionIds()

    async def ask(self, batch: Batch, line: Line) -> LineAnswer:
        """The answer, whatever it is. Cancelling it ends the request, and raises."""
        endpoint, decision_id = self._endpoints[batch.endpoint], self._ids.new()
        caught = _Caught(decision_id)
        arrived = time.monotonic()
        reply = Reply(caught.send, decision_id, arrived, endpoint.row.dialect)
        try:
            caller = self._caller(key_of(batch.owner))
            request = await endpoint.intake.request(line.body, batch.headers, caller, decision_id)
            await endpoint.respond(_of_batch(request, batch, line), decision_id, arrived, caught.send, reply)
        except ApiError as error:
            await reply.error(error)
        except TooBusy as busy:
            await reply.error(no_room(busy.retry_after_s))
        except UnknownModel as unknown:
            await reply.error(unknown_model(str(unknown)))
        except Exception:  # noqa: BLE001 - one line that fails is no reason for the others to
            _log.exception("line %d of %s failed in the gateway", line.number, batch.id)
            await reply.error(internal())
        return caught.answer(endpoint.row.dialect)

    def _caller(self, key: str | None) -> Caller:
        if key is None and self._keyring.is_empty():
            return Caller.anonymous()
        caller = None if key is None else self._keyring.named(key)
        if caller is None:
            message = "The key that made this batch is not configured any more."
            raise ApiError(401, "invalid_api_key", message, kind="authentication_error")
        return caller


def _of_batch(request: Request, batch: Batch, line: Line) -> Request:
    facts = msgspec.structs.replace(request.facts, batch=batch.id, batch_line=line.number)
    return msgspec.structs.replace(request, priority=Priority.BATCH, facts=facts)


class _Caught:
    """What would have been sent."""

    def __init__(self, request_id: str) -> None:
        self._request_id = request_id
        self._status = 0
        self._headers: dict[bytes, bytes] = {}
        self._body = bytearray()

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._headers = dict(message["headers"])
        else:
            self._body += message.get("body", b"")

    def answer(self, dialect: Dialect) -> LineAnswer:
        """What is no JSON is no answer: it would make the file of answers unreadable."""
        body = bytes(self._body)
        try:
            body.decode()
            msgspec.json.decode(body, type=msgspec.Raw)
        except (UnicodeDecodeError, msgspec.DecodeError, RecursionError):
            _log.error("request %s of a batch was answered with what is no JSON", self._request_id)
            error = internal()
            return LineAnswer(error.status, self._request_id, dialect.error(error.view(self._request_id)))
        after = self._headers.get(b"retry-after", b"").decode("latin-1")
        return LineAnswer(self._status, self._request_id, body, float(after) if after.isdecimal() else None)
