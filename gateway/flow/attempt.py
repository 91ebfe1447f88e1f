"""One attempt: one call to one deployment, from the reservation to its settlement, which always comes.

Timeouts are separate things: connecting, the first output, the pause between outputs, the whole attempt. What is near
is set on the exchange; whichever comes first names the outcome. Pings and empty deltas are no output and reset nothing.
"""

import time

import msgspec

from gateway.flow.pace import Pace
from gateway.flow.story import Story
from gateway.observe.bus import Bus
from gateway.providers.contract import Continuer, StreamDecoder, Translator
from gateway.routing.address import choose_address
from gateway.state.readings import Readings
from gateway.state.slo import kept
from gateway.state.tokens import generated_after
from gateway.transport import Exchange, Transport
from gateway.values.answer import Beginning, StreamSummary, WholeAnswer
from gateway.values.call import Call
from gateway.values.deployment import Deployment
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.records import Attempt, AttemptFinished, AttemptStarted
from gateway.values.usage import Usage, settled_usd

_MAX_ERROR_BODY = 64 * 1024
_MAX_MESSAGE, _MAX_WORD = 2_000, 256  # characters
_DRAIN_S, _DRAIN_READS = 0.25, 4
_ERROR_BODY_S = 5.0  # a refusal's body is worth waiting this long for, no longer
_HELD_S = 1.0  # a stream that waited less for its caller has the pace of its provider


class Rooms(msgspec.Struct, frozen=True):
    """What an attempt works with."""

    transport: Transport
    readings: Readings
    bus: Bus
    translators: dict[str, Translator]  # by deployment


