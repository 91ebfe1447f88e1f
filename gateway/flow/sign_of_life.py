"""The wait for the head of a response: by the timeouts, and no longer without a byte than what answers lately took allows."""

import time
from collections.abc import Callable

from gateway.routing import silence
from gateway.transport import Exchange, Head
from gateway.values.outcome import AttemptFailed, Outcome


async def head_of(exchange: Exchange, at: float, late: Outcome, longest_s: Callable[[], float | None]) -> Head:
    """The head. From `at` (of the monotonic clock) on it is late, and so is what follows it. Raises AttemptFailed.

    `longest_s` gives how long it may be silent, None for no bound. It is asked only once it matters, so by the newest that
    is known: a server that has become slow for everybody has shown it by then.
    """
    sent = time.monotonic()
    look_at = sent + (silence.KEPT_S if exchange.reused else silence.NEW_S)
    while look_at < at:
        exchange.expect(look_at, Outcome.NO_SIGN_OF_LIFE)
        try:
            head = await exchange.head()
        except AttemptFailed as failed:
            if failed.outcome is not Outcome.NO_SIGN_OF_LIFE:
                raise
        else:
            exchange.expect(at, late)
            return head
        longest = None if exchange.is_heard else longest_s()
        if longest is None:
            break
        if sent + longest <= time.monotonic():
            exchange.distrust()
            waited = time.monotonic() - sent
            raise AttemptFailed(
                Outcome.NO_SIGN_OF_LIFE, f"no byte in {waited:.1f} s, at most {longest:.1f} s was likely"
            )
        look_at = sent + longest
    exchange.expect(at, late)
    return await exchange.head()
