"""`POST /v1/chat/completions`, stream and not. The hot path: bare ASGI, one object per request, bytes forwarded."""

import asyncio
import itertools
import logging
import os
import random
import time

from gateway.access import Throttle
from gateway.api import request_headers
from gateway.api.chat_request import chat_request
from gateway.api.errors import ApiError, internal, no_room, of_failure, stopped, throttled, unknown_model
from gateway.api.identity import Identify
from gateway.api.readers import Readers
from gateway.api.wire import (
    Bodies,
    ClientGone,
    Departure,
    OpenRequests,
    RawHeaders,
    Receive,
    Scope,
    Send,
    headers_of,
    raw_headers,
    refuse_repeats,
    send_whole,
)
from gateway.flow.answer import Answers, RequestFailed
from gateway.flow.attempts import Answer
from gateway.flow.fair_threads import TooBusy
from gateway.flow.stream import Stream
from gateway.observe.bus import Bus
from gateway.routing.decide import UnknownModel
from gateway.values.decision import Decision
from gateway.values.outcome import AttemptFailed, Outcome, of_cancellation
from gateway.values.records import RequestRejected
from gateway.values.request import ChatRequest

SURFACE = "chat.completions"
_JSON = (b"content-type", b"application/json")
_EVENTS = ((b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache"))
_log = logging.getLogger(__name__)


class DecisionIds:
    """Ids that sort by time: milliseconds, a counter, and what tells this process from others; 28 hex digits."""

    def __init__(self) -> None:
        self._process = os.urandom(5).hex()
        self._counter = itertools.count()

    def new(self) -> str:
        """The next id."""
        return f"{time.time_ns() // 1_000_000:011x}{next(self._counter) & 0xFFFFFFF:07x}{self._process}"


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
        with_prefix: bool,
    ) -> None:
        self._readers = Readers(reader_s)
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
        try:
            if scope["method"] != "POST":
                raise ApiError(405, "method_not_allowed", "Use POST.")  # noqa: TRY301 - one place tells the caller
            refuse_repeats(scope["headers"], headers)
            caller = self._identify(headers)
            if not self._throttle.admits(caller.key, arrived, random.random()):  # noqa: S311 - no secret
                raise throttled()  # noqa: TRY301 - one place tells the caller
            body = await self._bodies.read(receive, headers)
            request = chat_request(body, headers, caller, decision_id, with_prefix=self._with_prefix)
            del body
            with Departure(receive), self._open:
                await self._answer(request, decision_id, arrived, send, ids)
        except ApiError as error:
            await self._reject(send, error, ids)
        except UnknownModel as unknown:
            await self._reject(send, unknown_model(str(unknown)), ids)
        except ClientGone:
            pass
        except asyncio.CancelledError as cancelled:
            if of_cancellation(cancelled) is not Outcome.GATEWAY_STOPPED:
                raise
            await _send_error(send, stopped(), ids)
        except BrokenStream:
            raise
        except Exception:  # noqa: BLE001 - the caller is told whatever happens
            _log.exception("request %s failed in the gateway", decision_id)
            await _send_error(send, internal(), ids)

    async def _answer(
        self, request: ChatRequest, decision_id: str, arrived: float, send: Send, ids: RawHeaders
    ) -> None:
        try:
            answer = await self._answers.answer(SURFACE, request, decision_id, arrived)
        except TooBusy as busy:
            self._throttle.refused(request.facts.key, arrived)
            raise no_room(busy.retry_after_s) from None
        except RequestFailed as failed:
            error = of_failure(failed.failure, failed.decision, failed.deployment)
            if failed.failure.outcome is Outcome.GATEWAY_BUSY:
                self._throttle.refused(request.facts.key, arrived)
            await _send_error(send, error, ids + _about(failed.decision, failed.attempts, None))
            return
        if answer.stream is None:
            await _send_answer(send, answer, ids)
        else:
            await _send_stream(send, answer, answer.stream, ids, self._readers)

    async def _reject(self, send: Send, error: ApiError, ids: RawHeaders) -> None:
        self._bus.publish(RequestRejected(SURFACE, error.status, error.code))
        await _send_error(send, error, ids)


class BrokenStream(Exception):
    """The gateway failed after a stream had begun: the connection is broken off, so that it cannot look finished."""


def _about(decision: Decision, attempts: int, deployment: str | None) -> RawHeaders:
    pairs = [
        ("x-gateway-decision", decision.id),
        ("x-gateway-policy", decision.revision),
        ("x-gateway-attempts", str(attempts)),
    ]
    if deployment is not None:
        pairs.append(("x-gateway-deployment", deployment))
    return raw_headers(pairs)


async def _send_error(send: Send, error: ApiError, headers: RawHeaders) -> None:
    headers = [*headers, _JSON]
    if error.status == 405:
        headers.append((b"allow", b"POST"))
    if error.retry_after_s is not None:
        headers.append((b"retry-after", str(max(1, round(error.retry_after_s))).encode()))
    await send_whole(send, error.status, headers, error.body())


async def _send_answer(send: Send, answer: Answer, ids: RawHeaders) -> None:
    cost = answer.attempt.cost_usd if answer.attempt else None
    about = _about(answer.decision, answer.attempts, answer.deployment)
    told = (b"x-gateway-cost-usd", b"unknown" if cost is None else f"{cost:.9f}".encode())
    body = answer.whole.body if answer.whole else b""
    await send_whole(send, 200, [*ids, *about, told, _JSON], body)


async def _send_stream(send: Send, answer: Answer, stream: Stream, ids: RawHeaders, readers: Readers) -> None:
    """The stream to its end, or to an error event: a stream that broke never carries [DONE] (law 3)."""
    failure: AttemptFailed | None = None
    headers = [*ids, *_about(answer.decision, answer.attempts, answer.deployment), *_EVENTS]
    readers.begin(stream)
    try:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        while data := await stream.next():
            await send({"type": "http.response.body", "body": data, "more_body": True})
        last = b""
    except AttemptFailed as broken:
        failure = broken
        last = of_failure(broken, answer.decision, answer.deployment).event()
    except asyncio.CancelledError as cancelled:
        outcome = of_cancellation(cancelled)
        if outcome is Outcome.CALLER_STALLED:
            failure = AttemptFailed(outcome, "what it was sent stayed unread")
            raise BrokenStream from None
        if outcome is not Outcome.GATEWAY_STOPPED:
            raise
        failure = AttemptFailed(outcome, "the gateway was stopped")
        last = stopped().event()
    except Exception as bug:
        _log.exception("stream of decision %s failed in the gateway", answer.decision.id)
        failure = AttemptFailed(Outcome.INTERNAL_ERROR, f"a bug: {type(bug).__name__}")
        raise BrokenStream from bug
    finally:
        readers.end()
        stream.close(failure)
    await send({"type": "http.response.body", "body": last, "more_body": False})
