"""The rest of a deployment that refuses request after request for what will last: it is asked last, for a while.

It begins with a few refusals in a row, without an output between them: one alone may concern its request only, or the
capacity of a moment. It begins at once where the provider says for how long, or there would be nothing to go by. At its end
one request sees whether it is over: another refusal doubles it, an output ends it. A rest never closes a deployment. Where
nobody else is there to be asked, asking it loses nothing, and its own words are what the caller should hear.
"""

from gateway.values.headroom import LONGEST_HOLD_S, holds
from gateway.values.outcome import LASTING, TOLD_OVERLOAD, Outcome

IN_A_ROW = 3
OVERLOAD_REST_S = 1.0  # the first: load passes soon
REFUSAL_REST_S = 10.0  # what is wrong with a key or an account does not
FIRST_REST_S = dict.fromkeys(TOLD_OVERLOAD, OVERLOAD_REST_S) | dict.fromkeys(LASTING, REFUSAL_REST_S)
_ALIVE_S = 1.0  # one that gave output so lately takes some, if not all


class Rest:
    """Of one deployment. Times are seconds since the epoch; tickets as the breaker's."""

    def __init__(self) -> None:
        self.until: float | None = None
        self._length_s = 0.0
        self._row = 0  # refusals without an output between them
        self._newest_at_rest = 0  # the rest began last
        self._probe: int | None = None
        self._output_at = 0.0

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

    def gave_output(self, ticket: int, now: float) -> None:
        """An attempt had output: it takes requests. One that was let in before the rest began shows nothing of now."""
        self._row, self._output_at = 0, now
        if self.until is not None and ticket > self._newest_at_rest:
            self.until = self._probe = None

    def refused(  # noqa: PLR0913 - what a refusal says
        self, ticket: int, newest: int, outcome: Outcome, wait_s: float | None, *, alone: bool, now: float
    ) -> None:
        """It refused an attempt for one of the reasons in `FIRST_REST_S`. Told before that it `ended`.

        `alone`: no other was under way when it began. `newest` is the newest attempt's ticket. After a rest its probe
        decides, and nobody who was let in before.
        """
        if ticket <= self._newest_at_rest or holds(self.until, now) or (self.probe_out and ticket != self._probe):
            return
        if outcome in TOLD_OVERLOAD and not alone and 0 <= now - self._output_at < _ALIVE_S:
            return  # it is full, and answers others
        self._row += 1
        if self.until is None and self._row < IN_A_ROW and not wait_s:
            return
        self._length_s = FIRST_REST_S[outcome] if self.until is None else min(2 * self._length_s, LONGEST_HOLD_S)
        self._newest_at_rest = newest
        self.until = now + min(max(self._length_s, wait_s or 0.0), LONGEST_HOLD_S)

    def set_back(self, by_s: float) -> None:
        """The clock was."""
        self._output_at -= by_s
        if self.until is not None:
            self.until -= by_s
