"""A stream for a caller: what one attempt gives, and if it breaks, what another goes on with where the rule wants that;
else the caller learns that there is no more (law 3).
"""

import time
from collections.abc import Callable

import msgspec

from gateway.flow.continuation import Continuation
from gateway.flow.relay import Relay
from gateway.flow.story import Clock
from gateway.values.outcome import AttemptFailed, Outcome


class StreamEnd(msgspec.Struct, frozen=True):
    """How a stream ended. `answered_by` gave its end, if that was proper; `output_started`: the caller was sent some of it."""

    outcome: Outcome
    answered_by: str | None
    output_started: bool


class Stream:
    """Its first output has come. Read it to its end, and `close` it exactly once, on every way out.

    `continuation` gives what goes on with a broken relay; None if nothing may. `ended` hears the end.
    """

    def __init__(
        self, clock: Clock, relay: Relay, continuation: Continuation | None, ended: Callable[[StreamEnd], None]
    ) -> None:
        self.media = relay.media  # of what it gives; None: events
        self._clock = clock
        self._relay = relay
        self._is_open = True  # the relay has yet to be settled
        self._continuation = continuation
        self._ended = ended
        self._output_started = False
        self.handed_over: float | None = None  # when the caller was last given something that it has yet to take
        self.waits_since = time.monotonic()  # for the deployment; of no meaning while something is handed over

    async def next(self) -> bytes:
        """The next bytes for the caller; empty at the proper end. Raises AttemptFailed where the stream broke."""
        if self.handed_over is not None:
            self.waits_since = self._clock.end_wait()
            self.handed_over = None
        try:
            data = await self._relay.next()
        except AttemptFailed as failed:
            data = await self._continued(failed)
        self._output_started = True
        self.handed_over = self._clock.begin_wait()
        return data

    async def _continued(self, failed: AttemptFailed) -> bytes:
        """A comment says that another one goes on; clients pass over it (HTML, Server-sent events, 9.2.6)."""
        if self._continuation is None:
            raise failed
        broken, beginning = self._relay.deployment, self._relay.beginning()
        self._settle(failed.outcome, failed.detail)
        relay = None if beginning is None else await self._continuation.next_relay(broken, beginning, failed)
        if relay is None:
            raise failed
        self._relay, self._is_open = relay, True
        return f": {broken} broke off ({failed.outcome.value}); {relay.deployment} goes on\n\n".encode()

    def _settle(self, outcome: Outcome, detail: str | None) -> None:
        self._is_open = False
        self._relay.settle(outcome, detail)

    def close(self, failure: AttemptFailed | None = None) -> None:
        """The end: proper if [DONE] was read, else `failure`, else the caller left."""
        if self.handed_over is not None:
            self._clock.end_wait()
        proper = Outcome.OK if self._relay.is_done else Outcome.CALLER_LEFT
        outcome = failure.outcome if failure is not None else proper
        try:
            if self._is_open:
                self._settle(outcome, failure.detail if failure is not None else None)
        finally:
            answered_by = self._relay.deployment if outcome is Outcome.OK else None
            self._ended(StreamEnd(outcome, answered_by, self._output_started))
