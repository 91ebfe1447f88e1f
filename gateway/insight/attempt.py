"""One simulated attempt: it tells the readings what `gateway.flow.attempt` would, at the same moments."""

from typing import TYPE_CHECKING

from gateway.insight.server import Job
from gateway.insight.traffic import Arrival
from gateway.learning.slo import kept
from gateway.learning.stopped import usage_until_stopped
from gateway.routing.address import next_address
from gateway.routing.chance import hashed
from gateway.values.deployment import Deployment
from gateway.values.headroom import Headroom
from gateway.values.outcome import Outcome
from gateway.values.records import Attempt
from gateway.values.usage import Usage

if TYPE_CHECKING:
    from gateway.insight.course import SimulatedRequest
    from gateway.insight.simulate import Simulation


def chance_at(seed: int, arrival: Arrival, deployment: str, number: int = 1) -> int:
    """The seed of what becomes of a request there, if that is its first attempt, its second, ..."""
    return arrival.seed ^ hashed(f"{seed}/{deployment}/{number}")


class SimulatedAttempt:
    """Begins when it is made. Ends once: by the server, by a time limit, or by `give_up`."""

    __slots__ = (
        "_address", "_begun", "_deployment", "_ends", "_first_limit", "_is_over", "_job", "_late", "_of", "_seen", "_server",
        "_simulation", "_started", "_wait_s", "first_output_s",
    )  # fmt: skip

    def __init__(self, simulation: "Simulation", of: "SimulatedRequest", deployment: Deployment) -> None:
        self._simulation, self._of, self._deployment = simulation, of, deployment
        self.first_output_s: float | None = None
        self._is_over = False
        readings, clock, name = simulation.readings, simulation.clock, deployment.name
        now = self._started = clock.now
        timeouts, bounds = deployment.timeouts, of.decision.bounds
        self._first_limit = Outcome.FIRST_OUTPUT_TIMEOUT
        first_s = timeouts.first_output_s
        if bounds.first_output_s is not None and bounds.first_output_s < first_s:
            first_s, self._first_limit = bounds.first_output_s, Outcome.LIMIT_PASSED
        self._ends = min(now + timeouts.total_s, of.deadline)
        self._late = Outcome.DEADLINE_EXCEEDED if self._ends == of.deadline else Outcome.TOTAL_TIMEOUT
        workers = readings.workers.of(name)
        self._address, self._seen = address, _ = next_address(of.decision, deployment, workers, of.tried, now)
        self._wait_s = 0.0
        if address is not None:
            self._wait_s = workers[address].wait_s(now) or 0.0
            readings.workers.began(name, address)
            of.tried.append((name, address))
        arrival = of.arrival
        facts = arrival.facts
        self._begun = readings.began(
            name,
            now,
            facts.prompt_tokens + (facts.max_output_tokens or 0),
            streamed=facts.prompt_tokens if facts.stream else None,
            wait_s=self._wait_s,
        )
        self._job = Job(
            arrival.prompt_tokens, of.output_tokens, chance_at(simulation.seed, arrival, name, of.begun), self
        )
        self._server = simulation.server(name, address or 0)
        if facts.stream and now + first_s < self._ends:
            clock.at(now + first_s, self._first_is_late)
        clock.at(self._ends, self._is_late)
        self._server.begin(self._job)

    @property
    def deployment(self) -> str:
        """Where it went."""
        return self._deployment.name

    def told(self, headroom: Headroom) -> None:
        """The answer's head said what the rate limits allow."""
        self._simulation.readings.told_headroom(self.deployment, self._begun, headroom, self._simulation.clock.now)

    def gave_output(self) -> None:
        """The first output came. Of a whole answer nobody sees it."""
        now = self._simulation.clock.now
        if not self._of.arrival.facts.stream:
            return
        self.first_output_s = now - self._started
        readings = self._simulation.readings
        readings.gave_output(self.deployment, self._begun, now)
        if self._address is not None:
            readings.workers.gave_output(self.deployment, self._address)
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

    def _first_is_late(self, _: object) -> None:
        if self.first_output_s is None:
            self._cut_off(self._first_limit)

    def _is_late(self, _: object) -> None:
        self._cut_off(self._late)

    def _cut_off(self, outcome: Outcome) -> None:
        if not self._is_over:
            self._server.leave(self._job)
            self._settle(outcome, None if self.first_output_s is None else 200, None)
            self._of.attempt_ended(self, outcome, None)

    def _settle(self, outcome: Outcome, status: int | None, retry_after_s: float | None) -> None:
        self._is_over = True
        simulation, of, deployment = self._simulation, self._of, self._deployment
        now, readings = simulation.clock.now, simulation.readings
        duration_s, usage = now - self._started, self._usage(outcome)
        slo = of.decision.slo
        attempt = Attempt(
            deployment=deployment.name,
            outcome=outcome,
            started_s=self._started - of.arrival.at,
            duration_s=duration_s,
            first_output_s=self.first_output_s,
            status=status,
            usage=usage,
            cost_usd=readings.settled_usd(deployment, usage, of.decision, now),
            connection_reused=None if outcome is Outcome.CONNECT_FAILED else True,
            in_flight=self._begun.in_flight,
            slo_met=None
            if slo is None
            else kept(
                slo,
                outcome,
                stream=of.arrival.facts.stream,
                first_output_s=self.first_output_s,
                duration_s=duration_s,
                output_tokens=None if usage is None else usage.completion_tokens / of.arrival.facts.choices,
                held_by_caller=False,
            ),
            address=self._address,
            seen=self._seen,
            retry_after_s=retry_after_s,
            wait_s=self._wait_s,
            lost=of.decision.lost_at(deployment.name),
        )
        if self._address is not None:
            readings.workers.ended(deployment.name, self._address, outcome, duration_s, now)
        of.attempts.append(attempt)
        readings.ended(attempt, self._begun, of.decision, now)
        simulation.heard(attempt, now)

    def _usage(self, outcome: Outcome) -> Usage | None:
        """What the provider says of a complete answer; of one that was cut off, what the gateway would estimate."""
        job, arrival = self._job, self._of.arrival
        if outcome is Outcome.OK:
            return Usage(prompt_tokens=job.prompt_tokens, completion_tokens=job.output_tokens)
        if self.first_output_s is not None:
            came = self._server.generated(job)
            return Usage(prompt_tokens=arrival.facts.prompt_tokens, completion_tokens=came, estimated=True)
        duration_s = self._simulation.clock.now - self._started
        return usage_until_stopped(outcome, arrival.facts, self._simulation.readings.of(self.deployment), duration_s)
