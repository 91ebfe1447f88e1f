"""What is known of each deployment, learned from attempts and probes. The source of every snapshot.

A reading is replaced, never changed, so a snapshot is a shallow copy and stays what it was. What learns from numbers has
a file of its own beside this one.
"""

import logging
from collections.abc import Mapping

from msgspec.structs import replace

from gateway.learning.admission import DeploymentAdmission, Hold, seen
from gateway.learning.breaker import AGAINST
from gateway.learning.company import Company, others
from gateway.learning.hedge_budget import HedgeBudget
from gateway.learning.learned import Learned
from gateway.learning.prefill_backlog import PrefillBacklog
from gateway.learning.retry_budget import RetryBudget
from gateway.learning.served import Served
from gateway.learning.slo_books import Objectives, SloBooks
from gateway.learning.workers import Workers
from gateway.values.account import Account
from gateway.values.admissibility import Health
from gateway.values.decision import Decision
from gateway.values.deployment import Deployment, Hardware
from gateway.values.headroom import Headroom
from gateway.values.outcome import Outcome
from gateway.values.records import Attempt
from gateway.values.snapshot import UNREAD, Reading, Snapshot
from gateway.values.usage import Usage, billed_usd

LOOK_EVERY_S = 1.0  # at what changes by itself: costs of idle hardware, and what is learned late
_AT_ONCE = 4
_SET_BACK_S = 5.0  # the clock, by at least so much
_log = logging.getLogger(__name__)


