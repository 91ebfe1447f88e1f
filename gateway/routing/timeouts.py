"""How long an attempt waits, and what it means when the wait is over.

Timeouts are separate things: the first output, the pause between outputs, the whole attempt; whichever comes first names
the outcome. Pings and empty deltas are no output and reset nothing. Moments are seconds of any one clock, which is given.
"""

from gateway.values.decision import Bounds
from gateway.values.deployment import Timeouts
from gateway.values.outcome import Outcome

Timeout = tuple[float | None, Outcome]  # seconds, None for no limit of its own; and how it ends if they pass


class AttemptTimeouts:
    """Of one attempt. `started` and `deadline` are moments: the end of the attempt is `ends`, and means `late`."""

    def __init__(self, timeouts: Timeouts, bounds: Bounds, started: float, deadline: float) -> None:
        self.first = _sooner(timeouts.first_output_s, bounds.first_output_s, Outcome.FIRST_OUTPUT_TIMEOUT)
        self.idle = _sooner(timeouts.idle_s, bounds.idle_s, Outcome.IDLE_TIMEOUT)
        self.ends = min(started + timeouts.total_s, deadline)
        self.late = Outcome.DEADLINE_EXCEEDED if self.ends == deadline else Outcome.TOTAL_TIMEOUT

    def until(self, wait: Timeout, now: float) -> tuple[float, Outcome]:
        """When a wait that begins now is over, and what that means: the attempt's end may come before its own."""
        within_s, outcome = wait
        at = self.ends if within_s is None else now + within_s
        return (at, outcome) if at < self.ends else (self.ends, self.late)


def _sooner(own_s: float, of_rule_s: float | None, outcome: Outcome) -> tuple[float, Outcome]:
    """The limit that counts: the rule's impatience is no fault of the provider."""
    return (own_s, outcome) if of_rule_s is None or of_rule_s >= own_s else (of_rule_s, Outcome.LIMIT_PASSED)
