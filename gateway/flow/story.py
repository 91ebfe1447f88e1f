"""What happens to one request, gathered while it happens and told to the bus once, at its end."""

import asyncio
import time
from collections.abc import Callable

from gateway.flow.preparation import Preparation
from gateway.flow.rooms import Rooms
from gateway.values.decision import Decision
from gateway.values.outcome import CONSEQUENCES, AttemptFailed, Outcome
from gateway.values.records import Attempt, DecisionMade, RequestFinished, first_output_s
from gateway.values.request import Request


class Story:
    """One request. `arrived` and `deadline` are seconds of the monotonic clock.

    `queued_s` is what it waited for room in the gateway, part of the gateway's own time.
    `tried`: the attempts begun at deployments whose addresses are told apart, as (deployment, position of the address).
    `waited_s` gathers the time spent waiting for upstreams and for the client; the rest of the duration is ours.
    """

    def __init__(self, rooms: Rooms, surface: str, request: Request, decision: Decision, arrived: float) -> None:
        self.arrived = arrived
        self._bus = rooms.bus
        self.decide_anew(request, decision)
        self.preparation = Preparation(rooms.large, self.deadline)
        self.attempts: list[Attempt] = []
        self.failures: list[AttemptFailed] = []  # of attempts that ended, as they did
        self.tried: list[tuple[str, int]] = []
        self.waited_s = 0.0
        self.queued_s = 0.0
        self.leave: Callable[[], None] | None = None  # gives back the room that the request takes
        self._surface = surface
        self._told = False

    def decide_anew(self, request: Request, decision: Decision) -> None:
        """More is known, or the world has moved on. Only before the first attempt."""
        self.request = request
        self.decision = decision
        self.deadline = self.arrived + decision.bounds.deadline_s
        self._bus.publish(DecisionMade(decision))

    async def pause(self, seconds: float) -> None:
        """Wait before an attempt; it is time spent for an upstream's sake."""
        await asyncio.sleep(seconds)
        self.waited_s += seconds

    def finish(self, outcome: Outcome, *, answered_by: str | None = None, output_started: bool = False) -> None:
        """The end, however it came. Only the first call counts."""
        if self._told:
            return
        self._told = True
        if self.leave is not None:
            self.leave()
        duration = time.monotonic() - self.arrived
        self._bus.publish(
            RequestFinished(
                id=self.request.id,
                surface=self._surface,
                decision=self.decision,
                outcome=outcome,
                fault=CONSEQUENCES[outcome].fault,
                attempts=tuple(self.attempts),
                answered_by=answered_by,
                duration_s=duration,
                queued_s=self.queued_s,
                overhead_s=max(duration - self.waited_s, 0.0),
                first_output_s=first_output_s(self.attempts),
                output_started=output_started,
            )
        )