class Readings:
    """One per process. Single-threaded: every verb runs to its end on the event loop. `now` is seconds since the epoch."""

    def __init__(self) -> None:
        self.workers = Workers()
        self.hedges = HedgeBudget()
        self.retries = RetryBudget()
        self._admissions: dict[str, DeploymentAdmission] = {}
        self._readings: dict[str, Reading] = {}
        self._learned: dict[str, Learned] = {}
        self._backlogs: dict[str, PrefillBacklog] = {}
        self._company: dict[str, Company] = {}
        self._slo = SloBooks()
        self._served = Served()
        self._hardware: Mapping[str, Hardware] = {}
        self._look_at = self._cost_at = 0.0

    def declare(self, hardware: Mapping[str, Hardware], now: float) -> None:
        """What self-hosted deployments run on: from now on their tokens have a cost."""
        self._hardware = hardware
        self._served.declare(hardware, now)
        for name in {*self._readings, *hardware}:
            self._count_cost(name, now)

    def snapshot(self, now: float, revision: str | None = None) -> Snapshot:
        """The world at `now`, as a decision of this revision sees it; None is that in force."""
        if now >= self._look_at:
            self._look(now)
        elif now < self._look_at - _SET_BACK_S:
            self._clock_was_set_back(now)
        readings = self._readings.copy()
        self.workers.put_into(readings, now)
        return Snapshot(now, readings, self._slo.readings(now, revision))

    def of(self, deployment: str) -> Reading:
        """The present reading."""
        return self._readings.get(deployment, UNREAD)

    def declare_limits(self, most_in_flight: Mapping[str, int]) -> None:
        """From now on no more than these are asked of the deployments at once."""
        for name, most in most_in_flight.items():
            admission = self._admissions[name] = DeploymentAdmission(most)
            self._readings[name] = replace(self.of(name), admissibility=admission.admissibility)

    def has_place(self, deployment: str) -> bool:
        """Whether it takes one more at once."""
        reading = self.of(deployment)
        return reading.admissibility.limit is None or reading.in_flight < reading.admissibility.limit

    def began(
        self,
        deployment: str,
        now: float,
        tokens: float = 0.0,
        *,
        streamed: int | None = None,
        address: int | None = None,
    ) -> Hold:
        """An attempt of so many tokens (prompt, and output asked for) begins. One `ended` follows each of these.

        Of a stream, `streamed` are those of its prompt. `address`: where it goes, of those that `workers` shows.
        """
        wait_s = 0.0
        if address is not None:
            wait_s = self.workers.of(deployment)[address].wait_s(now) or 0.0
            self.workers.began(deployment, address)
        was = self._readings.get(deployment, UNREAD)
        before = was.in_flight
        admission = self._admission_of(deployment)
        attempt_s = self._company_of(deployment).changes(before, now)
        hold = admission.began(before, tokens, now)._replace(
            streamed=streamed is not None, attempt_s=attempt_s, address=address, wait_s=wait_s
        )
        health = Health.PROBING if was.health is Health.SHUT and admission.health is Health.PROBING else was.health
        if was.own_cost is not None:
            self._served.began(deployment, hold.ticket, now)
        own = was.own_cost and self._served.own_cost(deployment, before + 1, now)
        backlog = self._backlog_of(deployment)
        if streamed is not None:
            backlog.began(hold.ticket, streamed, wait_s, now)
        self._readings[deployment] = Reading(
            health, before + 1, admission.admissibility,
            was.latency, was.output_tokens, was.prompt_token_ratio, own, was.quality,
            ahead_tokens=backlog.tokens, output_lengths=was.output_lengths, silent_since=backlog.silent_since,
        )  # fmt: skip
        return hold

    def gave_output(self, deployment: str, hold: Hold, now: float) -> None:
        """An attempt had its first output. It teaches at once how long that took: its end may be a minute away."""
        admission = self._admission_of(deployment)
        admission.lives(hold, now)
        if hold.address is not None:
            self.workers.gave_output(deployment, hold.address)
        backlog = self._backlog_of(deployment)
        awaited = backlog.answered(hold.ticket)
        if awaited is not None:
            learned = self._learned_of(deployment)
            learned.first_came(awaited, hold, now)
            self._readings[deployment] = replace(
                self.of(deployment),
                latency=learned.latency.latency,
                ahead_tokens=backlog.tokens,
                silent_since=backlog.silent_since,
            )
        self._show(deployment, admission)

    def told_headroom(self, deployment: str, hold: Hold, headroom: Headroom, now: float) -> None:
        """The answer to an attempt said what the provider's rate limits still allow."""
        admission = self._admission_of(deployment)
        admission.told(hold, headroom, now)
        self._show(deployment, admission)

    def settled_usd(self, deployment: Deployment, usage: Usage | None, decision: Decision, now: float) -> float | None:
        """What an attempt that is about to end, and used these tokens, is charged. None is unknown.

        A token of a self-hosted deployment is charged at the rate that the decision worked with, its share of the full
        hardware; the attempt never more than the decision said that it costs at most, nor more than the hardware did.
        """
        if deployment.own_cost is None:
            return billed_usd(deployment.price, usage)
        if usage is None:
            return None
        name, tokens = deployment.name, usage.prompt_tokens + usage.completion_tokens
        self._served.count(name, tokens, now)
        self._count_cost(name, now)
        own = self.of(name).own_cost
        if own is None or own.marginal_usd_per_mtok is None:
            return None
        usd = tokens * own.marginal_usd_per_mtok / 1e6
        most = next((one.most_usd for one in decision.candidates if one.deployment == name), None)
        return self._served.charge(name, usd if most is None else min(usd, most), now)

    def accounts(self, now: float) -> dict[str, Account]:
        """What each self-hosted deployment's hardware cost so far, and what of it was charged or idle."""
        return self._served.accounts(now)

    def ended(self, attempt: Attempt, hold: Hold, decision: Decision, now: float) -> None:
        """An attempt ended. One of several addresses that fails, is full or asks to be left alone speaks for itself, while
        nothing is known against the others.
        """
        if now < self._look_at - _SET_BACK_S:
            self._clock_was_set_back(now)
        name, outcome, address = attempt.deployment, attempt.outcome, hold.address
        if address is not None:
            self.workers.ended(name, address, outcome, attempt.duration_s, now)
        was, admission = self.of(name), self._admission_of(name)
        if outcome in AGAINST and address is not None and self.workers.others_up(name, (address,), now):
            admission.ended_there(hold)
        else:
            wait_s = None if len(self.workers.of(name)) > 1 else attempt.retry_after_s
            admission.ended(hold, outcome, wait_s, now)
        health = seen(was.health, admission.health, answered=outcome is Outcome.OK)
        learned, backlog = self._learned_of(name), self._backlog_of(name)
        awaited = backlog.over(hold.ticket)
        attempt_s = self._company_of(name).changes(was.in_flight, now) - hold.attempt_s
        try:
            learned.learn(attempt, decision, hold, awaited, others(attempt_s, now - hold.at, hold.in_flight), now)
        except Exception:  # noqa: BLE001 - what has ended is free, whatever it teaches
            _log.exception("what an attempt at %s taught was lost", name)
        if was.own_cost is not None:
            self._served.ended(name, hold.ticket, now)
        own = was.own_cost and self._served.own_cost(name, was.in_flight - 1, now)
        self._readings[name] = Reading(
            health, was.in_flight - 1, admission.admissibility,
            learned.latency.latency, learned.output.mean, learned.prompt.ratio, own, was.quality,
            ahead_tokens=backlog.tokens, output_lengths=learned.output.lengths, silent_since=backlog.silent_since,
        )  # fmt: skip
        if decision.slo is not None and attempt.slo_met is not None:
            self._slo.record(decision.revision, decision.rule, name, decision.slo, attempt.slo_met, now)

    def declare_rules(self, objectives: Objectives, staged: tuple[str, Objectives] | None = None) -> None:
        """The rules of the plan in force, and the name and the rules of a staged one; what was of others is forgotten."""
        self._slo.declare(objectives, staged)
        self.hedges.keep_rules({*objectives, *(staged[1] if staged is not None else ())})

    def up(self, deployment: str) -> None:
        """A probe was answered, or a process has started: what it did before it was down is over."""
        was = self.of(deployment)
        if was.health is Health.DOWN:
            self._admission_of(deployment).forget()
        if was.health in (Health.DOWN, Health.UNKNOWN):
            admission = self._admission_of(deployment)
            self._readings[deployment] = replace(was, health=admission.health, admissibility=admission.admissibility)

    def down(self, deployment: str) -> None:
        """It is known not to run."""
        was = self.of(deployment)
        if was.health is not Health.DOWN:
            self._readings[deployment] = replace(was, health=Health.DOWN)

    def is_able(self, deployment: str, now: float) -> bool:
        """For readiness: it is not known to be broken. One that has enough to do is able."""
        return self.of(deployment).state(now) not in (Health.DOWN, Health.SHUT)

    def _admission_of(self, deployment: str) -> DeploymentAdmission:
        admission = self._admissions.get(deployment)
        if admission is None:
            admission = self._admissions[deployment] = DeploymentAdmission()
        return admission

    def _backlog_of(self, deployment: str) -> PrefillBacklog:
        backlog = self._backlogs.get(deployment)
        if backlog is None:
            backlog = self._backlogs[deployment] = PrefillBacklog()
        return backlog

    def _company_of(self, deployment: str) -> Company:
        company = self._company.get(deployment)
        if company is None:
            company = self._company[deployment] = Company()
        return company

    def _learned_of(self, deployment: str) -> Learned:
        learned = self._learned.get(deployment)
        if learned is None:
            learned = self._learned[deployment] = Learned()
        return learned

    def _show(self, deployment: str, admission: DeploymentAdmission) -> None:
        was = self.of(deployment)
        health = seen(was.health, admission.health, answered=False)
        if health is not was.health or admission.admissibility is not was.admissibility:
            self._readings[deployment] = replace(was, health=health, admissibility=admission.admissibility)

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

    def _clock_was_set_back(self, now: float) -> None:
        by_s = self._look_at - LOOK_EVERY_S - now
        for name, admission in self._admissions.items():
            admission.set_back(by_s)
            self._show(name, admission)
        self._look_at = self._cost_at = now

    def _count_cost(self, name: str, now: float) -> None:
        was = self.of(name)
        self._readings[name] = replace(was, own_cost=self._served.own_cost(name, was.in_flight, now))
