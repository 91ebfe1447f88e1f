"""The one room that knows all rooms; it wires them, starts what runs beside requests, and stops it in order."""

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec

from gateway.asgi import application
from gateway.documents import Secret
from gateway.flow.admission import Admission
from gateway.flow.answer import Answers
from gateway.flow.classify import Classifier
from gateway.flow.large import large_work
from gateway.flow.rooms import Rooms
from gateway.http.rooms import ApiRooms, StoredRooms
from gateway.journal.journal import Journal
from gateway.learning.readings import Readings
from gateway.learning.slo_books import Objectives
from gateway.observe.bus import Bus
from gateway.observe.health_log import HealthLog
from gateway.observe.logs import AccessLog
from gateway.observe.metrics import Metrics
from gateway.policies.changes import PolicyChanges
from gateway.policies.compiler import PolicyCompiler
from gateway.policies.file import PolicyFile
from gateway.policies.in_force import Listeners, PolicyInForce
from gateway.providers.vendors import SKILLS, VENDORS, translators
from gateway.routing.plan import Plan
from gateway.settings import Settings, plan_of
from gateway.settings.checking import PolicyCheck
from gateway.state.batches import BATCH_TABLES, Batches
from gateway.state.database import Database
from gateway.state.directory import StateDirectory
from gateway.state.files import FILE_TABLES, Files
from gateway.state.kept_responses import KeptResponses
from gateway.state.revisions import Revisions
from gateway.transport import Origin, Transport, TransportLimits
from gateway.transport.signers import SIGNERS, UNSIGNED, Signature, bearer
from gateway.values.deployment import Deployment
from gateway.values.records import (
    AttemptFinished,
    AttemptStarted,
    DecisionMade,
    RequestAbandoned,
    RequestFinished,
    RequestRejected,
)
from gateway.values.revision import Actor, Channel
from gateway.watch.batches.runner import BatchBounds, BatchRunner
from gateway.watch.checks import PolicyChecks
from gateway.watch.configuration_file import ConfigurationFile
from gateway.watch.credentials.refresher import Credentials
from gateway.watch.embedded import EmbeddedModels
from gateway.watch.workers import WorkerWatch

_ATTEMPTS_AT_ONCE = 2  # of a request, with its hedge: what bounds requests bounds connections
_CHECKER = (sys.executable, "-m", "gateway.settings.checker")


def load_plan(settings: Settings, number: int = 1) -> Plan:
    """The plan of the policy as it is now, as revision `number`. Raises InvalidDocument with all that is wrong with it."""
    return plan_of(settings.policy.document(), settings.compile_context, number)


