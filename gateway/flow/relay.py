"""Passes a stream on as it comes. Before the first real output nothing is shown, so another attempt can take over;
after it the caller gets the real continuation or learns that there is none (law 3).
"""

import time

from gateway.flow.attempt import RunningAttempt
from gateway.providers.contract import StreamDecoder
from gateway.transport import Exchange
from gateway.values.answer import Chunk, StreamSummary
from gateway.values.outcome import AttemptFailed, Outcome


class Relay:
    """A stream whose first output has come. Read it to its end, and `close` it on every way out."""

    def __init__(self, attempt: RunningAttempt, exchange: Exchange, decoder: StreamDecoder) -> None:
        self._attempt = attempt
        self._exchange = exchange
        self._decoder = decoder
        self._held = b""
        self._failure: AttemptFailed | None = None
        self._done = False
        self._closed = False
        self._output_started = False
        self.handed_over: float | None = None  # when the caller was last given something that it has yet to take

    async def open(self) -> None:
        """Hold back role chunks, pings and empty deltas until there is output. Raises AttemptFailed."""
        held: list[bytes] = []
        output = False
        while not output:
            for chunk in await self._arrived():
                if chunk.failure is not None:
                    raise chunk.failure
                held.append(chunk.forward)
                output = output or chunk.output or chunk.done
                self._done = chunk.done
        self._held = b"".join(held)
        self._attempt.output_came()

    async def next(self) -> bytes:
        """The next bytes for the caller; empty at the proper end. Raises AttemptFailed where the stream broke."""
        if self.handed_over is not None:
            self._attempt.story.waited_s += time.monotonic() - self.handed_over
            self.handed_over = None
        data = self._held or await self._more()
        self._held = b""
        self._output_started = True
        self.handed_over = time.monotonic()
        return data

    async def _more(self) -> bytes:
        while not self._done:
            if self._failure is not None:
                raise self._failure
            forward = self._take(await self._arrived())
            if forward:
                return forward
        await self._attempt.drain(self._exchange)
        return b""

    async def _arrived(self) -> list[Chunk]:
        data = await self._attempt.read(self._exchange)
        return self._decoder.feed(data) if data else [self._decoder.end()]

    def _take(self, chunks: list[Chunk]) -> bytes:
        """What of these chunks is forwarded; a failure waits until all that came before it has been."""
        output = False
        forward: list[bytes] = []
        for chunk in chunks:
            self._failure, self._done = chunk.failure, chunk.done
            forward.append(chunk.forward)
            output = output or chunk.output
        if output:
            self._attempt.output_came()
        return forward[0] if len(forward) == 1 else b"".join(forward)

    def give_up(self) -> None:
        """Another stream is used for the request: end this one, which nobody has seen anything of."""
        if not self._closed:
            self._closed = True
            self._attempt.settle(Outcome.HEDGE_LOST, said=self.summary())

    def summary(self) -> StreamSummary:
        """What was used, as far as the stream has come."""
        return self._decoder.summary()

    def close(self, failure: AttemptFailed | None = None) -> None:
        """The end: proper if [DONE] was read, else `failure`, else the caller left. Only the first call counts."""
        if self._closed:
            return
        self._closed = True
        proper = Outcome.OK if self._done else Outcome.CALLER_LEFT
        outcome = failure.outcome if failure is not None else proper
        detail = failure.detail if failure is not None else None
        self._attempt.settle(outcome, said=self.summary(), detail=detail)
        name = self._attempt.deployment.name
        self._attempt.story.finish(
            outcome, answered_by=name if outcome is Outcome.OK else None, output_started=self._output_started
        )
