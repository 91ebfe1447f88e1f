"""Prometheus metrics. Label sets are bounded by construction (law 10): deployments, models and rules come from the
catalogue and the policy, outcomes and surfaces from closed sets. No key, user or text is ever a label.

To add a metric: a field of `Metrics`, and the listener that feeds it.
"""

import asyncio
import re
import time
from collections.abc import Callable, Sequence

import prometheus_client
from prometheus_client import CollectorRegistry, generate_latest

from gateway.observe.batches import Batches
from gateway.observe.credentials import CredentialSource, CredentialsStand
from gateway.observe.detections import Detections, DetectionsSource
from gateway.observe.hardware import HardwareSource, OwnHardware
from gateway.observe.loop_series import Amount, Counter, Distribution, Gauge, Histogram
from gateway.observe.objectives import Objectives, SloSource
from gateway.observe.policy import PolicySource, PolicyStands
from gateway.observe.states import SnapshotSource, States
from gateway.observe.units import UnitsUsed
from gateway.values.records import (
    Attempt,
    AttemptFinished,
    AttemptStarted,
    RequestAbandoned,
    RequestFinished,
    RequestRejected,
)
from gateway.values.revision import Withdrawal
from gateway.values.usage import Usage

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
_OVERHEAD = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5)
_NOBODY = "none"
_WORD = re.compile("[a-z_]+")


class _PerDeployment:
    """The series of one deployment, looked up once."""

    def __init__(self, metrics: "Metrics", deployment: str) -> None:
        self.in_flight = metrics.in_flight.labels(deployment)
        self.first_output = metrics.attempt_first_output.labels(deployment)
        self.duration = metrics.attempt_duration.labels(deployment)
        self.prompt = metrics.tokens.labels(deployment, "prompt")
        self.completion = metrics.tokens.labels(deployment, "completion")
        self.cached = metrics.tokens.labels(deployment, "cached")
        self.cost = metrics.cost.labels(deployment)
        self.unknown_cost = metrics.unknown_cost.labels(deployment)
        self.outcomes: dict[str, Amount] = {}
        self.anomalies: dict[str, Amount] = {}


