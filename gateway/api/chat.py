"""`POST /v1/chat/completions`, stream and not: from the request to its answer. The hot path: bare ASGI."""

import asyncio
import logging
import time

from gateway.access import Throttle
from gateway.api import request_headers
from gateway.api.chat_answer import BrokenStream, about, send_answer, send_stream
from gateway.api.chat_request import chat_request
from gateway.api.decision_ids import DecisionIds
from gateway.api.errors import (
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
from gateway.api.heartbeats import Heartbeats
from gateway.api.identity import Identify
from gateway.api.readers import Readers
from gateway.api.reply import Reply
from gateway.api.wire import (
    Bodies,
    ClientGone,
    Departure,
    OpenRequests,
    Receive,
    Scope,
    Send,
    headers_of,
    raw_headers,
    refuse_repeats,
)
from gateway.flow.answer import Answers, RequestFailed
from gateway.flow.fair_threads import TooBusy
from gateway.observe.bus import Bus
from gateway.routing.decide import UnknownModel
from gateway.values.outcome import Outcome, of_cancellation
from gateway.values.records import RequestRejected
from gateway.values.request import ChatRequest

SURFACE = "chat.completions"
_log = logging.getLogger(__name__)


class ChatCompletions:
    """The endpoint. `with_prefix` as `chat_request` has it."""

    def __init__(  # noqa: PLR0913 - what the endpoint works with
        self,
        answers: Answers,
        identify: Identify,
        bus: Bus,
        bodies: Bodies,
        *,
        reader_s: float,
        heartbeat_s: float | None,
        with_prefix: bool,
    ) -> None:
        self._readers = Readers(reader_s)
        self._heartbeats = Heartbeats(heartbeat_s)
        self._throttle = Throttle()
        self._answers = answers
        self._identify = identify
        self._bus = bus
        self._bodies = bodies
        self._with_prefix = with_prefix
        self._ids = DecisionIds()
        self._open = OpenRequests()

    def stop(self) -> None:
        """End what is in progress: each caller is told, and each request is on record."""
        self._open.cancel_all()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request. Every way out has told the caller, or found it gone."""
        arrived = time.monotonic()
        decision_id = self._ids.new()
        headers = headers_of(scope["headers"])
        ids = raw_headers((("x-request-id", request_headers.request_id(headers, decision_id)),))
        reply = Reply(send, ids, arrived)
        try:
            if scope["method"] != "POST":
                raise not_post()  # noqa: TRY301 - one place tells the caller
            refuse_repeats(scope["headers"], headers)
            caller = self._identify(headers)
            if not self._throttle.admits(caller.key, arrived):
                raise throttled(self._throttle.wait_s(caller.key, arrived))  # noqa: TRY301 - one place tells the caller
            body = await self._bodies.read(receive, headers, caller.key)
            request = chat_request(body, headers, caller, decision_id, with_prefix=self._with_prefix)
            del body
            with Departure(receive), self._open:
                await self._answer(request, decision_id, arrived, send, reply)
        except ApiError as error:
            await self._reject(reply, error)
        except UnknownModel as unknown:
            await self._reject(reply, unknown_model(str(unknown)))
        except ClientGone:  # or its chunks are malformed: the server does not tell them apart
            await self._reject(reply, broken_body())
        except asyncio.CancelledError as cancelled:
            if of_cancellation(cancelled) is not Outcome.GATEWAY_STOPPED:
                raise
            await reply.error(stopped())
        except BrokenStream:
            raise
        except Exception:  # noqa: BLE001 - the caller is told whatever happens
            _log.exception("request %s failed in the gateway", decision_id)
            await reply.error(internal())

    async def _answer(self, request: ChatRequest, decision_id: str, arrived: float, send: Send, reply: Reply) -> None:
        if request.facts.stream:
            self._heartbeats.begin(reply, raw_headers((("x-gateway-decision", decision_id),)))
        try:
            answer = await self._answers.answer(SURFACE, request, decision_id, arrived)
            if answer.stream is None:
                await send_answer(reply, answer)
            else:
                await send_stream(send, reply, answer, answer.stream, self._readers)
        except TooBusy as busy:
            self._throttle.refused(request.facts.key, arrived)
            raise no_room(busy.retry_after_s) from None
        except RequestFailed as failed:
            error = of_failure(failed.failure, failed.decision, failed.deployment)
            if failed.failure.outcome is Outcome.GATEWAY_BUSY:
                self._throttle.refused(request.facts.key, arrived)
            await reply.error(error, about(failed.decision, failed.attempts, None))
        finally:
            self._heartbeats.end(reply)

    async def _reject(self, reply: Reply, error: ApiError) -> None:
        self._bus.publish(RequestRejected(SURFACE, error.status, error.code))
        await reply.error(error)
