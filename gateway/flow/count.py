"""Exact token counts, where a rule asks: by the tokenizer of a deployment that may see the request anyway.

A count is no attempt: nothing is generated, and one that does not come in time leaves the estimate as it is. But the
prompt is sent, so it goes only where every rule that the count may lead to would let the request go (law 1), and the
decision says where it went.
"""

import logging
import time

import msgspec

from gateway.dialects.contract import TokenCounter
from gateway.flow.large import LARGE_BYTES
from gateway.flow.rooms import Rooms
from gateway.flow.story import Story
from gateway.routing.filters import BY_ESTIMATE
from gateway.routing.plan import Plan
from gateway.transport import Exchange
from gateway.values.decision import Decision
from gateway.values.deployment import Deployment
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.request import Request

WITHIN_S = 0.5
REST_S = 30.0  # a tokenizer that failed is left alone for so long
_ABOUT_THE_REQUEST = frozenset({400, 413, 422})
_NOT_ITS_OWN = frozenset({Outcome.GATEWAY_BUSY, Outcome.FIELD_REFUSED})
_TIMEOUTS = frozenset({Outcome.CONNECT_TIMEOUT, Outcome.TOTAL_TIMEOUT})
_log = logging.getLogger(__name__)


class TokenCounts:
    """Asks for counts, and remembers which tokenizers do not answer. One per process."""

    def __init__(self, rooms: Rooms, deployments: dict[str, Deployment]) -> None:
        self._rooms = rooms
        self._deployments = deployments
        self._rest_until: dict[str, float] = {}  # of the monotonic clock

    async def counted(self, story: Story) -> Request:
        """The request with its tokens counted by the first deployment of the decision that can; else as it is.

        One that the estimate left out counts too: the estimate is what is in doubt. At most half of what is left until
        the deadline is spent on it.
        """
        request, found = story.request, self._counter(story.plan, story.decision)
        now = time.monotonic()
        within_s = min(WITHIN_S, (story.deadline - now) / 2)
        if found is None or within_s <= 0:
            return request
        deployment, counter = found
        facts = msgspec.structs.replace(request.facts, counted_at=deployment.name)
        try:
            tokens = await self._count(story, deployment, counter, within_s)
        except AttemptFailed as failed:
            if within_s >= WITHIN_S or failed.outcome not in _TIMEOUTS:  # what was too late for one caller only
                self._note(deployment.name, failed)
        else:
            facts = msgspec.structs.replace(facts, prompt_tokens=tokens, exact_tokens=True)
        return msgspec.structs.replace(request, facts=facts)

    def _counter(self, plan: Plan, decision: Decision) -> tuple[Deployment, TokenCounter] | None:
        cleared = plan.cleared(decision.facts, decision.at)
        for candidate in decision.candidates:
            name = candidate.deployment
            if name not in cleared or not BY_ESTIMATE.issuperset(reason.cause for reason in candidate.against):
                continue
            counter = self._rooms.translators[decision.facts.surface].get(name)
            if isinstance(counter, TokenCounter) and time.monotonic() >= self._rest_until.get(name, 0.0):
                return self._deployments[name], counter
        return None

    async def _count(self, story: Story, deployment: Deployment, counter: TokenCounter, within_s: float) -> int:
        request = story.request
        if not deployment.clearance.covers(request.facts.sensitivity):  # law 1: once more, where the socket opens
            raise AttemptFailed(Outcome.INTERNAL_ERROR, "a count was to go below the request's sensitivity")
        ready = await story.preparation.of(request, counter)
        if request.size <= LARGE_BYTES:
            call = counter.encode_count(ready.own, deployment)
        else:
            call = await story.preparation.on_a_thread(
                request, request.size, lambda _: counter.encode_count(ready.own, deployment)
            )
        address = self._rooms.readings.workers.best(deployment.name, time.time())
        until, connect_s = story.clock.begin_wait() + within_s, min(deployment.timeouts.connect_s, within_s)
        try:
            exchange = await self._rooms.transport.send(deployment.name, call, connect_s=connect_s, address=address)
            return await _answered(exchange, counter, until)
        finally:
            story.clock.end_wait()

    def _note(self, name: str, failed: AttemptFailed) -> None:
        """A refusal of this one prompt says nothing of the next, nor does what the gateway itself lacks."""
        if failed.status not in _ABOUT_THE_REQUEST and failed.outcome not in _NOT_ITS_OWN:
            self._rest_until[name] = time.monotonic() + REST_S
            _log.warning("%s counted no tokens (%s); it is not asked again for %.0f s", name, failed.detail, REST_S)


async def _answered(exchange: Exchange, counter: TokenCounter, until: float) -> int:
    try:
        exchange.expect(until, Outcome.TOTAL_TIMEOUT)
        head = await exchange.head()
        parts: list[bytes] = []
        while data := await exchange.read():
            parts.append(data)
        if head.status != 200:
            raise AttemptFailed(Outcome.BAD_REQUEST, f"HTTP {head.status}", status=head.status)
        return counter.decode_count(b"".join(parts))
    finally:
        exchange.close()
