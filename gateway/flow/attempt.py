"""One attempt: one call to one deployment, from the reservation to its settlement, which always comes."""

import time
from functools import partial
from typing import NamedTuple

import msgspec

from gateway.dialects.contract import Batcher, Continuer, HeadJudge, Preparer, StreamDecoder, Translator
from gateway.flow.beginning import Beginning
from gateway.flow.field_refusal import of_choice
from gateway.flow.formats import StreamedFormat, asks_for_format
from gateway.flow.large import LARGE_BYTES, in_steps
from gateway.flow.least_throughput import LeastThroughput
from gateway.flow.refusal_body import WITHIN_S, refusal_body
from gateway.flow.rooms import Rooms
from gateway.flow.sign_of_life import head_of
from gateway.flow.story import Story
from gateway.learning.admission import Hold
from gateway.learning.settlement import is_held_by_caller, kept_objective, usage_of
from gateway.routing.address import next_address
from gateway.routing.silence import silence_s
from gateway.routing.timeouts import AttemptTimeouts, Timeout
from gateway.transport import Exchange
from gateway.values.anomaly import Anomaly
from gateway.values.answer import StreamSummary, WholeAnswer
from gateway.values.call import Call
from gateway.values.deployment import Deployment
from gateway.values.deviations import Deviations
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.records import Attempt, AttemptFinished, AttemptStarted
from gateway.values.usage import Usage
from gateway.values.worker import AddressesSeen

_MAX_MESSAGE, _MAX_WORD = 2_000, 256  # characters
_DRAIN_S, _DRAIN_READS = 0.25, 4
_TO_THE_END: Timeout = (None, Outcome.TOTAL_TIMEOUT)


class Reserved(NamedTuple):
    """What was taken for an attempt, until it is settled. `seen` is what its address was chosen from, if not by the decision."""

    hold: Hold
    seen: AddressesSeen | None


class Refused(msgspec.Struct, frozen=True):
    """No attempt was begun, for what it would take is not to be had. `failure`: what that is for a request that has no other."""

    failure: AttemptFailed


async def begin(
    rooms: Rooms, story: Story, deployment: Deployment, beginning: Beginning | None = None
) -> "RunningAttempt | Refused":
    """Take what an attempt takes, so that it counts from now on. `beginning`: the part of the answer that it goes on with, and how.

    It is refused where the deployment has as many as it takes at once: those that were decided may have been followed by
    others since, as the later parts of a request are.
    """
    readings, facts, now = rooms.readings, story.request.facts, time.time()
    translator = rooms.translators[facts.surface][deployment.name]
    if not readings.has_place(deployment.name):
        return Refused(AttemptFailed(Outcome.OVERLOADED, "it has as many requests as it takes at once"))
    goes_to = next_address(story.decision, deployment, readings.workers.of(deployment.name), story.tried, now)
    if goes_to.position is not None:
        story.record.add_tried(deployment.name, goes_to.position)
    hold = readings.began(
        deployment.name,
        now,
        facts.prompt_tokens + (facts.max_output_tokens or 0),
        streamed=facts.prompt_tokens if facts.stream else None,
        address=goes_to.position,
    )
    rooms.bus.publish(AttemptStarted(deployment.name))
    return RunningAttempt(rooms, story, deployment, translator, Reserved(hold, goes_to.seen), beginning)


