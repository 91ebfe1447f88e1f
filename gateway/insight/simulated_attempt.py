"""One simulated attempt: it tells the readings what `gateway.flow.attempt` would, at the same moments."""

from typing import TYPE_CHECKING

from gateway.insight.server import Job
from gateway.insight.traffic import Arrival
from gateway.learning.settlement import kept_objective, usage_of
from gateway.routing.address import next_address
from gateway.routing.chance import hashed
from gateway.routing.timeouts import AttemptTimeouts
from gateway.values.answer import StreamSummary
from gateway.values.deployment import Deployment
from gateway.values.headroom import Headroom
from gateway.values.outcome import Outcome
from gateway.values.records import Attempt
from gateway.values.usage import Usage

if TYPE_CHECKING:
    from gateway.insight.simulate import Simulation
    from gateway.insight.simulated_request import SimulatedRequest


def chance_at(seed: int, arrival: Arrival, deployment: str, number: int = 1) -> int:
    """The seed of what becomes of a request there, if that is its first attempt, its second, ..."""
    return arrival.seed ^ hashed(f"{seed}/{deployment}/{number}")


class SimulatedAttempt:
    """Begins when it is made. Ends once: by the server, by a time limit, or by `give_up`."""

    __slots__ = (
        "_deployment", "_hold", "_is_over", "_job", "_of", "_seen", "_server", "_simulation", "_started", "first_output_s",
    )  # fmt: skip

    def __init__(self, simulation: "Simulation", of: "SimulatedRequest", deployment: Deployment) -> None:
        self._simulation, self._of, self._deployment = simulation, of, deployment
        self.first_output_s: float | None = None
        self._is_over = False
        readings, clock, name = simulation.readings, simulation.clock, deployment.name
        now = self._started = clock.now
        timeouts = AttemptTimeouts(deployment.timeouts, of.decision.bounds, now, of.deadline)
        address, self._seen = next_address(of.decision, deployment, readings.workers.of(name), of.tried, now)
        if address is not None:
            of.tried.append((name, address))
        arrival = of.arrival
        facts = arrival.facts
        self._hold = readings.began(
            name,
            now,
            facts.prompt_tokens + (facts.max_output_tokens or 0),
            streamed=facts.prompt_tokens if facts.stream else None,
            address=address,
        )
        self._job = Job(
            arrival.prompt_tokens, of.output_tokens, chance_at(simulation.seed, arrival, name, of.attempts_begun), self
        )
        self._server = simulation.server(name, address or 0)
        if facts.stream:
            at, outcome = timeouts.until(timeouts.first, now)
            clock.at(at, self._first_is_late, outcome)
        clock.at(timeouts.ends, self._cut_off, timeouts.late)
        self._server.begin(self._job)

    @property
    def deployment(self) -> str:
        """Where it went."""
        return self._deployment.name

    def told(self, headroom: Headroom) -> None:
        """The answer's head said what the rate limits allow."""
        self._simulation.readings.told_headroom(self.deployment, self._hold, headroom, self._simulation.clock.now)

    def gave_output(self) -> None:
        """The first output came. Of a whole answer nobody sees it."""
        now = self._simulation.clock.now
        if not self._of.arrival.facts.stream:
            return
        self.first_output_s = now - self._started
        self._simulation.readings.gave_output(self.deployment, self._hold, now)
        self._of.answers(self)

    def ended(self, outcome: Outcome, status: int | None, retry_after_s: float | None) -> None:
        """The server is done with it."""
        if not self._is_over:
            self._settle(outcome, status, retry_after_s)
            self._of.attempt_ended(self, outcome, retry_after_s)

    def give_up(self) -> None:
        """Another attempt won."""
        if not self._is_over:
            self._server.leave(self._job)
            self._settle(Outcome.HEDGE_LOST, None, None)

    def _first_is_late(self, outcome: Outcome) -> None:
        if self.first_output_s is None:
            self._cut_off(outcome)

    def _cut_off(self, outcome: Outcome) -> None:
        if not self._is_over:
            self._server.leave(self._job)
            self._settle(outcome, None if self.first_output_s is None else 200, None)
            self._of.attempt_ended(self, outcome, None)

    def _settle(self, outcome: Outcome, status: int | None, retry_after_s: float | None) -> None:
        self._is_over = True
        simulation, of, deployment = self._simulation, self._of, self._deployment
        now, readings = simulation.clock.now, simulation.readings
        duration_s, first = now - self._started, self.first_output_s
        usage = usage_of(
            self._said(outcome), of.arrival.facts, outcome, readings.of(deployment.name),
            duration_s=duration_s, status=status, was_sent=True,
        )  # fmt: skip
        attempt = Attempt(
            deployment=deployment.name,
            outcome=outcome,
            started_s=self._started - of.arrival.at,
            duration_s=duration_s,
            first_output_s=first,
            status=status,
            usage=usage,
            cost_usd=readings.settled_usd(deployment, usage, of.decision, now),
            connection_reused=None if outcome is Outcome.CONNECT_FAILED else True,
            in_flight=self._hold.in_flight,
            slo_met=kept_objective(
                of.decision, outcome, usage, first_output_s=first, duration_s=duration_s, held_by_caller=False
            ),
            address=self._hold.address,
            seen=self._seen,
            retry_after_s=retry_after_s,
            wait_s=self._hold.wait_s,
            lost=of.decision.lost_at(deployment.name),
        )
        of.attempts.append(attempt)
        readings.ended(attempt, self._hold, of.decision, now)
        simulation.heard(attempt, now)

    def _said(self, outcome: Outcome) -> StreamSummary | None:
        """What the provider had said of its answer by then: its usage at the end, of a stream that was cut off its events."""
        job = self._job
        if outcome is Outcome.OK:
            usage = Usage(prompt_tokens=job.prompt_tokens, completion_tokens=job.output_tokens)
            return StreamSummary(usage, None, None, job.output_tokens)
        if self.first_output_s is not None:
            return StreamSummary(None, None, None, self._server.generated(job))
        return None
