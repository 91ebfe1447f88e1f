"""Work on large bodies: off the event loop, in small steps, one body at a time in the process; keys take turns.

The JSON library and the pattern library hold the interpreter's lock step by step. More threads would not be faster, and
the event loop would wait for each of them.
"""

from collections.abc import Callable
from typing import TypeVar

from gateway.flow.fair_threads import FairThreads, TimeSlice, TooBusy
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.pause import Pause, no_pause

LARGE_BYTES = 256 * 1024
_MOST_WAITING = 1024  # time bounds the queue before number does
_LONGEST_WAIT_S = 30.0  # a burst of some thirty bodies of a megabyte, on a machine that has much else to do
T = TypeVar("T")


def large_work() -> FairThreads:
    """One per process, for all that is done with large bodies."""
    return FairThreads("large", threads=1, most_waiting=_MOST_WAITING, longest_wait_s=_LONGEST_WAIT_S)


async def in_steps(large: FairThreads, key: str | None, size: int, left_s: float, work: Callable[[Pause], T]) -> T:
    """What `work` on an answer of this many bytes returns: at once where it is small, else on the thread for large bodies.
    `left_s`: until the request's deadline.

    Raises AttemptFailed: gateway_busy where it would wait too long for its turn, deadline_exceeded.
    """
    if size <= LARGE_BYTES:
        return work(no_pause)

    def on_its_thread(stint: TimeSlice) -> T:
        def pause() -> None:
            if stint.is_over():
                raise AttemptFailed(Outcome.DEADLINE_EXCEEDED, "while a large answer was read")

        return work(pause)

    try:
        return await large.run(key, on_its_thread, left_s, left_s, size=size)
    except TooBusy as busy:
        raise AttemptFailed(
            Outcome.GATEWAY_BUSY, "too many large bodies wait for their turn", retry_after_s=busy.retry_after_s
        ) from None
