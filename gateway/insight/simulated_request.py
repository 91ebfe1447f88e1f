"""One simulated request, as `gateway.flow.answer` and `gateway.flow.hedge` tell it, in virtual time."""

from typing import TYPE_CHECKING

from gateway.insight.chooser import Chosen
from gateway.insight.simulated_attempt import SimulatedAttempt
from gateway.insight.traffic import Arrival
from gateway.routing.chance import hashed, shares
from gateway.routing.eligibility import Eligibility
from gateway.routing.fallback_plan import FallbackPlan, moves_on
from gateway.values.outcome import CONSEQUENCES, Outcome
from gateway.values.records import Attempt, RequestFinished, first_output_s

if TYPE_CHECKING:
    from gateway.insight.simulate import Simulation

_PAUSE = hashed("pause")


class SimulatedRequest:
    """One request from its decision to its end, which comes exactly once. To its fallback plan it is `Progress`."""

    __slots__ = (
        "_answer",
        "_failures",
        "_fallback",
        "_fallback_plan",
        "_hedge",
        "_outcome",
        "_pauses",
        "_running",
        "_simulation",
        "arrival",
        "attempts",
        "attempts_begun",
        "deadline",
        "decision",
        "output_tokens",
        "tried",
    )  # fmt: skip

    def __init__(self, simulation: "Simulation", arrival: Arrival, chosen: Chosen) -> None:
        self._simulation = simulation
        self.arrival = arrival
        self.decision, self._fallback, self._hedge = chosen
        self.deadline = arrival.at + self.decision.bounds.deadline_s
        self.attempts: list[Attempt] = []
        self.attempts_begun = 0  # attempts
        self.tried: list[tuple[str, int]] = []
        most = arrival.facts.max_output_tokens
        self.output_tokens = (
            arrival.output_tokens if most is None else min(arrival.output_tokens, most * arrival.facts.choices)
        )
        self._running: list[SimulatedAttempt] = []
        self._failures: list[tuple[str, Outcome, float | None, float]] = []
        self._answer: SimulatedAttempt | None = None
        self._outcome = Outcome.NO_CANDIDATE  # of the newest attempt that failed
        self._fallback_plan: FallbackPlan | None = None
        self._pauses = 0

    def begin(self) -> None:
        """The first attempt; with a hedge the look at it comes when it is late."""
        decision = self.decision
        if self._hedge is not None:
            self._simulation.readings.hedges.earn(decision.rule, self._hedge.share)
        if not decision.attempts:
            self._finish(Outcome.REFUSED_BY_RULE if decision.refused else Outcome.NO_CANDIDATE)
            return
        if decision.hedge_after_s is not None:
            clock = self._simulation.clock
            clock.at(clock.now + decision.hedge_after_s, self._hedge_if_late, decision.attempts[0])
        self._attempt(decision.attempts[0])

    def answers(self, attempt: SimulatedAttempt) -> None:
        """It gave output: it is the answer, and others end."""
        self._answer = attempt
        for other in self._running:
            if other is not attempt:
                other.give_up()
        self._running = [attempt]

    def attempt_ended(self, attempt: SimulatedAttempt, outcome: Outcome, retry_after_s: float | None) -> None:
        """One of those that run has ended, and is among `attempts`."""
        self._running.remove(attempt)
        if outcome is Outcome.OK or attempt is self._answer:
            self.answers(attempt)
            self._finish(outcome, by=attempt.deployment)
            return
        now = self._simulation.clock.now
        self._outcome = outcome
        if self._fallback_plan is not None:
            self._fallback_plan.failed(attempt.deployment, outcome, retry_after_s, now)
            self._next()
            return
        self._failures.append((attempt.deployment, outcome, retry_after_s, now))
        if self._running and moves_on(self._fallback, outcome):
            return  # the other one may still answer
        for other in self._running:
            other.give_up()
        self._running = []
        self._go_on()

    def _attempt(self, name: str) -> None:
        simulation = self._simulation
        if all(one.deployment != name for one in self.attempts):
            simulation.readings.retries.earn(name)
        simulation.watched(self.decision, name)
        self.attempts_begun += 1
        self._running.append(SimulatedAttempt(simulation, self, simulation.deployments[name]))

    def _hedge_if_late(self, first: str) -> None:
        if self._answer is not None or self._failures or len(self._running) != 1:
            return
        readings, now = self._simulation.readings, self._simulation.clock.now
        second = self._eligibility().second(first, now)
        if second is not None and readings.hedges.spend(self.decision.rule):
            self._attempt(second)

    def _eligibility(self) -> Eligibility:
        return Eligibility(self._simulation.readings, self._simulation.deployments, self)

    def _go_on(self) -> None:
        simulation = self._simulation
        plan = self._fallback_plan = FallbackPlan(
            simulation.readings, simulation.deployments, self._eligibility(), self, self._fallback
        )
        for name, outcome, retry_after_s, at in self._failures:
            plan.failed(name, outcome, retry_after_s, at)
        self._round(None)

    def _round(self, _: object) -> None:
        if self._fallback_plan is not None:
            self._fallback_plan.begin_round()
            self._next()

    def _next(self) -> None:
        """The next attempt, or a pause, or the end."""
        plan, clock = self._fallback_plan, self._simulation.clock
        if plan is None:
            return
        now, left_s = clock.now, self.deadline - clock.now
        found = plan.next(now, left_s)
        if found is not None:
            if found.is_paid:
                self._simulation.readings.retries.spend(found.deployment, now)
            self._attempt(found.deployment)
            return
        if plan.may_come_round(now, left_s):
            self._pauses += 1
            pause_s = plan.pause_s(now, shares(self.decision.seed ^ self._pauses, (_PAUSE,))[0])
            if not plan.is_too_long(pause_s, left_s):
                clock.at(now + pause_s, self._round)
                return
        self._finish(self._outcome)

    def _finish(self, outcome: Outcome, by: str | None = None) -> None:
        self._simulation.request_finished(
            RequestFinished(
                id=self.arrival.id,
                surface="simulation",
                decision=self.decision,
                outcome=outcome,
                fault=CONSEQUENCES[outcome].fault,
                attempts=tuple(self.attempts),
                answered_by=by if outcome is Outcome.OK else None,
                duration_s=self._simulation.clock.now - self.arrival.at,
                overhead_s=0.0,
                first_output_s=first_output_s(self.attempts),
                output_started=self._answer is not None,
            )
        )