class Gateway:
    """One process's gateway: build it, `start` it on a running loop, serve its `asgi`, `stop` it."""

    def __init__(self, settings: Settings) -> None:
        """Raises InUse if another process holds the state directory."""
        self._directory = StateDirectory(settings.journal_path.parent)
        self.readings = Readings()
        hardware = {name: one.own_cost for name, one in settings.catalogue.deployments.items() if one.own_cost}
        self.readings.declare(hardware, time.time())
        self.readings.workers.declare(settings.catalogue.deployments.values())
        self.readings.declare_limits({
            name: one.max_in_flight for name, one in settings.catalogue.deployments.items() if one.max_in_flight
        })  # fmt: skip
        at_once = settings.server.most_running * _ATTEMPTS_AT_ONCE
        self.transport = Transport(TransportLimits(max_connections=at_once))
        self.metrics = Metrics()
        self.metrics.read_objectives(lambda: self.readings.snapshot(time.time()).slo)
        self.metrics.read_deployments(
            tuple(settings.catalogue.deployments), lambda: self.readings.snapshot(time.time())
        )
        self.metrics.read_hardware(lambda: self.readings.accounts(time.time()))
        self.bus = Bus()
        self._health_log = HealthLog(
            {name: one.addresses for name, one in settings.catalogue.deployments.items()},
            lambda name: self.readings.of(name).health,
            time.time,
        )
        self._access_log = AccessLog() if settings.log.access else None
        compiler = PolicyCompiler(plan_of, settings.policy.document, settings.compile_context)
        listeners = Listeners(self.metrics.policy_reloaded, self._plans_changed, self.metrics.policy_withdrawn)
        policy = PolicyInForce(compiler, Revisions(settings.revisions_path), listeners)
        self._configuration_file = ConfigurationFile(None if settings.is_packaged else Path(settings.file))
        self._policy_file = PolicyFile(settings.policy.path, self._reload_policy)
        policy.begin(Actor(Channel.START, time.time()))
        self.policy_now = policy.now
        self._policy = policy
        self._policy_changes = PolicyChanges(policy, compiler)
        self.metrics.read_policy(policy.now)
        self.journal = Journal(
            settings.journal_path,
            keep=settings.journal.keep,
            queue=settings.journal.queue,
            dropped=self.metrics.journal_dropped.inc,
        )
        self.metrics.read_journal(lambda: self.journal.is_kept)
        self._kept_responses = KeptResponses(
            settings.responses_path,
            keep_s=settings.responses.keep_s,
            most_bytes=settings.responses.most_bytes,
            most_bytes_per_key=settings.responses.most_bytes_per_key,
        )
        self._subscribe()
        catalogue = settings.catalogue
        deployments = self._deployments = catalogue.deployments
        large = large_work()
        rooms = Rooms(self.transport, self.readings, self.bus, translators(deployments), large)
        self._credentials = Credentials(
            settings.credentials,
            time.time,
            valid=self.readings.up,
            lost=self.readings.down,
        )
        self.metrics.read_credentials(self._credentials.states)
        self.bus.subscribe(AttemptFinished, self._credentials.attempt_finished)
        self._place(settings)
        self._embedded = EmbeddedModels(
            {name: one.embedded for name, one in deployments.items() if one.embedded is not None},
            self._embedded_moved,
            self.readings.down,
        )
        credentials = {name: _signed(deployments[name], key).headers for name, key in settings.api_keys.items()}
        self._classifier = Classifier(large=large)
        self.metrics.read_detections(lambda: self._classifier.so_far)
        self._worker_watch = WorkerWatch(deployments.values(), credentials, self.readings)
        self._stopping = False
        admission = Admission(settings.server.most_running, settings.server.most_waiting)
        self.metrics.read_admission(lambda: (admission.running, admission.waiting))
        self._database = Database(settings.stored_path, FILE_TABLES + BATCH_TABLES)
        self._stored = _stored(settings, self._database, self.metrics.batches.line)
        self.metrics.batches.read(self._stored.runner.open_now)
        self.asgi, self._end_requests, self._ask_line = application(
            ApiRooms(
                answers=Answers(policy.plan_for, deployments, rooms, self._classifier, admission),
                bus=self.bus,
                catalogue=catalogue,
                check_policy=partial(_check_policy, settings, PolicyChecks(_CHECKER)),
                journal=self.journal,
                kept_responses=self._kept_responses,
                keyring=settings.keyring,
                metrics=self.metrics,
                policy_changes=self._policy_changes,
                readings=self.readings,
                failure_of=self._health_log.failure_of,
                credential_of=self._credentials.state_of,
                is_stopping=lambda: self._stopping,
                large=large,
                reader_s=settings.server.reader_s,
                heartbeat_s=settings.server.heartbeat_s,
                max_body_bytes=settings.server.max_body_bytes,
                max_upload_bytes=settings.server.max_upload_bytes,
                started=int(time.time()),
                stored=self._stored,
            )
        )

    def start(self) -> None:
        """Start what runs beside requests."""
        self._policy_file.start()
        self._configuration_file.start()
        self._embedded.start()
        self._credentials.start()
        self._worker_watch.start()
        self._stored.runner.start(self._ask_line)

    def is_ready(self) -> bool:
        """True if a deployment can answer, as far as is known."""
        now = time.time()
        return any(self.readings.is_able(name, now) for name in self._deployments)

    def detection_reports(self) -> bool:
        """True if what detection finds decides nothing."""
        return self._policy.plan.detection.reports

    def reload_policy(self) -> None:
        """Look at the policy's file now."""
        self._policy_file.signalled()

    def begin_stop(self) -> None:
        """From now on it is not ready; requests in progress go on."""
        self._stopping = True
        self._stored.runner.begin_stop()

    def end_requests(self) -> None:
        """End the requests in progress: their callers are told, and they are on record."""
        self._end_requests()
        self._stored.runner.end()

    async def stop(self) -> None:
        """Stop it all; what happened is in the journal."""
        await self._stored.runner.stop()
        await self._policy_file.stop()
        await self._configuration_file.stop()
        await self._policy_changes.stop()
        await self._worker_watch.stop()
        await self._credentials.stop()
        await self._embedded.stop()
        await self.transport.close()
        self._classifier.close()
        self._database.close()
        self.journal.close()
        self._kept_responses.close()
        self._directory.release()

    def _subscribe(self) -> None:
        self.bus.subscribe(DecisionMade, self.journal.decision_made)
        self.bus.subscribe(RequestFinished, self.journal.request_finished)
        self.bus.subscribe(AttemptStarted, self.metrics.attempt_started)
        self.bus.subscribe(AttemptFinished, self.metrics.attempt_finished)
        self.bus.subscribe(AttemptFinished, self.metrics.units.attempt_finished)
        self.bus.subscribe(RequestFinished, self.metrics.request_finished)
        self.bus.subscribe(RequestRejected, self.metrics.request_rejected)
        self.bus.subscribe(RequestAbandoned, self.metrics.request_abandoned)
        self.bus.subscribe(RequestFinished, self._policy_changes.request_finished)
        self.bus.subscribe(AttemptFinished, self._health_log.attempt_finished)
        if self._access_log is not None:
            self.bus.subscribe(RequestFinished, self._access_log.request_finished)
            self.bus.subscribe(RequestRejected, self._access_log.request_rejected)
            self.bus.subscribe(RequestAbandoned, self._access_log.request_abandoned)

    async def _reload_policy(self, via: Channel) -> None:
        await self._policy_changes.reload(via)

    def _plans_changed(self, plan: Plan, staged: Plan | None) -> None:
        self.readings.declare_rules(
            _objectives(plan), None if staged is None else (staged.revision, _objectives(staged))
        )

    def _place(self, settings: Settings) -> None:
        for name, deployment in settings.catalogue.deployments.items():
            if deployment.addresses:
                key: Secret | None = settings.api_keys.get(name)
                origins = [Origin.parse(address) for address in deployment.addresses]
                signature = _signed(deployment, key) if key else UNSIGNED
                self.transport.place(name, origins, self._credentials.of(name) or signature)

    def _embedded_moved(self, name: str, port: int, api_key: str) -> None:
        self.transport.place(name, Origin("http", "127.0.0.1", port, "/v1"), bearer(api_key))
        self.readings.up(name)


