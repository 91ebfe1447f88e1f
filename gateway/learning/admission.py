"""What one deployment takes at present, from all that speaks against asking it: as the `Admissibility` that decisions read."""

from typing import NamedTuple

from gateway.learning.breaker import Breaker, Phase
from gateway.learning.headroom import SentSince
from gateway.learning.limit import ConcurrencyLimit
from gateway.learning.rest import FIRST_REST_S, Rest
from gateway.values.admissibility import OPEN, Admissibility, Health
from gateway.values.headroom import LONGEST_HOLD_S, Headroom, holds
from gateway.values.outcome import TOLD_OVERLOAD, Outcome

_Parts = tuple[
    float | None, bool, float | None, int | None, Headroom | None, bool, float | None, bool
]  # Admissibility's
_NOTHING: _Parts = (None, False, None, None, None, False, None, False)


class Hold(NamedTuple):
    """The place in flight that an attempt takes at a deployment, until it has ended. `ticket` is the attempt's number there;
    `in_flight` were there before it. `address`: that of several, or of one that is read, at which it is; `wait_s` is what it has to
    expect there before the work on it begins.
    """

    ticket: int
    in_flight: int
    sent_tokens: float  # to the deployment so far, its own included
    at: float  # seconds since the epoch
    streamed: bool = False  # its first output is told
    attempt_s: float = 0.0  # at the deployment until then, in all (`gateway.learning.company`)
    address: int | None = None
    wait_s: float = 0.0


class DeploymentAdmission:
    """Of one deployment. `now` is seconds since the epoch. `admissibility` and `health` are as of the last verb."""

    def __init__(self, most_in_flight: int | None = None) -> None:
        self._limit = ConcurrencyLimit(most_in_flight)
        self._breaker = Breaker()
        self._sent = SentSince()
        self._wait_until: float | None = None
        self._rest = Rest()
        self._newest = 0
        self.admissibility = OPEN
        self._parts = _NOTHING
        self._update()

    @property
    def health(self) -> Health:
        """What its attempts showed of it."""
        return _HEALTH[self._breaker.phase]

    def began(self, in_flight: int, tokens: float, now: float) -> Hold:
        """An attempt of so many tokens goes out, where so many are already."""
        self._newest = ticket = self._breaker.began(now)
        sent = self._sent.sent(ticket, tokens)
        if not self._is_well:
            self._rest.began(ticket, now)
            self._limit.relax(now)
            self._update()
        return Hold(ticket, in_flight, sent, now)

    def lives(self, hold: Hold, now: float) -> None:
        """An attempt had its first output."""
        self._breaker.lives(hold.ticket, now)
        self._rest.gave_output(hold.ticket, now)
        if not self._is_well:
            self._update()

    def told(self, hold: Hold, headroom: Headroom, now: float) -> None:
        """The head of an answer said what the rate limits still allow."""
        self._sent.told(hold.ticket, hold.sent_tokens, headroom, now)
        self._update()

    def ended(self, hold: Hold, outcome: Outcome, wait_s: float | None, now: float) -> None:
        """An attempt ended; `wait_s` is what the deployment asked for before the next."""
        self._breaker.ended(hold.ticket, outcome, now)
        if outcome is Outcome.OK:
            if not hold.streamed:
                self._rest.gave_output(hold.ticket, now)
            if self._is_well:
                return
        told_overload = outcome in TOLD_OVERLOAD
        if outcome in FIRST_REST_S and not (told_overload and wait_s):
            alone = not hold.in_flight
            self._rest.refused(hold.ticket, self._newest, outcome, wait_s, alone=alone, now=now)
        self._rest.ended(hold.ticket)
        if not holds(self._wait_until, now):
            self._wait_until = None
        if outcome is Outcome.OK:
            self._limit.answered(hold.in_flight + 1)
        elif told_overload:
            if wait_s is None or outcome is not Outcome.RATE_LIMITED:  # a rate has little to do with how many at once
                self._limit.overloaded(hold.ticket, self._newest, hold.in_flight + 1, now)
            if wait_s is not None:
                self._wait_until = max(self._wait_until or 0.0, now + min(wait_s, LONGEST_HOLD_S))
        self._update()

    def ended_there(self, hold: Hold) -> None:
        """An attempt ended in a way that says nothing of the deployment as a whole."""
        self._breaker.left(hold.ticket)
        self._rest.ended(hold.ticket)
        if not self._is_well:
            self._update()

    def forget(self) -> None:
        """It was started anew: what its attempts showed is over."""
        self._breaker.restart()
        self._rest = Rest()
        self._wait_until = None
        self._update()

    def set_back(self, by_s: float) -> None:
        """The clock was, by so many seconds: what the deployment asked for lasts as long as it did."""
        if self._wait_until is not None:
            self._wait_until -= by_s
        self._rest.set_back(by_s)
        self._breaker.set_back(by_s)
        self._sent.set_back(by_s)
        self._update()

    @property
    def _is_well(self) -> bool:
        """Nothing speaks against asking it, so neither a beginning nor an answer changes its admissibility: the usual case."""
        return self.admissibility is OPEN and self._breaker.phase is Phase.ADMITTING

    def _update(self) -> None:
        breaker = self._breaker
        shut_until = breaker.shut_until if breaker.phase is Phase.SHUT else None
        rest = self._rest
        parts = (
            shut_until, breaker.probes_out, self._wait_until, self._limit.limit, self._sent.headroom,
            breaker.sees_through, rest.until, rest.probe_out,
        )  # fmt: skip
        if parts != self._parts:
            self._parts = parts
            self.admissibility = OPEN if parts == _NOTHING else Admissibility(*parts)


_HEALTH = {Phase.ADMITTING: Health.ADMITTING, Phase.PROBING: Health.PROBING, Phase.SHUT: Health.SHUT}


def seen(was: Health, by_attempts: Health, *, answered: bool) -> Health:
    """One that is down, or of which nothing is known, is taken for able once it has answered."""
    if not answered and (was is Health.DOWN or (was is Health.UNKNOWN and by_attempts is Health.ADMITTING)):
        return was
    return by_attempts