class Metrics:
    """All series of the process, in a registry of their own."""

    content_type = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        by = ["deployment"]
        self.requests = Counter(
            "gateway_requests",
            "Requests that were decided.",
            ["surface", "model", "rule", "outcome", "fault"],
            registry=registry,
        )
        self.rejected = Counter(
            "gateway_rejected_requests", "Requests refused before a decision.", ["surface", "code"], registry=registry
        )
        self.abandoned = Counter(
            "gateway_abandoned_requests",
            "Requests whose callers left before the body was whole. In chunked bodies that looks like a malformed chunk: "
            "those are rejected as incomplete_body.",
            ["surface"],
            registry=registry,
        )
        self.duration = Histogram(
            "gateway_request_duration_seconds",
            "From a request's arrival to the end of its answer.",
            ["model"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.first_output = Histogram(
            "gateway_request_first_output_seconds",
            "From a request's arrival to its first output.",
            ["model"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.overhead = Histogram(
            "gateway_overhead_seconds",
            "Time of a request not spent waiting for an upstream or the client.",
            buckets=_OVERHEAD,
            registry=registry,
        )
        self.attempts = Counter(
            "gateway_attempts", "Calls to deployments.", ["deployment", "outcome"], registry=registry
        )
        self.attempt_duration = Histogram(
            "gateway_attempt_duration_seconds", "Duration of an attempt.", by, buckets=_SECONDS, registry=registry
        )
        self.attempt_first_output = Histogram(
            "gateway_attempt_first_output_seconds",
            "From an attempt's start to its first output.",
            by,
            buckets=_SECONDS,
            registry=registry,
        )
        self.in_flight = Gauge("gateway_attempts_in_flight", "Attempts in progress.", by, registry=registry)
        self.tokens = Counter(
            "gateway_tokens",
            "Tokens as providers count them, estimated for cut streams; cached ones are part of prompt.",
            ["deployment", "kind"],
            registry=registry,
        )
        self.cost = Counter("gateway_cost_usd", "Known cost of attempts.", by, registry=registry)
        self.unknown_cost = Counter(
            "gateway_attempts_of_unknown_cost",
            "Attempts that were sent and not refused, and cost something unknown.",
            by,
            registry=registry,
        )
        self.reported_cost = Counter(
            "gateway_reported_cost_usd",
            "Cost of attempts as their providers themselves reported it.",
            by,
            registry=registry,
        )
        self.cost_difference = Counter(
            "gateway_cost_difference_usd",
            "By how much providers reported more, or less, than what was computed by the price.",
            ["deployment", "reported"],
            registry=registry,
        )
        self.anomalies = Counter(
            "gateway_answer_anomalies",
            "Answers that were taken although something about them was odd; an answer with two such counts twice.",
            ["deployment", "anomaly"],
            registry=registry,
        )
        self.deviations = Counter(
            "gateway_translation_deviations",
            "Members of requests, by the first word of their names, that an attempt's deployment was not told as the caller "
            "said them: lost, or adapted. An attempt counts once for each.",
            ["deployment", "kind", "member"],
            registry=registry,
        )
        self.journal_dropped = prometheus_client.Counter(  # the journal's thread counts, too
            "gateway_journal_dropped_records",
            "Records lost because the journal's queue was full or its file failed.",
            registry=registry,
        )
        self.journal_kept = prometheus_client.Gauge(
            "gateway_journal_kept", "0 while the journal's file cannot be written.", registry=registry
        )
        self.journal_kept.set(1)
        self.batches = Batches(registry)
        self.units = UnitsUsed(registry)
        self.policy_reloads = Counter(
            "gateway_policy_reloads", "Tries to replace the policy in force.", ["result"], registry=registry
        )
        self.policy_withdrawals = Counter(
            "gateway_policy_withdrawals",
            "Staged revisions of the policy that were withdrawn; errors and slo: by themselves.",
            ["reason"],
            registry=registry,
        )
        self.tasks = prometheus_client.Gauge("gateway_event_loop_tasks", "Tasks of the event loop.", registry=registry)
        self.running = prometheus_client.Gauge(
            "gateway_requests_running", "Requests that are worked on, open streams included.", registry=registry
        )
        self.waiting = prometheus_client.Gauge(
            "gateway_requests_waiting", "Requests that wait for room in the gateway.", registry=registry
        )
        self._overhead = self.overhead.labels()
        self._admission: Callable[[], tuple[int, int]] = lambda: (0, 0)
        self._deployments: dict[str, _PerDeployment] = {}
        self._ends: dict[tuple[str, ...], Amount] = {}
        self._models: dict[str, tuple[Distribution, Distribution]] = {}

    def attempt_started(self, record: AttemptStarted) -> None:
        """Listener."""
        self._of(record.deployment).in_flight.inc()

    def attempt_finished(self, record: AttemptFinished) -> None:
        """Listener."""
        attempt = record.attempt
        series = self._of(attempt.deployment)
        series.in_flight.dec()
        series.duration.observe(attempt.duration_s)
        outcome = attempt.outcome.value
        counter = series.outcomes.get(outcome)
        if counter is None:
            counter = series.outcomes[outcome] = self.attempts.labels(attempt.deployment, outcome)
        counter.inc()
        if attempt.first_output_s is not None:
            series.first_output.observe(attempt.first_output_s)
        if attempt.usage is not None:
            self._used(series, attempt.usage, attempt)
        for anomaly in attempt.anomalies:
            if (odd := series.anomalies.get(anomaly.value)) is None:
                odd = series.anomalies[anomaly.value] = self.anomalies.labels(attempt.deployment, anomaly.value)
            odd.inc()
        if attempt.lost or attempt.adapted:
            self._deviated(attempt)
        if attempt.cost_usd is not None:
            series.cost.inc(attempt.cost_usd)
        elif attempt.may_have_cost:
            series.unknown_cost.inc()

    def _used(self, series: _PerDeployment, usage: Usage, attempt: Attempt) -> None:
        series.prompt.inc(usage.prompt_tokens)
        series.completion.inc(usage.completion_tokens)
        if usage.cached_tokens:
            series.cached.inc(usage.cached_tokens)
        if usage.reported_usd is not None:
            self._count_reported(attempt.deployment, usage.reported_usd, attempt.cost_usd)

    def _count_reported(self, deployment: str, reported_usd: float, usd: float | None) -> None:
        self.reported_cost.labels(deployment).inc(reported_usd)
        if usd is not None:
            more = reported_usd - usd
            self.cost_difference.labels(deployment, "more" if more > 0 else "less").inc(abs(more))

    def request_finished(self, record: RequestFinished) -> None:
        """Listener."""
        decision = record.decision
        model = decision.facts.model
        fault = record.fault.value if record.fault else _NOBODY
        labels = (record.surface, model, decision.rule, record.outcome.value, fault)
        counter = self._ends.get(labels)
        if counter is None:
            counter = self._ends[labels] = self.requests.labels(*labels)
        counter.inc()
        pair = self._models.get(model)
        if pair is None:
            pair = self._models[model] = (self.duration.labels(model), self.first_output.labels(model))
        pair[0].observe(record.duration_s)
        if record.first_output_s is not None:
            pair[1].observe(record.first_output_s)
        self._overhead.observe(record.overhead_s)

    def request_rejected(self, record: RequestRejected) -> None:
        """Listener."""
        self.rejected.labels(record.surface, record.code).inc()

    def request_abandoned(self, record: RequestAbandoned) -> None:
        """Listener."""
        self.abandoned.labels(record.surface).inc()

    def policy_reloaded(self, taken: bool) -> None:  # noqa: FBT001 - a listener
        """Listener of the policy in force."""
        self.policy_reloads.labels("taken" if taken else "refused").inc()

    def policy_withdrawn(self, why: Withdrawal) -> None:
        """Listener of the policy in force."""
        self.policy_withdrawals.labels(why.value).inc()

    def read_policy(self, source: PolicySource) -> None:
        """From now on each scrape asks `source` how the policy stands."""
        self.registry.register(PolicyStands(source))

    def read_objectives(self, source: SloSource) -> None:
        """From now on each scrape asks `source` how the objectives are kept."""
        self.registry.register(Objectives(source))

    def read_deployments(self, names: Sequence[str], source: SnapshotSource) -> None:
        """From now on each scrape asks `source` how these deployments are."""
        self.registry.register(States(names, source))

    def read_hardware(self, source: HardwareSource) -> None:
        """From now on each scrape asks `source` what own hardware cost."""
        self.registry.register(OwnHardware(source))

    def read_credentials(self, source: CredentialSource) -> None:
        """From now on each scrape asks `source` how the credentials stand that are replaced."""
        self.registry.register(CredentialsStand(source, time.time))

    def read_detections(self, source: DetectionsSource) -> None:
        """From now on each scrape asks `source` how detections ended."""
        self.registry.register(Detections(source))

    def read_journal(self, is_kept: Callable[[], bool]) -> None:
        """From now on each scrape asks whether the journal can be written."""
        self.journal_kept.set_function(is_kept)

    def read_admission(self, source: Callable[[], tuple[int, int]]) -> None:
        """From now on each scrape asks `source` how many requests run and wait."""
        self._admission = source

    def text(self) -> bytes:
        """The exposition that Prometheus scrapes. On the event loop."""
        running, waiting = self._admission()
        self.running.set(running)
        self.waiting.set(waiting)
        self.tasks.set(len(asyncio.all_tasks()))
        return generate_latest(self.registry)

    def _deviated(self, attempt: Attempt) -> None:
        """Names of members are those that the dialects document, and `other` (`gateway.dialects.known_names`)."""
        for kind, paths in (("lost", attempt.lost), ("adapted", attempt.adapted)):
            for member in {found[0] for path in paths if (found := _WORD.match(path)) is not None}:
                self.deviations.labels(attempt.deployment, kind, member).inc()

    def _of(self, deployment: str) -> _PerDeployment:
        series = self._deployments.get(deployment)
        if series is None:
            series = self._deployments[deployment] = _PerDeployment(self, deployment)
        return series
