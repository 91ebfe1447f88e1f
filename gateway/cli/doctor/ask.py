"""One question to one deployment, by the gateway's own translators and sockets; whatever goes wrong is in what comes back."""

import asyncio
import contextlib
import time

import msgspec

from gateway.dialects.contract import Preparer, Translator
from gateway.transport import Exchange, Head, Transport
from gateway.values.answer import StreamSummary, WholeAnswer
from gateway.values.call import Call
from gateway.values.deployment import Deployment
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.request import Request

_MOST_BODY = 8 * 1024 * 1024  # a list of models has a few hundred KiB at most


class Told(msgspec.Struct):
    """What was heard, up to `took_s` seconds after it was asked. `said` is None where `failed` is not, or for a plain body;
    `lost`: members of the question that have no form there; `date`: by the provider's clock.
    """

    took_s: float
    status: int | None = None
    failed: AttemptFailed | None = None
    said: WholeAnswer | StreamSummary | None = None
    body: bytes = b""
    events: bytes = b""  # of a stream, as a caller gets them
    lost: tuple[str, ...] = ()
    date: str | None = None


class Asker:
    """Asks the deployments that are placed in `transport`; an answer may take `within_s` seconds."""

    def __init__(self, transport: Transport, within_s: float) -> None:
        self._transport = transport
        self._within_s = within_s

    async def question(self, deployment: Deployment, translator: Translator, request: Request) -> Told:
        """The request as it would be sent for a caller."""
        began, told = time.monotonic(), Told(0.0)
        try:
            own = request
            if isinstance(translator, Preparer):
                ready = translator.prepare(request)
                own, told.lost = ready.request, ready.lost
            call = translator.encode(own, deployment)
            exchange = await self._sent(deployment, call)
            try:
                head = await self._head(exchange, told)
                if not 200 <= head.status < 300:
                    body = await _all(exchange)
                    raise translator.failure(head.status, head.headers, body, time.time())
                if request.facts.stream:
                    await self._stream(exchange, translator, request, told)
                else:
                    told.body = await _all(exchange)
                    told.said = translator.decode(told.body, request)
            finally:
                exchange.close()
        except AttemptFailed as failed:
            told.failed = failed
        told.took_s = time.monotonic() - began
        return told

    async def fetched(self, deployment: Deployment, call: Call) -> Told:
        """A body that no dialect reads: a list of models. `status` may be any."""
        began, told = time.monotonic(), Told(0.0)
        try:
            exchange = await self._sent(deployment, call)
            try:
                await self._head(exchange, told)
                told.body = await _all(exchange)
            finally:
                exchange.close()
        except AttemptFailed as failed:
            told.failed = failed
        told.took_s = time.monotonic() - began
        return told

    async def _sent(self, deployment: Deployment, call: Call) -> Exchange:
        connect_s = min(deployment.timeouts.connect_s, self._within_s)
        exchange = await self._transport.send(deployment.name, call, connect_s=connect_s)
        exchange.expect(asyncio.get_running_loop().time() + self._within_s, Outcome.TOTAL_TIMEOUT)
        return exchange

    @staticmethod
    async def _head(exchange: Exchange, told: Told) -> Head:
        head = await exchange.head()
        told.status, told.date = head.status, head.headers.get("date")
        return head

    @staticmethod
    async def _stream(exchange: Exchange, translator: Translator, request: Request, told: Told) -> None:
        decoder, over = translator.decoder(request), False
        parts: list[bytes] = []
        while not over:
            data = await exchange.read()
            chunks = decoder.feed(data) if data else [decoder.end()]
            for chunk in chunks:
                if chunk.failure is not None:
                    raise chunk.failure
                parts.append(chunk.forward)
                over = over or chunk.done
            if not data:
                break
        told.said, told.events = decoder.summary(), b"".join(parts)


async def _all(exchange: Exchange) -> bytes:
    parts: list[bytes] = []
    with contextlib.suppress(AttemptFailed):  # what came is read; a cut body is no answer by itself
        while (size := sum(map(len, parts))) < _MOST_BODY and (data := await exchange.read()):
            parts.append(data[: _MOST_BODY - size])
    return b"".join(parts)
