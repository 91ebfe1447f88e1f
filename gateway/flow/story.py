"""One request on its way: a value, which each step gives anew, with a clock and a record that only grows."""

import asyncio
import time
from collections.abc import Sequence

import msgspec

from gateway.flow.preparation import Preparation
from gateway.routing.plan import CompiledRule, Plan
from gateway.values.decision import Decision
from gateway.values.outcome import CONSEQUENCES, AttemptFailed, Outcome
from gateway.values.records import Attempt, RequestFinished, first_output_s
from gateway.values.request import Request


class Clock:
    """What of a request's time went by while it waited. Moments are seconds of the monotonic clock.

    `waited_s`: for upstreams and for the caller; waits that overlap, as those of a hedge do, count once. `queued_s`: for
    room in the gateway, part of the gateway's own time.
    """

    def __init__(self, arrived: float) -> None:
        self.arrived = arrived
        self.queued_s = 0.0
        self.waited_s = 0.0
        self._waits = 0  # under way
        self._since = 0.0

    def begin_wait(self) -> float:
        """From now on it waits for others. One `end_wait` follows. Gives the moment."""
        now = time.monotonic()
        if not self._waits:
            self._since = now
        self._waits += 1
        return now

    def end_wait(self) -> float:
        """One that it waited for is here. Gives the moment."""
        now = time.monotonic()
        self._waits -= 1
        if not self._waits:
            self.waited_s += now - self._since
        return now

    async def pause(self, seconds: float) -> None:
        """Wait before an attempt, for an upstream's sake."""
        self.begin_wait()
        try:
            await asyncio.sleep(seconds)
        finally:
            self.end_wait()


class Record:
    """What was tried for a request. It only grows; what is added to a part's is added to the whole's.

    `attempts` have ended, in that order; `failures` are how those of them that failed did. `tried`: the attempts begun at
    deployments whose addresses are told apart, as (deployment, position of the address).
    """

    def __init__(self, whole: "Record | None" = None) -> None:
        self._attempts: list[Attempt] = []
        self._failures: list[AttemptFailed] = []
        self._tried: list[tuple[str, int]] = []
        self.attempts: Sequence[Attempt] = self._attempts
        self.failures: Sequence[AttemptFailed] = self._failures
        self.tried: Sequence[tuple[str, int]] = self._tried
        self._whole = whole

    def add_attempt(self, attempt: Attempt) -> None:
        """It has ended."""
        self._attempts.append(attempt)
        if self._whole is not None:
            self._whole.add_attempt(attempt)

    def add_failure(self, failure: AttemptFailed) -> None:
        """The newest attempt ended so."""
        self._failures.append(failure)
        if self._whole is not None:
            self._whole.add_failure(failure)

    def add_tried(self, deployment: str, address: int) -> None:
        """An attempt goes there."""
        self._tried.append((deployment, address))


class Story(msgspec.Struct, frozen=True):
    """One request as it stands: `routing`'s `Progress`. `has_room`: it takes room in the gateway, until its end."""

    surface: str
    plan: Plan
    request: Request
    decision: Decision
    clock: Clock
    record: Record
    preparation: Preparation
    has_room: bool = False

    @property
    def rule(self) -> CompiledRule:
        """The rule that decided."""
        return self.plan.by_name[self.decision.rule]

    @property
    def deadline(self) -> float:
        """Of the monotonic clock."""
        return self.clock.arrived + self.decision.bounds.deadline_s

    @property
    def attempts(self) -> Sequence[Attempt]:
        """Those that have ended, in that order."""
        return self.record.attempts

    @property
    def tried(self) -> Sequence[tuple[str, int]]:
        """Where attempts were begun, in that order."""
        return self.record.tried

    def part(self, request: Request, decision: Decision) -> "Story":
        """That of one part of it, with a record and a preparation of its own."""
        record, preparation = Record(self.record), self.preparation.of_another()
        return msgspec.structs.replace(self, request=request, decision=decision, record=record, preparation=preparation)

    def finished(self, outcome: Outcome, answered_by: str | None, *, output_started: bool) -> RequestFinished:
        """All of it, as it ends now."""
        clock, attempts = self.clock, self.record.attempts
        duration = time.monotonic() - clock.arrived
        return RequestFinished(
            id=self.request.id,
            surface=self.surface,
            decision=self.decision,
            outcome=outcome,
            fault=CONSEQUENCES[outcome].fault,
            attempts=tuple(attempts),
            answered_by=answered_by,
            duration_s=duration,
            queued_s=clock.queued_s,
            overhead_s=max(duration - clock.waited_s, 0.0),
            first_output_s=first_output_s(attempts),
            output_started=output_started,
        )
