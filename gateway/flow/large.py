"""Work on large bodies: off the event loop, in small steps, one body at a time in the process; keys take turns.

The JSON library and the pattern library hold the interpreter's lock step by step. More threads would not be faster, and
the event loop would wait for each of them.
"""

from gateway.flow.fair_threads import FairThreads

LARGE_BYTES = 256 * 1024
_MOST_WAITING = 1024  # time bounds the queue before number does
_LONGEST_WAIT_S = 30.0  # a burst of some thirty bodies of a megabyte, on a machine that has much else to do


def large_work() -> FairThreads:
    """One per process, for all that is done with large bodies."""
    return FairThreads("large", threads=1, most_waiting=_MOST_WAITING, longest_wait_s=_LONGEST_WAIT_S)
