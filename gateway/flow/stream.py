"""A stream for a caller: what one attempt gives, and if it breaks, what another goes on with where the rule wants that;
else the caller learns that there is no more (law 3).
"""

import time
from collections.abc import Awaitable, Callable

from gateway.flow.relay import Relay
from gateway.flow.story import Story
from gateway.values.outcome import AttemptFailed, Outcome

GoOn = Callable[[Relay, AttemptFailed], Awaitable[Relay | None]]


class Stream:
    """Its first output has come. Read it to its end, and `close` it on every way out.

    `go_on` gives what continues a broken relay, which it settles first; None if nothing does.
    """

    def __init__(self, story: Story, relay: Relay, go_on: GoOn | None) -> None:
        self._story = story
        self._relay = relay
        self._go_on = go_on
        self._closed = False
        self._output_started = False
        self.handed_over: float | None = None  # when the caller was last given something that it has yet to take
        self.waits_since = time.monotonic()  # for the deployment; of no meaning while something is handed over

    async def next(self) -> bytes:
        """The next bytes for the caller; empty at the proper end. Raises AttemptFailed where the stream broke."""
        if self.handed_over is not None:
            self.waits_since = time.monotonic()
            self._story.waited_s += self.waits_since - self.handed_over
            self.handed_over = None
        try:
            data = await self._relay.next()
        except AttemptFailed as failed:
            data = await self._continued(failed)
        self._output_started = True
        self.handed_over = time.monotonic()
        return data

    async def _continued(self, failed: AttemptFailed) -> bytes:
        """A comment says that another one goes on; clients pass over it (HTML, Server-sent events, 9.2.6)."""
        relay = None if self._go_on is None else await self._go_on(self._relay, failed)
        if relay is None:
            raise failed
        before, self._relay = self._relay, relay
        return f": {before.deployment} broke off ({failed.outcome.value}); {relay.deployment} goes on\n\n".encode()

    def give_up(self, why: Outcome) -> None:
        """It is not used: end it, before anybody has seen anything of it."""
        self._relay.settle(why)

    def close(self, failure: AttemptFailed | None = None) -> None:
        """The end: proper if [DONE] was read, else `failure`, else the caller left. Only the first call counts."""
        if self._closed:
            return
        self._closed = True
        relay = self._relay
        proper = Outcome.OK if relay.is_done else Outcome.CALLER_LEFT
        outcome = failure.outcome if failure is not None else proper
        try:
            relay.settle(outcome, failure.detail if failure is not None else None)
        finally:
            self._story.finish(
                outcome,
                answered_by=relay.deployment if outcome is Outcome.OK else None,
                output_started=self._output_started,
            )
