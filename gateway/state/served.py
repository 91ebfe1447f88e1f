"""What self-hosted deployments really served, and so what their tokens cost: hardware is paid by the hour.

Time is cut into slices that start when the gateway first saw the deployment, so each slice is seen whole.
"""

from collections.abc import Mapping

from gateway.state.hardware_account import HardwareAccount
from gateway.values.account import Account
from gateway.values.deployment import Hardware
from gateway.values.snapshot import OwnCost

SLICES = 60  # of one window


class Served:
    """One per process. Single-threaded. `now` is seconds since the epoch; a clock that jumps back stands still here."""

    def __init__(self) -> None:
        self._counts: dict[str, _Count] = {}

    def declare(self, hardware: Mapping[str, Hardware], now: float) -> None:
        """These deployments have such hardware from now on. One whose hardware is what it was keeps its history."""
        was = self._counts
        self._counts = {
            name: was[name] if name in was and was[name].hardware == one else _Count(one, now)
            for name, one in hardware.items()
        }

    def count(self, deployment: str, tokens: int, now: float) -> None:
        """An attempt ended that served these tokens, prompt and output together. Without hardware it is passed over."""
        count = self._counts.get(deployment)
        if count is not None:
            count.add(tokens, now)

    def began(self, deployment: str, ticket: int, now: float) -> None:
        """An attempt takes the deployment's hardware; `ended` follows. Without hardware it is passed over."""
        count = self._counts.get(deployment)
        if count is not None:
            count.account.began(ticket, now)

    def charge(self, deployment: str, usd: float, now: float) -> float:
        """What an attempt that should pay `usd` is charged: no more than is left of what the hardware cost."""
        return self._counts[deployment].account.charge(usd, now)

    def ended(self, deployment: str, ticket: int, now: float) -> None:
        """An attempt has ended, and has been charged."""
        count = self._counts.get(deployment)
        if count is not None:
            count.account.ended(ticket, now)

    def accounts(self, now: float) -> dict[str, Account]:
        """By deployment, what its hardware cost and who paid; only those with hardware."""
        return {name: count.account.account(now) for name, count in self._counts.items()}

    def own_cost(self, deployment: str, in_flight: int, now: float) -> OwnCost | None:
        """What is known of the cost at this time; None for a deployment without hardware.

        `average`: what the hardware costs from the start of the window, or from when the gateway first saw the
        deployment, until now, over the tokens served since then. The idle time in it is paid for by those tokens, and a
        deployment that is down still costs. None until one slice (a 60th of the window) is over, and while it holds no
        tokens.

        `marginal`: what the hardware costs in a second over the tokens it serves in one when full: those that were
        declared, or else the most that were ever seen in a slice; as it may never have been full, that is rather too
        high a cost than too low. None without either.

        `busy`: the requests in flight over those that fill it; or else the tokens a second in this slice and the one
        before over those that it serves when full. None if neither was declared.
        """
        count = self._counts.get(deployment)
        return None if count is None else count.own_cost(in_flight, now)


class _Count:
    """Tokens by slice in a ring that covers the window."""

    def __init__(self, hardware: Hardware, now: float) -> None:
        self.hardware = hardware
        self.account = HardwareAccount(hardware, now)
        self._first = now
        self._now = now
        self._length = hardware.window_s / SLICES
        self._slice = 0  # the number of the present one, from 0
        self._ring = [0] * SLICES
        self._tokens = 0  # of the whole ring
        self._most = 0  # in one whole slice, ever

    def add(self, tokens: int, now: float) -> None:
        self._move_to(now)
        self._ring[self._slice % SLICES] += tokens
        self._tokens += tokens

    def own_cost(self, in_flight: int, now: float) -> OwnCost:
        self._move_to(now)
        hardware = self.hardware
        marginal = hardware.marginal_usd_per_mtok
        if marginal is None and self._most:
            marginal = hardware.usd_per_s * self._length / self._most * 1e6
        return OwnCost(self._average(), marginal, self._busy(in_flight))

    def _average(self) -> float | None:
        if self._slice == 0 or self._tokens == 0:
            return None
        seen_s = self._now - self._start_of(max(self._slice - SLICES + 1, 0))
        return self.hardware.usd_per_s * seen_s / self._tokens * 1e6

    def _busy(self, in_flight: int) -> float | None:
        hardware = self.hardware
        if hardware.concurrent is not None:
            return min(in_flight / hardware.concurrent, 1.0)
        if hardware.tokens_per_s is None or self._slice == 0:
            return None
        lately = self._ring[self._slice % SLICES] + self._ring[(self._slice - 1) % SLICES]
        return min(lately / (self._now - self._start_of(self._slice - 1)) / hardware.tokens_per_s, 1.0)

    def _start_of(self, number: int) -> float:
        return self._first + number * self._length

    def _move_to(self, now: float) -> None:
        self._now = max(self._now, now)
        number = int((self._now - self._first) / self._length)
        for _ in range(min(number - self._slice, SLICES)):
            self._most = max(self._most, self._ring[self._slice % SLICES])
            self._slice += 1
            self._tokens -= self._ring[self._slice % SLICES]
            self._ring[self._slice % SLICES] = 0
        self._slice = max(self._slice, number)
