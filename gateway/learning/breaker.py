"""The breaker of one deployment: what fails too often is left alone, then tried by few, then used again.

Only a provider's faults count (law 9), and being told that it is overloaded is none. A deployment is shut if half of
what ended lately failed, or if everything did for a while; where little ends, a handful in a row is enough. In each case
they have to be half of what began in that time too: failures are quick, and good answers may take minutes. Attempts that
began before it was shut prove nothing about it afterwards, for better or for worse. Nor does a probe that lost to a hedge:
the next one is seen through, or what is only slower than others would never be admitted again.
"""

from collections import deque

from gateway.values.headroom import holds
from gateway.values.outcome import CONSEQUENCES, TOLD_OVERLOAD, Fault, Outcome
from gateway.values.word import Word

WINDOW_S, SLICE_S = 10.0, 1.0
MIN_VOLUME = 20  # attempts that ended within the window, for their share to count
FAILURE_SHARE = 0.5
FEW_IN_A_ROW = 5  # while fewer than MIN_VOLUME ended
MANY_IN_A_ROW = 20  # without a sign of life from an attempt that began after the first of them was seen
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0  # doubles each time it is shut again
FORGET_S = 60.0  # of admitting, after which one doubling is forgotten
PROOFS = 3  # signs of life until it admits; each allows one more probe at a time

FAILED = frozenset(
    outcome for outcome, row in CONSEQUENCES.items() if row.fault is Fault.PROVIDER and outcome not in TOLD_OVERLOAD
)
AGAINST = FAILED | TOLD_OVERLOAD  # what speaks against the one that was asked
_ANSWERED = frozenset({
    Outcome.OK, Outcome.BAD_REQUEST, Outcome.FIELD_REFUSED, Outcome.CONTEXT_TOO_LONG, Outcome.CONTENT_POLICY,
})  # fmt: skip


class Phase(Word):
    """What it does with requests."""

    ADMITTING = "admitting"
    SHUT = "shut"
    PROBING = "probing"


class Breaker:
    """`now` is seconds since the epoch. Attempts are known by their tickets: 1 for the first begun, ..."""

    def __init__(self) -> None:
        self.phase = Phase.ADMITTING
        self.shut_until = 0.0
        self._newest = 0
        self._newest_when_shut = 0
        self._probes: set[int] = set()  # under way, without a sign of life
        self._proofs = 0
        self._probe_lost = False  # the last one, to a hedge
        self._doublings = 0
        self._admitting_since = 0.0
        self._slices: deque[list[float]] = deque()  # when it ends; what began, ended and failed in it
        self._lately = [0, 0, 0]  # the sums of those
        self._ends = _Row()  # failures without a success among what ended
        self._lifeless = _Row()  # failures without a sign of life of an attempt that began after the first was seen

    @property
    def probes_out(self) -> bool:
        """Whether as many probes are under way as may be."""
        return self.phase is Phase.PROBING and len(self._probes) > self._proofs

    @property
    def sees_through(self) -> bool:
        """Whether the next probe has to be waited for."""
        return self._probe_lost and self.phase is Phase.PROBING

    def began(self, now: float) -> int:
        """An attempt begins: its ticket. After a pause it is a probe."""
        self._newest += 1
        if self.phase is Phase.SHUT and not holds(self.shut_until, now):
            self.phase, self._proofs = Phase.PROBING, 0
        if self.phase is Phase.ADMITTING:
            self._count(now, _BEGAN)
        elif self.phase is Phase.PROBING and not self.probes_out:
            self._probes.add(self._newest)
            self._probe_lost = False
        return self._newest

    def lives(self, ticket: int, now: float) -> None:
        """An attempt had its first output: however long the rest takes, there is life."""
        if ticket <= self._newest_when_shut:
            return
        if ticket > self._lifeless.newest:
            self._lifeless.length = 0
        if ticket in self._probes:
            self._probes.discard(ticket)
            self._proofs += 1
            if self._proofs >= PROOFS:
                self._admit(now)

    def ended(self, ticket: int, outcome: Outcome, now: float) -> None:
        """An attempt ended."""
        if ticket <= self._newest_when_shut:
            return
        if outcome in _ANSWERED:
            self.lives(ticket, now)
        elif ticket in self._probes:
            self._probes.discard(ticket)
            self._probe_lost = outcome is Outcome.HEDGE_LOST
        failed = outcome in FAILED
        if self.phase is Phase.PROBING:
            if failed:
                self._shut(now)
        elif self.phase is Phase.ADMITTING and (failed or outcome is Outcome.OK):
            self._count(now, _ENDED)
            if not failed:
                self._ends.length = 0
                return
            self._count(now, _FAILED)
            self._ends.add(self._newest)
            self._lifeless.add(self._newest)
            if self._is_too_much():
                self._shut(now)

    def left(self, ticket: int) -> None:
        """An attempt ended, and that says nothing."""
        self._probes.discard(ticket)

    def restart(self) -> None:
        """What was there before has gone, and so have its faults."""
        self._newest_when_shut, self._doublings = self._newest, 0
        self._admit(0.0)

    def set_back(self, by_s: float) -> None:
        """The clock was."""
        self.shut_until -= by_s
        self._admitting_since -= by_s

    def _count(self, now: float, what: int) -> None:
        slices = self._slices
        if slices and now < slices[-1][0] - SLICE_S:  # the clock was set back
            slices.clear()
            self._lately = [0, 0, 0]
        if not slices or now >= slices[-1][0]:
            slices.append([now + SLICE_S, 0, 0, 0])
            while slices[0][0] <= now - WINDOW_S:
                _, *gone = slices.popleft()
                self._lately = [sum_ - int(one) for sum_, one in zip(self._lately, gone, strict=True)]
        slices[-1][what + 1] += 1
        self._lately[what] += 1

    def _is_too_much(self) -> bool:
        began, ended, failed = self._lately
        if self._lifeless.is_too_long(MANY_IN_A_ROW, self._newest):
            return True
        if ended < MIN_VOLUME:
            return self._ends.is_too_long(FEW_IN_A_ROW, self._newest)
        return failed >= FAILURE_SHARE * max(began, ended)

    def _shut(self, now: float) -> None:
        if self.phase is Phase.ADMITTING:
            calm = max(now - self._admitting_since, 0.0) // FORGET_S
            self._doublings = max(self._doublings - int(calm), 0)
        pause_s = min(FIRST_PAUSE_S * 2.0**self._doublings, LONGEST_PAUSE_S)
        if pause_s < LONGEST_PAUSE_S:
            self._doublings += 1
        self.phase, self.shut_until = Phase.SHUT, now + pause_s
        self._newest_when_shut = self._newest
        self._probes.clear()
        self._forget()

    def _admit(self, now: float) -> None:
        self.phase, self._admitting_since = Phase.ADMITTING, now
        self._probes.clear()
        self._forget()

    def _forget(self) -> None:
        self._slices.clear()
        self._lately = [0, 0, 0]
        self._ends.length = self._lifeless.length = 0


_BEGAN, _ENDED, _FAILED = range(3)


class _Row:
    """Failures in a row. `newest`: the ticket that was the newest when the first of them was seen."""

    def __init__(self) -> None:
        self.length = self.newest = 0

    def add(self, newest: int) -> None:
        if not self.length:
            self.newest = newest
        self.length += 1

    def is_too_long(self, bound: int, newest: int) -> bool:
        return self.length >= bound and self.length >= FAILURE_SHARE * (newest - self.newest)
