"""One surface, stream and not: from the request to its answer. The hot path: bare ASGI."""

import asyncio
import logging
import time

from gateway.access import Throttle
from gateway.flow.answer import Answers, RequestFailed
from gateway.flow.answered import AnsweredStream, AnsweredWhole
from gateway.flow.fair_threads import TooBusy
from gateway.http import request_headers
from gateway.http.decision_ids import DecisionIds
from gateway.http.errors import (
    ApiError,
    broken_body,
    internal,
    no_room,
    not_post,
    of_failure,
    stopped,
    throttled,
    unknown_model,
)
from gateway.http.forms import Form
from gateway.http.heartbeats import Heartbeats
from gateway.http.identity import Identify
from gateway.http.reply import Reply
from gateway.http.slow_clients import SlowClientGuard
from gateway.http.wire import (
    Bodies,
    BodyBroken,
    ClientGone,
    OpenRequests,
    Receive,
    Scope,
    Send,
    headers_of,
    raw_headers,
    refuse_repeats,
)
from gateway.observe.bus import Bus
from gateway.routing.decide import UnknownModel
from gateway.surfaces.intake import Intake
from gateway.surfaces.row import SurfaceRow
from gateway.surfaces.sending import BrokenStream, about, send_answer, send_stream
from gateway.values.caller import Caller
from gateway.values.outcome import Outcome, of_cancellation
from gateway.values.records import RequestAbandoned, RequestRejected
from gateway.values.request import Request

_log = logging.getLogger(__name__)


class Endpoint:
    """Serves a row of the table."""

    def __init__(  # noqa: PLR0913, PLR0917 - what the endpoint works with
        self,
        row: SurfaceRow,
        answers: Answers,
        identify: Identify,
        bus: Bus,
        bodies: Bodies,
        intake: Intake,
        throttle: Throttle,
        *,
        reader_s: float,
        heartbeat_s: float | None,
    ) -> None:
        self.row = row
        self._surface = row.surface.value
        self.slow_clients = SlowClientGuard(reader_s)
        self._heartbeats = Heartbeats(heartbeat_s)
        self._throttle = throttle
        self.answers = answers
        self._identify = identify
        self._bus = bus
        self._bodies = bodies
        self.intake = intake
        self._ids = DecisionIds()
        self._open = OpenRequests()

    @property
    def paths(self) -> list[str]:
        """Where it is served."""
        return [self.row.path, *self.row.aliases]

    def stop(self) -> None:
        """End what is in progress: each caller is told, and each request is on record."""
        self._open.cancel_all()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: C901 - a line for each way out
        """One request. Every way out has told the caller, or found it gone."""
        arrived = time.monotonic()
        decision_id = self._ids.new()
        headers = headers_of(scope["headers"])
        reply = Reply(send, request_headers.request_id(headers, decision_id), arrived, self.row.dialect)
        try:
            if scope["method"] != "POST":
                raise not_post()  # noqa: TRY301 - one place tells the caller
            refuse_repeats(scope["headers"], headers)
            caller = self._identify(headers)
            if not self._throttle.admits(caller.key, arrived):
                raise throttled(self._throttle.wait_s(caller.key, arrived))  # noqa: TRY301 - one place tells the caller
            body = [await self.read(receive, headers, caller)]
            with self._open.begin(receive):  # the body may be large: from here on only its request holds it
                await self.answer_to(body.pop(), headers, caller, decision_id, arrived, send, reply)
        except ApiError as error:
            await self._reject(reply, error)
        except TooBusy as busy:
            self._throttle.refused(caller.key, arrived)
            await self._reject(reply, no_room(busy.retry_after_s))
        except UnknownModel as unknown:
            await self._reject(reply, unknown_model(str(unknown)))
        except (BodyBroken, ClientGone) as end:
            await self._not_whole(reply, end)
        except asyncio.CancelledError as cancelled:
            if of_cancellation(cancelled) is not Outcome.GATEWAY_STOPPED:
                raise
            await reply.error(stopped())
        except BrokenStream:
            raise
        except Exception:  # noqa: BLE001 - the caller is told whatever happens
            _log.exception("request %s failed in the gateway", decision_id)
            await reply.error(internal())

    async def read(self, receive: Receive, headers: dict[str, str], caller: Caller) -> bytes | Form:
        """The body. Raises ApiError, ClientGone, BodyBroken."""
        return await self._bodies.read(receive, headers, caller.key)

    async def answer_to(  # noqa: PLR0913, PLR0917 - what a request and its answer need
        self,
        body: bytes | Form,
        headers: dict[str, str],
        caller: Caller,
        decision_id: str,
        arrived: float,
        send: Send,
        reply: Reply,
    ) -> None:
        """The body becomes a request, and is answered. Raises what that does, and ApiError."""
        if not isinstance(body, bytes):
            raise TypeError("this surface takes no forms")
        request = await self.intake.request(body, headers, caller, decision_id)
        del body
        await self.answer_request(request, decision_id, arrived, send, reply)

    async def answer_request(
        self, request: Request, decision_id: str, arrived: float, send: Send, reply: Reply
    ) -> None:
        """The answer. A caller that is turned away for want of room is throttled by and by."""
        if request.facts.stream and not request.binary:
            self._heartbeats.begin(reply, raw_headers((("x-gateway-decision", decision_id),)))
        try:
            await self.respond(request, decision_id, arrived, send, reply)
        except TooBusy as busy:
            self._throttle.refused(request.facts.key, arrived)
            raise no_room(busy.retry_after_s) from None
        finally:
            self._heartbeats.end(reply)

    async def respond(self, request: Request, decision_id: str, arrived: float, send: Send, reply: Reply) -> None:
        """What a surface gives: a whole answer, a stream or an error. Raises UnknownModel and TooBusy."""
        try:
            answer = await self.answers.answer(self._surface, request, decision_id, arrived)
            await self.send(answer, send, reply)
        except RequestFailed as failed:
            self.refused(request, failed, arrived)
            error = of_failure(failed.failure, failed.decision, failed.deployment)
            await reply.error(error, about(failed.decision, failed.attempts, None))

    async def send(self, answer: AnsweredWhole | AnsweredStream, send: Send, reply: Reply) -> None:
        """An answer to its caller."""
        if isinstance(answer, AnsweredWhole):
            await send_answer(reply, answer)
        else:
            await send_stream(send, reply, answer, self.slow_clients)

    def refused(self, request: Request, failed: RequestFailed, arrived: float) -> None:
        """One that found no room counts for its caller's throttle; lines of a batch wait by themselves."""
        if request.facts.batch is None and failed.failure.outcome is Outcome.GATEWAY_BUSY:
            self._throttle.refused(request.facts.key, arrived)

    async def _not_whole(self, reply: Reply, end: Exception) -> None:
        if isinstance(end, ClientGone):
            self._bus.publish(RequestAbandoned(self.row.surface.value))
            await reply.error(broken_body())  # it may have closed its own half only
        else:
            await self._reject(reply, broken_body())

    async def _reject(self, reply: Reply, error: ApiError) -> None:
        self._bus.publish(RequestRejected(self.row.surface.value, error.status, error.code))
        await reply.error(error)