class RunningAttempt:
    """An attempt in progress. The owner calls `settle` exactly once on every way out, then the socket is free.

    `begun`: the part of the answer that it goes on with.
    """

    def __init__(self, rooms: Rooms, story: Story, deployment: Deployment, begun: Beginning | None = None) -> None:
        self.deployment = deployment
        self.story = story
        self.first_output_s: float | None = None
        self.pace = None if (least := story.decision.bounds.min_output_tokens_per_s) is None else Pace(least)
        self._begun = begun
        self._rooms = rooms
        self._translator = rooms.translators[deployment.name]
        self._started = time.monotonic()
        timeouts, bounds = deployment.timeouts, story.decision.bounds
        self._first = _sooner(timeouts.first_output_s, bounds.first_output_s, Outcome.FIRST_OUTPUT_TIMEOUT)
        self._idle = _sooner(timeouts.idle_s, bounds.idle_s, Outcome.IDLE_TIMEOUT)
        self._ends = min(self._started + deployment.timeouts.total_s, story.deadline)
        self._late = Outcome.DEADLINE_EXCEEDED if self._ends == story.deadline else Outcome.TOTAL_TIMEOUT
        self._exchange: Exchange | None = None
        self._status: int | None = None
        self._read_s = 0.0  # waited for the provider since the first output
        now = time.time()
        self.address = choose_address(rooms.readings, story, deployment, now)
        self._wait_s = self._go_to(self.address, now)
        if self.address is not None:
            story.tried.append((deployment.name, self.address))
        facts = story.request.facts
        self._reservation = rooms.readings.began(
            deployment.name,
            now,
            facts.prompt_tokens + (facts.max_output_tokens or 0),
            streamed=facts.prompt_tokens if facts.stream else None,
            wait_s=self._wait_s,
        )
        self._retry_after_s: float | None = None  # what a refusal asked for
        rooms.bus.publish(AttemptStarted(deployment.name))

    async def open(self) -> Exchange:
        """Send the call and see a 2xx, or raise AttemptFailed."""
        facts, deployment = self.story.request.facts, self.deployment
        if not deployment.clearance.covers(facts.sensitivity):  # law 1: once more, where the socket opens
            raise AttemptFailed(Outcome.INTERNAL_ERROR, "a decision named a deployment below the request's sensitivity")
        call = self._call()
        since = time.monotonic()
        try:
            exchange = self._exchange = await self._send(call, self._ends - since)
            self.expect_by(self._first[0] if facts.stream else None, self._first[1])
            head = await exchange.head()
        finally:
            self.story.waited_s += time.monotonic() - since
        self._status, now = head.status, time.time()
        if (headroom := self._translator.headroom(head.headers, now)) is not None:
            self._rooms.readings.told_headroom(deployment.name, self._reservation, headroom, now)
        if not 200 <= head.status < 300:
            body = await self._error_body(exchange)
            failure = self._translator.failure(head.status, head.headers, body, now)
            self._retry_after_s = failure.retry_after_s
            raise self._redacted(failure)
        return exchange

    def _call(self) -> Call:
        request, target, begun = self.story.request, self.deployment, self._begun
        if begun is None:
            return self._translator.encode(request, target)
        call = None
        if isinstance(self._translator, Continuer):
            call = self._translator.encode_continuation(request, target, begun)
        if call is None:
            raise AttemptFailed(Outcome.INTERNAL_ERROR, "a stream was to go on where it cannot")
        return call

    async def _send(self, call: Call, left_s: float) -> Exchange:
        """Whichever is nearer, the limit for connecting or the attempt's end, names the failure."""
        if left_s <= 0:
            raise AttemptFailed(self._late, "no time was left to connect")
        name, connect_s = self.deployment.name, self.deployment.timeouts.connect_s
        try:
            return await self._rooms.transport.send(
                name, call, connect_s=min(connect_s, left_s), address=self.address or 0
            )
        except AttemptFailed as failed:
            if failed.outcome is Outcome.CONNECT_TIMEOUT and left_s < connect_s:
                raise AttemptFailed(self._late, failed.detail) from None
            raise

    def expect_by(self, within_s: float | None, outcome: Outcome) -> None:
        """The next thing must come within so many seconds (None: no limit of its own), and before the attempt's end."""
        if self._exchange is None:
            return
        at = self._ends if within_s is None else time.monotonic() + within_s
        if at < self._ends:
            self._exchange.expect(at, outcome)
        else:
            self._exchange.expect(self._ends, self._late)

    async def read(self, exchange: Exchange) -> bytes:
        """What has arrived, the wait counted."""
        since = time.monotonic()
        try:
            return await exchange.read()
        finally:
            waited = time.monotonic() - since
            self.story.waited_s += waited
            self._read_s += waited
            if self.pace is not None and self.first_output_s is not None:
                self.pace.waited(waited)

    async def drain(self, exchange: Exchange) -> None:
        """Read the end of a body that is known to be complete, so that its connection can be used again."""
        self.expect_by(_DRAIN_S, Outcome.IDLE_TIMEOUT)
        try:
            for _ in range(_DRAIN_READS):
                if not await self.read(exchange):
                    return
        except AttemptFailed:
            pass  # then the connection is closed instead

    async def whole(self, exchange: Exchange) -> WholeAnswer:
        """The whole body as an answer."""
        data = await self.read(exchange)
        if not (more := await self.read(exchange)) and data:
            return self._translator.decode(data)
        parts = [data]
        while more:
            parts.append(more)
            more = await self.read(exchange)
        return self._translator.decode(b"".join(parts))

    def decoder(self) -> StreamDecoder:
        """A fresh decoder for this attempt's stream."""
        request = self.story.request
        if self._begun is not None and isinstance(self._translator, Continuer):
            return self._translator.continuation_decoder(request, self._begun)
        return self._translator.decoder(request, remember=self.story.decision.continues or self.pace is not None)

    def output_came(self) -> None:
        """Real output is here: from the first on the pause between outputs counts."""
        if self.first_output_s is None:
            self.first_output_s = time.monotonic() - self._started
            self._read_s = 0.0
            readings, name = self._rooms.readings, self.deployment.name
            readings.gave_output(name, self._reservation, time.time())
            if self.address is not None:
                readings.workers.gave_output(name, self.address)
        if self.pace is not None and self.pace.left_s() < self._idle[0]:
            self.expect_by(self.pace.left_s(), Outcome.LIMIT_PASSED)
        else:
            self.expect_by(*self._idle)

    def settle(
        self, outcome: Outcome, *, said: WholeAnswer | StreamSummary | None = None, detail: str | None = None
    ) -> Attempt:
        """The end of the attempt: what it used is on record, what was reserved is free, the socket is given back."""
        if self._exchange is not None:
            self._exchange.close()
        now, duration = time.time(), time.monotonic() - self._started
        deployment, readings = self.deployment, self._rooms.readings
        usage = self._of_lost(duration) if outcome is Outcome.HEDGE_LOST and said is None else self._usage(said)
        held = self._is_held(duration)
        attempt = Attempt(
            deployment=deployment.name,
            outcome=outcome,
            started_s=self._started - self.story.arrived,
            duration_s=duration,
            first_output_s=self.first_output_s,
            status=self._status,
            usage=usage,
            cost_usd=settled_usd(deployment, usage, readings.served(deployment.name, usage, now)),
            detail=self._redact(detail, _MAX_MESSAGE),
            upstream_model=self._redact(said.model) if said else None,
            finish_reason=self._redact(said.finish_reason) if said else None,
            connection_reused=self._exchange.reused if self._exchange else None,
            resent=self._exchange is not None and self._exchange.resent,
            in_flight=self._reservation.in_flight,
            held_by_caller=held,
            slo_met=self._kept(outcome, duration, usage, held=held),
            address=self.address,
            base_url=None if self.address is None else deployment.addresses[self.address],
            continues=0 if self._begun is None else len(self._begun.text),
            wait_s=self._wait_s,
            retry_after_s=self._retry_after_s,
        )
        if self.address is not None:
            readings.workers.ended(deployment.name, self.address, outcome, duration, now)
        self.story.attempts.append(attempt)
        readings.ended(attempt, self._reservation, self.story.decision, now)
        self._rooms.bus.publish(AttemptFinished(attempt))
        return attempt

    def _go_to(self, address: int | None, now: float) -> float:
        """The address is told of the attempt; how long it has to expect to wait there, in seconds."""
        if address is None:
            return 0.0
        workers, name = self._rooms.readings.workers, self.deployment.name
        wait_s = workers.of(name)[address].wait_s(now)
        workers.began(name, address)
        return wait_s or 0.0

    def _is_held(self, duration_s: float) -> bool:
        """Whether most of the stream's time went by without anybody waiting for the provider."""
        if self.first_output_s is None or not self.story.request.facts.stream:
            return False
        streamed = duration_s - self.first_output_s
        held = streamed - self._read_s
        return held > _HELD_S and held > streamed / 2

    def _kept(self, outcome: Outcome, duration_s: float, usage: Usage | None, *, held: bool) -> bool | None:
        decision = self.story.decision
        if decision.slo is None:
            return None
        return kept(
            decision.slo,
            outcome,
            stream=decision.facts.stream,
            first_output_s=self.first_output_s,
            duration_s=duration_s,
            output_tokens=None if usage is None else usage.completion_tokens / decision.facts.choices,
            held_by_caller=held,
        )

    def _usage(self, said: WholeAnswer | StreamSummary | None) -> Usage | None:
        if said is None:
            return None
        if said.usage is None and isinstance(said, StreamSummary) and said.tokens:
            prompt = self.story.request.facts.prompt_tokens
            return Usage(prompt_tokens=prompt, completion_tokens=said.tokens, estimated=True)
        return said.usage

    def _of_lost(self, duration_s: float) -> Usage | None:
        """What a whole answer, or a stream that showed nothing yet, may have used until it was given up; as an estimate."""
        if self._exchange is None:
            return None
        facts, reading = self.story.request.facts, self._rooms.readings.of(self.deployment.name)
        generated = 0.0 if facts.stream else generated_after(duration_s, reading)
        if generated is None:
            return None
        return Usage(
            prompt_tokens=facts.prompt_tokens, completion_tokens=round(generated * facts.choices), estimated=True
        )

    def _redact(self, text: str | None, longest: int = _MAX_WORD) -> str | None:
        """What a provider said, without the credential; cut only then, lest a half of one is left."""
        return text and self._rooms.transport.redact(self.deployment.name, text)[:longest]

    def _redacted(self, failure: AttemptFailed) -> AttemptFailed:
        """The same of whatever of it reaches the caller."""
        failure.message = self._redact(failure.message, _MAX_MESSAGE)
        failure.param = self._redact(failure.param)
        failure.code = self._redact(failure.code)
        return failure

    async def _error_body(self, exchange: Exchange) -> bytes:
        parts: list[bytes] = []
        self.expect_by(_ERROR_BODY_S, Outcome.TOTAL_TIMEOUT)
        try:
            while (size := sum(map(len, parts))) < _MAX_ERROR_BODY and (data := await self.read(exchange)):
                parts.append(data[: _MAX_ERROR_BODY - size])
        except AttemptFailed:
            pass  # the status alone says enough; what came of the body is read
        return b"".join(parts)


def _sooner(own_s: float, of_rule_s: float | None, outcome: Outcome) -> tuple[float, Outcome]:
    """The limit that counts, and what it means to pass it: the rule's impatience is no fault of the provider."""
    return (own_s, outcome) if of_rule_s is None or of_rule_s >= own_s else (of_rule_s, Outcome.LIMIT_PASSED)