class RunningAttempt:
    """An attempt in progress, begun by `begin`. The owner calls `settle` exactly once on every way out, then the socket is free."""

    def __init__(  # noqa: PLR0913, PLR0917 - what an attempt touches
        self,
        rooms: Rooms,
        story: Story,
        deployment: Deployment,
        translator: Translator,
        reserved: Reserved,
        beginning: Beginning | None,
    ) -> None:
        self.deployment = deployment
        self.story = story
        self.first_output_s: float | None = None
        self.media: str | None = None  # of a stream that is no events
        least = story.decision.bounds.min_output_tokens_per_s
        self.least_throughput = None if least is None else LeastThroughput(least)
        self.deviations = Deviations(story.decision.lost_at(deployment.name))
        self._beginning = beginning
        self._request = self._own = story.request  # `_own`: as the provider's dialect says it
        self._rooms = rooms
        self._translator = translator
        self._started = time.monotonic()
        self._timeouts = AttemptTimeouts(deployment.timeouts, story.decision.bounds, self._started, story.deadline)
        self._exchange: Exchange | None = None
        self._status: int | None = None
        self._read_s = 0.0  # waited for the provider since the first output
        self._hold, self._seen = reserved
        self._retry_after_s: float | None = None  # what a refusal asked for
        self._refused: WholeAnswer | None = None  # an answer that was had, and is not given
        self._format = rooms.formats.of(story.request) if asks_for_format(story.request.facts.needs) else None

    async def open(self) -> Exchange:
        """Send the call and see a 2xx, or raise AttemptFailed."""
        facts, deployment = self.story.request.facts, self.deployment
        if not deployment.clearance.covers(facts.sensitivity):  # law 1: once more, where the socket opens
            raise AttemptFailed(Outcome.INTERNAL_ERROR, "a decision named a deployment below the request's sensitivity")
        await self._prepare()
        call = self._translator.encode(self._own, deployment)
        since = self.story.clock.begin_wait()
        try:
            exchange = self._exchange = await self._send(call, self._timeouts.ends - since)
            wait = self._timeouts.first if facts.stream else _TO_THE_END
            head = await head_of(exchange, *self._timeouts.until(wait, time.monotonic()), self._longest_silence_s)
        finally:
            self.story.clock.end_wait()
        self._status, now = head.status, time.time()
        if (headroom := self._translator.headroom(head.headers, now)) is not None:
            self._rooms.readings.told_headroom(deployment.name, self._hold, headroom, now)
        if not 200 <= head.status < 300:
            self._wait((WITHIN_S, Outcome.TOTAL_TIMEOUT))
            body = await refusal_body(partial(self.read, exchange))
            failure = self._translator.failure(head.status, head.headers, body, now)
            self._retry_after_s = failure.retry_after_s
            pool = self.story.rule.pools[facts.model]
            raise self._redacted(of_choice(failure, self._request, deployment.name, pool))
        if isinstance(self._translator, HeadJudge):
            self.media = self._translator.media(self._request, head.headers, delimited=exchange.delimited)
        return exchange

    def _longest_silence_s(self) -> float | None:
        now, facts = time.time(), self.story.request.facts
        reading = self._rooms.readings.snapshot(now).of(self.deployment.name)
        return silence_s(self.deployment, reading, facts, self._hold.wait_s, now)

    async def _prepare(self) -> None:
        """What the call is made of."""
        if self._beginning is not None:
            self._own, self.deviations = self._beginning.request, self.deviations.plus(self._beginning.deviations)
        elif self.deviations.lost or isinstance(self._translator, Preparer):
            ready = await self.story.preparation.of(self._request, self._translator, self.deviations.lost)
            self._request, self._own = ready.asked, ready.own
            self.deviations = self.deviations.plus(ready.deviations)

    async def _send(self, call: Call, left_s: float) -> Exchange:
        """Whichever is nearer, the limit for connecting or the attempt's end, names the failure."""
        if left_s <= 0:
            raise AttemptFailed(self._timeouts.late, "no time was left to connect")
        name, connect_s = self.deployment.name, self.deployment.timeouts.connect_s
        try:
            return await self._rooms.transport.send(
                name, call, connect_s=min(connect_s, left_s), address=self._hold.address or 0
            )
        except AttemptFailed as failed:
            if failed.outcome is Outcome.CONNECT_TIMEOUT and left_s < connect_s:
                raise AttemptFailed(self._timeouts.late, failed.detail) from None
            raise

    def _wait(self, wait: Timeout) -> None:
        """The next thing must come so soon."""
        if self._exchange is not None:
            self._exchange.expect(*self._timeouts.until(wait, time.monotonic()))

    async def read(self, exchange: Exchange) -> bytes:
        """What has arrived, the wait counted."""
        clock = self.story.clock
        since = clock.begin_wait()
        try:
            return await exchange.read()
        finally:
            waited = clock.end_wait() - since
            self._read_s += waited
            if self.least_throughput is not None and self.first_output_s is not None:
                self.least_throughput.waited(waited)

    async def drain(self, exchange: Exchange) -> None:
        """Read the end of a body that is known to be complete, so that its connection can be used again."""
        self._wait((_DRAIN_S, Outcome.IDLE_TIMEOUT))
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
            return self._judged(await self._decoded(data))
        parts = [data]
        while more:
            parts.append(more)
            more = await self.read(exchange)
        return self._judged(await self._decoded(b"".join(parts)))

    def _judged(self, answer: WholeAnswer) -> WholeAnswer:
        """Whether it keeps to the format that was asked for."""
        if self._format is None or self._format.is_kept(answer.body):
            return answer
        if self.story.rule.fallback.unmet_format == "next":
            self._refused = answer
            raise AttemptFailed(Outcome.FORMAT_UNMET, "its text is not the JSON that was asked for")
        return msgspec.structs.replace(answer, anomalies=(*answer.anomalies, Anomaly.FORMAT_UNMET))

    def format_of_stream(self) -> StreamedFormat | None:
        """What judges its stream at the end; None where no format was asked for, or the answer goes on with another's."""
        return None if self._format is None or self._beginning is not None else self._format.stream()

    async def _decoded(self, body: bytes) -> WholeAnswer:
        """A large body in steps, where the dialect can; one that has to be translated is so on the same thread."""
        translator, request, size = self._translator, self._request, len(body)
        if size <= LARGE_BYTES or not isinstance(translator, Batcher | Preparer):
            return translator.decode(body, request)
        if isinstance(translator, Preparer):
            return await self.story.preparation.on_a_thread(request, size, lambda _: translator.decode(body, request))
        left_s, steps = self.story.deadline - time.monotonic(), partial(translator.decode_in_steps, body, request)
        return await in_steps(self._rooms.large, request.facts.key, size, left_s, steps)

    def decoder(self) -> StreamDecoder:
        """A fresh decoder for this attempt's stream."""
        request = self._request
        if self._beginning is not None and isinstance(self._translator, Continuer):
            return self._translator.continuation_decoder(request, self._beginning.answer)
        return self._translator.decoder(
            request, remember=self.story.decision.continues or self.least_throughput is not None
        )

    def output_came(self) -> None:
        """Real output is here: from the first on the pause between outputs counts."""
        if self.first_output_s is None:
            self.first_output_s = time.monotonic() - self._started
            self._read_s = 0.0
            readings, name = self._rooms.readings, self.deployment.name
            readings.gave_output(name, self._hold, time.time())
        idle = self._timeouts.idle
        if self.least_throughput is not None and (left_s := self.least_throughput.left_s()) < idle[0]:
            idle = left_s, Outcome.LIMIT_PASSED
        self._wait(idle)

    def settle(
        self, outcome: Outcome, *, said: WholeAnswer | StreamSummary | None = None, detail: str | None = None
    ) -> Attempt:
        """The end of the attempt: what it used is on record, what was reserved is free, the socket is given back."""
        if self._exchange is not None:
            self._exchange.close()
        said = self._refused if said is None else said
        now, duration = time.time(), time.monotonic() - self._started
        deployment, readings = self.deployment, self._rooms.readings
        usage, first = self._usage(outcome, said, duration), self.first_output_s
        held = (
            first is not None and self.story.request.facts.stream and is_held_by_caller(duration - first, self._read_s)
        )
        attempt = Attempt(
            deployment=deployment.name,
            outcome=outcome,
            started_s=self._started - self.story.clock.arrived,
            duration_s=duration,
            first_output_s=first,
            status=self._status,
            usage=usage,
            cost_usd=readings.settled_usd(deployment, usage, self.story.decision, now),
            detail=self._redact(detail, _MAX_MESSAGE),
            upstream_model=self._redact(said.model) if said else None,
            finish_reason=self._redact(said.finish_reason) if said else None,
            lost=self.deviations.lost,
            adapted=self.deviations.adapted,
            anomalies=said.anomalies if said else (),
            connection_reused=self._exchange.reused if self._exchange else None,
            resent=self._exchange is not None and self._exchange.resent,
            in_flight=self._hold.in_flight,
            held_by_caller=held,
            slo_met=None
            if self.story.decision.slo is None
            else kept_objective(
                self.story.decision, outcome, usage, first_output_s=first, duration_s=duration, held_by_caller=held
            ),
            address=self._hold.address,
            base_url=None if self._hold.address is None else deployment.addresses[self._hold.address],
            seen=self._seen,
            continues=0 if self._beginning is None else len(self._beginning.answer.text),
            wait_s=self._hold.wait_s,
            retry_after_s=self._retry_after_s,
        )
        self.story.record.add_attempt(attempt)
        readings.ended(attempt, self._hold, self.story.decision, now)
        self._rooms.bus.publish(AttemptFinished(attempt))
        return attempt

    def _usage(self, outcome: Outcome, said: WholeAnswer | StreamSummary | None, duration_s: float) -> Usage | None:
        reading, was_sent = self._rooms.readings.of(self.deployment.name), self._exchange is not None
        facts = self.story.request.facts
        return usage_of(said, facts, outcome, reading, duration_s=duration_s, status=self._status, was_sent=was_sent)

    def _redact(self, text: str | None, longest: int = _MAX_WORD) -> str | None:
        """What a provider said, without the credential; cut to its length only then, lest a part of one is left."""
        return text and self._rooms.transport.redact(self.deployment.name, text[: 2 * _MAX_MESSAGE])[:longest]

    def _redacted(self, failure: AttemptFailed) -> AttemptFailed:
        """The failure, with whatever of it reaches the caller redacted."""
        return failure.replaced(
            message=self._redact(failure.message, _MAX_MESSAGE),
            param=self._redact(failure.param),
            code=self._redact(failure.code),
        )
