"""What is known of each deployment, learned from attempts and probes. The source of every snapshot.

A reading is replaced, never changed, so a snapshot is a shallow copy and stays what it was. What learns from numbers has
a file of its own beside this one.
"""

from collections.abc import Collection, Mapping

from msgspec.structs import replace

from gateway.state.hedge_budget import HedgeBudget
from gateway.state.latency import LatencyModel
from gateway.state.served import Served
from gateway.state.slo import SloBook
from gateway.state.tokens import OutputTokens, PromptTokens
from gateway.state.workers import Workers
from gateway.values.decision import Decision
from gateway.values.deployment import Hardware
from gateway.values.outcome import CONSEQUENCES, Fault, Outcome
from gateway.values.records import Attempt
from gateway.values.snapshot import UNREAD, Health, Reading, Snapshot
from gateway.values.usage import Usage

FAILURES_TO_SHUT = 5  # provider faults in a row
FIRST_PAUSE_S = 1.0  # doubles with each failed proof, up to:
LONGEST_PAUSE_S = 30.0
LOOK_EVERY_S = 1.0  # at what changes by itself: costs of idle hardware, and what is learned late
_AT_ONCE = 4


class Readings:
    """One per process. Single-threaded: every verb runs to its end on the event loop. `now` is seconds since the epoch."""

    def __init__(self) -> None:
        self.workers = Workers()
        self.hedges = HedgeBudget()
        self._readings: dict[str, Reading] = {}
        self._learned: dict[str, _Learned] = {}
        self._slo = SloBook()
        self._served = Served()
        self._hardware: Mapping[str, Hardware] = {}
        self._look_at = self._cost_at = 0.0

    def declare(self, hardware: Mapping[str, Hardware], now: float) -> None:
        """What self-hosted deployments run on: from now on their tokens have a cost."""
        self._hardware = hardware
        self._served.declare(hardware, now)
        for name in {*self._readings, *hardware}:
            self._count_cost(name, now)

    def snapshot(self, now: float) -> Snapshot:
        """The world at `now`."""
        if now >= self._look_at:
            self._look(now)
        readings = self._readings.copy()
        self.workers.put_into(readings, now)
        return Snapshot(now, readings, self._slo.readings(now))

    def of(self, deployment: str) -> Reading:
        """The present reading."""
        return self._readings.get(deployment, UNREAD)

    def began(self, deployment: str, now: float) -> int:
        """An attempt begins; how many were there before it. Each of these is followed by one `ended`."""
        was = self._readings.get(deployment, UNREAD)
        before = was.in_flight
        own = was.own_cost and self._served.own_cost(deployment, before + 1, now)
        self._readings[deployment] = Reading(
            was.health, before + 1, was.failures_in_a_row, was.shut_until,
            was.latency, was.output_tokens, was.prompt_token_ratio, own, was.quality,
        )  # fmt: skip
        return before

    def served(self, deployment: str, usage: Usage | None, now: float) -> Reading:
        """An attempt that is about to end used these tokens; the reading with them, from which its cost follows."""
        if usage is not None and deployment in self._hardware:
            self._served.count(deployment, usage.prompt_tokens + usage.completion_tokens, now)
            self._count_cost(deployment, now)
        return self.of(deployment)

    def ended(self, attempt: Attempt, decision: Decision, now: float) -> None:
        """An attempt ended. Only a provider's faults count against a deployment (law 9)."""
        name, outcome = attempt.deployment, attempt.outcome
        was = self.of(name)
        health, failures, until = was.health, was.failures_in_a_row, was.shut_until
        if outcome is Outcome.OK:
            health, failures, until = Health.ADMITTING, 0, None
        elif CONSEQUENCES[outcome].fault is Fault.PROVIDER:
            failures += 1
            if failures >= FAILURES_TO_SHUT and health is not Health.DOWN:
                health, until = Health.SHUT, now + _pause(failures)
        learned = self._learned.get(name)
        if learned is None:
            learned = self._learned[name] = _Learned()
        learned.learn(attempt, decision, now)
        own = was.own_cost and self._served.own_cost(name, was.in_flight - 1, now)
        self._readings[name] = Reading(
            health, was.in_flight - 1, failures, until,
            learned.latency.latency, learned.output.mean, learned.prompt.ratio, own, was.quality,
        )  # fmt: skip
        if decision.slo is not None and attempt.slo_met is not None:
            self._slo.record(decision.rule, name, decision.slo, attempt.slo_met, now)

    def forget_rules(self, gone: Collection[str]) -> None:
        """These rules are in no plan any more."""
        self._slo.forget_rules(gone)
        self.hedges.forget_rules(gone)

    def up(self, deployment: str) -> None:
        """A probe was answered, or a process has started: forget that it was down, not that it failed."""
        was = self.of(deployment)
        if was.health in (Health.DOWN, Health.UNKNOWN):
            self._readings[deployment] = replace(was, health=Health.ADMITTING, failures_in_a_row=0, shut_until=None)

    def down(self, deployment: str) -> None:
        """It is known not to run."""
        was = self.of(deployment)
        if was.health is not Health.DOWN:
            self._readings[deployment] = replace(was, health=Health.DOWN, failures_in_a_row=0, shut_until=None)

    def can_answer(self, deployment: str, now: float) -> bool:
        """For readiness: nothing is known against it."""
        reading = self.of(deployment)
        return reading.health is not Health.DOWN and (reading.shut_until or 0.0) <= now

    def returns_at(self, deployment: str) -> float | None:
        """When it may be tried again, if it is shut; seconds since the epoch."""
        return self.of(deployment).shut_until

    def _look(self, now: float) -> None:
        """A few models at a time: what is learned late must not hold up a decision."""
        if now >= self._cost_at:
            self._cost_at = now + LOOK_EVERY_S
            for name in self._hardware:
                self._count_cost(name, now)
        late = [name for name, one in self._learned.items() if one.latency.due is not None and now >= one.latency.due]
        for name in late[:_AT_ONCE]:
            model = self._learned[name].latency
            model.solve(now)
            self._readings[name] = replace(self.of(name), latency=model.latency)
        self._look_at = now if len(late) > _AT_ONCE else now + LOOK_EVERY_S

    def _count_cost(self, name: str, now: float) -> None:
        was = self.of(name)
        self._readings[name] = replace(was, own_cost=self._served.own_cost(name, was.in_flight, now))


class _Learned:
    """What the attempts of one deployment taught."""

    def __init__(self) -> None:
        self.latency = LatencyModel()
        self.prompt = PromptTokens()
        self.output = OutputTokens()

    def learn(self, attempt: Attempt, decision: Decision, now: float) -> None:
        facts = decision.facts
        self.prompt.learn(attempt, facts)
        self.output.learn(attempt, facts)
        came = self.output.of(attempt, facts)
        self.latency.learn(
            attempt,
            stream=facts.stream,
            prompt_tokens=self.prompt.of(attempt, facts),
            output_tokens=self.output.mean if came is None else came,
            now=now,
        )


def _pause(failures: int) -> float:
    return float(min(FIRST_PAUSE_S * 2 ** min(failures - FAILURES_TO_SHUT, 10), LONGEST_PAUSE_S))
