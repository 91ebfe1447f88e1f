"""What a caller gets: headers, then a whole answer, a stream, or an error. Bytes are forwarded."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from gateway.flow.answered import AnsweredStream, AnsweredWhole
from gateway.http.errors import ApiError, of_failure, stopped
from gateway.http.reply import Reply
from gateway.http.slow_clients import SlowClientGuard
from gateway.http.wire import RawHeaders, Send, raw_headers
from gateway.values.decision import Decision
from gateway.values.deviations import NO_DEVIATIONS, Deviations
from gateway.values.error_view import ErrorView
from gateway.values.outcome import AttemptFailed, Outcome, of_cancellation

_MOST_LISTED = 20  # names in a header, which proxies take up to some kilobytes of; the record has all
_log = logging.getLogger(__name__)


class OnItsWay(Protocol):
    """What a surface does to a stream between its answer and its caller."""

    async def given(self, data: bytes) -> bytes:
        """Whole events, as the caller gets them."""

    def error_event(self, view: ErrorView) -> bytes:
        """What ends it where it broke."""


class BrokenStream(Exception):
    """The gateway failed after a stream had begun, or a stream broke that has no place for an error: the connection is broken
    off, so that it cannot look finished.
    """


def about(
    decision: Decision, attempts: int, deployment: str | None, deviations: Deviations = NO_DEVIATIONS
) -> RawHeaders:
    """The headers that say what was decided, who answered, and what of the request it was not sent as it was."""
    pairs = [
        ("x-gateway-decision", decision.id),
        ("x-gateway-policy", decision.revision),
        ("x-gateway-attempts", str(attempts)),
    ]
    if deployment is not None:
        pairs.append(("x-gateway-deployment", deployment))
        if deviations.lost:
            pairs.append(("x-gateway-lost", _listed(deviations.lost)))
        if deviations.adapted:
            pairs.append(("x-gateway-adapted", _listed([one.partition(":")[0] for one in deviations.adapted])))
    return raw_headers(pairs)


def _listed(names: Sequence[str]) -> str:
    rest = f", and {len(names) - _MOST_LISTED} more" if len(names) > _MOST_LISTED else ""
    return ", ".join(names[:_MOST_LISTED]) + rest


async def send_answer(reply: Reply, answer: AnsweredWhole) -> None:
    """A whole answer, and what it cost."""
    cost = answer.cost_usd
    told = (b"x-gateway-cost-usd", b"unknown" if cost is None else f"{cost:.9f}".encode())
    headers = [*about(answer.decision, answer.attempts, answer.deployment, answer.deviations), told]
    await reply.whole(headers, answer.body, answer.more, answer.media)


async def send_stream(
    send: Send, reply: Reply, answer: AnsweredStream, slow_clients: SlowClientGuard, on_its_way: OnItsWay | None = None
) -> None:
    """The stream to its end, or to an error event: a stream that broke never carries [DONE] (law 3). One that is no events has
    no place for an error: its connection is broken off.
    """
    failure: AttemptFailed | None = None
    stream = answer.stream
    next_of = _next_of(answer, on_its_way)
    slow_clients.begin(stream)
    try:
        await reply.begin_stream(about(answer.decision, answer.attempts, answer.deployment, answer.deviations), stream)
        while data := await next_of():
            if reply.beat is not None:
                await reply.beat_is_sent()
            await send({"type": "http.response.body", "body": data, "more_body": True})
        last = b""
    except AttemptFailed as broken:
        failure = broken
        if stream.media is not None:
            raise BrokenStream from None
        last = _error_event(reply, of_failure(broken, answer.decision, answer.deployment), on_its_way)
    except asyncio.CancelledError as cancelled:
        outcome = of_cancellation(cancelled)
        if outcome is Outcome.CALLER_STALLED:
            failure = AttemptFailed(outcome, "what it was sent stayed unread")
            raise BrokenStream from None
        if outcome is not Outcome.GATEWAY_STOPPED:
            raise
        failure = AttemptFailed(outcome, "the gateway was stopped")
        if stream.media is not None:
            raise BrokenStream from None
        last = _error_event(reply, stopped(), on_its_way)
    except Exception as bug:
        _log.exception("stream of decision %s failed in the gateway", answer.decision.id)
        failure = AttemptFailed(Outcome.INTERNAL_ERROR, f"a bug: {type(bug).__name__}")
        raise BrokenStream from bug
    finally:
        slow_clients.end()
        stream.close(failure)
    await reply.end_stream(last)


def _next_of(answer: AnsweredStream, on_its_way: OnItsWay | None) -> Callable[[], Awaitable[bytes]]:
    if on_its_way is None:
        return answer.stream.next
    passing = on_its_way

    async def given() -> bytes:
        data = await answer.stream.next()
        return await passing.given(data) if data else data

    return given


def _error_event(reply: Reply, error: ApiError, on_its_way: OnItsWay | None) -> bytes:
    return reply.error_event(error) if on_its_way is None else on_its_way.error_event(error.view(reply.request_id))
