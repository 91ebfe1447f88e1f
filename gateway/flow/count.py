"""Exact token counts, where a rule asks: by the tokenizer of a deployment that may see the request anyway.

A count is no attempt: nothing is generated, and one that does not come in time leaves the estimate as it is.
"""

import time

import msgspec

from gateway.flow.attempt import Rooms
from gateway.providers.contract import TokenCounter
from gateway.values.decision import Cause, Decision
from gateway.values.deployment import Deployment
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.request import ChatRequest

WITHIN_S = 0.5
_BY_ESTIMATE = frozenset({Cause.CONTEXT, Cause.COST})


async def with_exact_tokens(
    rooms: Rooms, request: ChatRequest, decision: Decision, deployments: dict[str, Deployment]
) -> ChatRequest:
    """The request with its tokens counted by the first deployment of the decision that can; else as it is.

    One that the estimate left out counts too: the estimate is what is in doubt.
    """
    for candidate in decision.candidates:
        if not _BY_ESTIMATE.issuperset(reason.cause for reason in candidate.against):
            continue
        deployment, counter = deployments[candidate.deployment], rooms.translators[candidate.deployment]
        if not isinstance(counter, TokenCounter) or not deployment.clearance.covers(request.facts.sensitivity):
            continue
        try:
            tokens = await _count(rooms, request, deployment, counter)
        except AttemptFailed:
            return request
        facts = msgspec.structs.replace(request.facts, prompt_tokens=tokens, exact_tokens=True)
        return msgspec.structs.replace(request, facts=facts)
    return request


async def _count(rooms: Rooms, request: ChatRequest, deployment: Deployment, counter: TokenCounter) -> int:
    until = time.monotonic() + WITHIN_S
    call = counter.encode_count(request, deployment)
    address = rooms.readings.workers.best(deployment.name, time.time())
    exchange = await rooms.transport.send(deployment.name, call, connect_s=WITHIN_S, address=address)
    try:
        exchange.expect(until, Outcome.TOTAL_TIMEOUT)
        head = await exchange.head()
        parts: list[bytes] = []
        while data := await exchange.read():
            parts.append(data)
        if head.status != 200:
            raise AttemptFailed(Outcome.BAD_REQUEST, "the prompt was not counted", status=head.status)
        return counter.decode_count(b"".join(parts))
    finally:
        exchange.close()