def _stored(settings: Settings, database: Database, told: Callable[[str], None]) -> StoredRooms:
    """What callers keep: files, and batches that work with them."""
    files = Files(database, settings.stored_path.with_name("files"), settings.files.max_total_bytes)
    batches, server = Batches(database), settings.server
    bounds = BatchBounds(
        at_once=max(min(settings.batches.at_once, server.most_running // 2), 1),  # half is for who waits for an answer
        max_lines=settings.batches.max_lines,
        max_line_bytes=server.max_body_bytes,
        max_open=settings.batches.max_open,
        keep_s=settings.batches.keep_s,
        drain_s=server.drain_s,
    )
    return StoredRooms(
        files=files,
        batches=batches,
        runner=BatchRunner(files, batches, bounds, told),
        max_file_bytes=settings.files.max_file_bytes,
        keep_s=settings.files.keep_s,
    )


async def _check_policy(settings: Settings, checks: PolicyChecks, text: str) -> bytes:
    asked = PolicyCheck(
        text=text,
        catalogue=settings.catalogue,
        callers=settings.keyring.callers(),
        skills=dict(SKILLS),
        deadline_s=settings.server.deadline_s,
        at=time.time(),
    )
    return await checks.check(msgspec.json.encode(asked))


def _objectives(plan: Plan) -> Objectives:
    return {rule.name: rule.slo for rule in plan.rules}


def _signed(deployment: Deployment, key: Secret) -> Signature:
    return SIGNERS[VENDORS[deployment.provider].auth](key.reveal())
