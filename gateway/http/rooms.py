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
from gateway.state.kept_responses import KeptResponses
from gateway.values.deployment import Catalogue


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
    is_stopping: Callable[[], bool]
    large: FairThreads
    max_body_bytes: int
    max_upload_bytes: int
    reader_s: float
    heartbeat_s: float | None
    started: int
