"""What the surfaces work with; the app wires it."""

from collections.abc import Awaitable, Callable

import msgspec

from gateway.access import Keyring
from gateway.flow.answer import Answers
from gateway.flow.fair_threads import FairThreads
from gateway.journal.journal import Journal
from gateway.learning.readings import Readings
from gateway.observe.bus import Bus
from gateway.observe.health_log import Failure
from gateway.observe.metrics import Metrics
from gateway.policies.changes import PolicyChanges
from gateway.state.batches import Batches
from gateway.state.files import Files
from gateway.state.kept_responses import KeptResponses
from gateway.values.credential import CredentialState
from gateway.values.deployment import Catalogue
from gateway.watch.batches.runner import BatchRunner


class StoredRooms(msgspec.Struct, frozen=True, kw_only=True):
    """What callers keep with the gateway. `max_file_bytes` of one file; `keep_s` of one that does not say so itself."""

    files: Files
    batches: Batches
    runner: BatchRunner
    max_file_bytes: int
    keep_s: int


class ApiRooms(msgspec.Struct, frozen=True, kw_only=True):
    """One per process. `started` is seconds since the epoch."""

    answers: Answers
    bus: Bus
    catalogue: Catalogue
    check_policy: Callable[[str], Awaitable[bytes]]
    journal: Journal
    keyring: Keyring
    metrics: Metrics
    kept_responses: KeptResponses
    policy_changes: PolicyChanges
    readings: Readings
    failure_of: Callable[[str], Failure | None]
    credential_of: Callable[[str], CredentialState | None]
    is_stopping: Callable[[], bool]
    large: FairThreads
    max_body_bytes: int
    max_upload_bytes: int
    reader_s: float
    heartbeat_s: float | None
    started: int
    stored: StoredRooms
