"""The rest of a deployment whose refusals will last, where it does not say for how long: it grows, and is probed.

Each refusal by what was asked after the rest before doubles it. At its end one request sees whether it is over; an answer
ends it. What a credential, a quota or a model's name causes is nobody's overload and passes later, if ever.
"""

from gateway.values.headroom import LONGEST_HOLD_S, holds
from gateway.values.outcome import Outcome

OVERLOAD_REST_S, REFUSAL_REST_S = 1.0, 10.0  # the first
LASTING = dict.fromkeys(
    (Outcome.CREDENTIAL_REFUSED, Outcome.QUOTA_EXHAUSTED, Outcome.DEPLOYMENT_GONE, Outcome.REDIRECTED), REFUSAL_REST_S
)
_ALIVE_S = 1.0  # one that answered so lately takes some, if not all


class Rest:
    """Of one deployment. Times are seconds since the epoch; tickets as the breaker's."""

    def __init__(self) -> None:
        self.until: float | None = None
        self._length_s = 0.0
        self._begun_before = 0  # the rest began last
        self._probe: int | None = None
        self._answered_at = 0.0

    @property
    def probe_out(self) -> bool:
        """Whether the request that sees if the rest is over is under way."""
        return self._probe is not None

    def began(self, ticket: int, now: float) -> None:
        """An attempt begins: after a rest it is a probe."""
        if self.until is not None and self._probe is None and not holds(self.until, now):
            self._probe = ticket

    def ended(self, ticket: int) -> None:
        """An attempt ended, however it did."""
        if ticket == self._probe:
            self._probe = None

    def answered(self, now: float) -> None:
        """Output came: it takes requests."""
        self._answered_at = now
        if self.until is not None:
            self.until, self._probe = None, None

    def is_due(self, *, alone: bool, now: float) -> bool:
        """Whether being told of an overload means more than that too many were asked at once."""
        return alone or not 0 <= now - self._answered_at < _ALIVE_S

    def refused(self, ticket: int, newest: int, first_s: float, wait_s: float | None, now: float) -> None:
        """It refused an attempt for what will last. Those that were under way when the rest began say nothing new."""
        if ticket <= self._begun_before:
            return
        self._length_s = min(2 * self._length_s if self.until is not None else first_s, LONGEST_HOLD_S)
        self._begun_before = newest
        self.until = now + min(max(self._length_s, wait_s or 0.0), LONGEST_HOLD_S)

    def set_back(self, by_s: float) -> None:
        """The clock was."""
        self._answered_at -= by_s
        if self.until is not None:
            self.until -= by_s
