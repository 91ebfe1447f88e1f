"""Passes the stream of one attempt on as it comes. Before the first real output nothing is shown, so another attempt can
take over (law 3).
"""

import msgspec

from gateway.dialects.contract import StreamDecoder
from gateway.flow.attempt import RunningAttempt
from gateway.transport import Exchange
from gateway.values.anomaly import Anomaly
from gateway.values.answer import Chunk, PartialAnswer, StreamSummary
from gateway.values.deviations import Deviations
from gateway.values.outcome import AttemptFailed, Outcome


class Relay:
    """Open it, read it to its end, and `settle` it exactly once on every way out."""

    def __init__(self, attempt: RunningAttempt, exchange: Exchange, decoder: StreamDecoder) -> None:
        self._attempt = attempt
        self._exchange = exchange
        self._decoder = decoder
        self._held = b""
        self._format = attempt.format_of_stream()
        self._failure: AttemptFailed | None = None
        self.is_done = False  # the proper end was read

    async def open(self) -> None:
        """Hold back role chunks, pings and empty deltas until there is output. Raises AttemptFailed."""
        held: list[bytes] = []
        output = False
        while not output:
            for chunk in self._events(await self._attempt.read(self._exchange)):
                if chunk.failure is not None:
                    raise chunk.failure
                held.append(chunk.forward)
                output = output or chunk.output or chunk.done
                self.is_done = chunk.done
        self._held = self._seen(b"".join(held))
        self._output_came()

    async def next(self) -> bytes:
        """The next bytes for the caller; empty at the proper end. Raises AttemptFailed where the stream broke."""
        if self._held:
            data, self._held = self._held, b""
            return data
        while not self.is_done:
            if self._failure is not None:
                raise self._failure
            arrived = await self._attempt.read(self._exchange)
            if forward := self._take(self._events(arrived)):
                return forward
        await self._attempt.drain(self._exchange)
        return b""

    def _events(self, data: bytes) -> list[Chunk]:
        """What has arrived means; no bytes are the end of the body."""
        return self._decoder.feed(data) if data else [self._decoder.end()]

    def _take(self, chunks: list[Chunk]) -> bytes:
        """What of these chunks is forwarded; a failure waits until all that came before it has been."""
        if len(chunks) == 1 and chunks[0].output and not chunks[0].done and chunks[0].failure is None:  # nearly always
            self._output_came()
            return self._seen(chunks[0].forward)
        output = False
        forward: list[bytes] = []
        for chunk in chunks:
            self._failure, self.is_done = chunk.failure, chunk.done
            forward.append(chunk.forward)
            output = output or chunk.output
            if chunk.failure is not None or chunk.done:  # nothing after it counts
                break
        if output:
            self._output_came()
        return self._seen(forward[0] if len(forward) == 1 else b"".join(forward))

    def _seen(self, data: bytes) -> bytes:
        """The same; by all of it a format that was asked for is judged."""
        if self._format is not None:
            self._format.add(data)
        return data

    def _output_came(self) -> None:
        if self._attempt.least_throughput is not None:
            self._attempt.least_throughput.came(self._decoder.tokens())
        self._attempt.output_came()

    @property
    def deployment(self) -> str:
        """The name of the one that gives it."""
        return self._attempt.deployment.name

    @property
    def media(self) -> str | None:
        """Of what it gives; None: events."""
        return self._attempt.media

    @property
    def deviations(self) -> Deviations:
        """What of the request its provider was not told as the caller said it."""
        return self._attempt.deviations

    def summary(self) -> StreamSummary:
        """What was used, as far as the stream has come."""
        said = self._decoder.summary()
        if self._format is None or not self.is_done or self._format.is_kept():
            return said
        return msgspec.structs.replace(said, anomalies=(*said.anomalies, Anomaly.FORMAT_UNMET))

    def beginning(self) -> PartialAnswer | None:
        """What another stream could go on with; None if none could."""
        return self._decoder.beginning()

    def settle(self, outcome: Outcome, detail: str | None = None) -> None:
        """The end of its attempt."""
        self._attempt.settle(outcome, said=self.summary(), detail=detail)

    def give_up(self, why: Outcome) -> None:
        """It is not used: end it, before anybody has seen anything of it."""
        self.settle(why)
