"""What one self-hosted deployment's hardware cost so far, and who paid: its answers, or nobody while it was idle.

The account holds at any time: hardware = charged + idle + unsettled. So charges never add up to more than the machine.
"""

from gateway.values.account import Account
from gateway.values.deployment import Hardware

GRACE_S = 30.0  # what the hardware cost so lately may still be charged, beside what running attempts took
_MOST = 0.9  # of what is unsettled, for one answer: answers that end together all pay something


class HardwareAccount:
    """Of one deployment. Single-threaded. `now` is seconds since the epoch; a clock that jumps back stands still here."""

    def __init__(self, hardware: Hardware, now: float) -> None:
        self._usd_per_s = hardware.usd_per_s
        self._now = now
        self._hardware = self._charged = self._idle = self._unsettled = 0.0
        self._running: dict[int, float] = {}  # when each began, the oldest first

    def began(self, ticket: int, now: float) -> None:
        """An attempt takes the hardware from now on; `ended` follows."""
        self._move_to(now)
        self._running[ticket] = self._now

    def charge(self, usd: float, now: float) -> float:
        """An attempt is about to end and should pay `usd`; what it pays: less where others paid for that time already."""
        self._move_to(now)
        paid = min(usd, self._unsettled * _MOST)
        self._unsettled -= paid
        self._charged += paid
        return paid

    def ended(self, ticket: int, now: float) -> None:
        """An attempt has ended, and has paid."""
        self._move_to(now)
        self._running.pop(ticket, None)

    def account(self, now: float) -> Account:
        """How it stands."""
        self._move_to(now)
        return Account(self._hardware, self._charged, self._idle, self._unsettled)

    def _move_to(self, now: float) -> None:
        """What accrued before the grace, and before the oldest attempt that still runs, nobody will pay for: it was idle."""
        if now > self._now:
            accrued = (now - self._now) * self._usd_per_s
            self._now = now
            self._hardware += accrued
            self._unsettled += accrued
        oldest = next(iter(self._running.values()), self._now)
        payable = (self._now - oldest + GRACE_S) * self._usd_per_s
        if self._unsettled > payable:
            self._idle += self._unsettled - payable
            self._unsettled = payable
