"""A batch: many requests of one caller in a file, answered by and by into another."""

import enum

import msgspec


class BatchStatus(enum.Enum):
    """Where it stands, in OpenAI's words."""

    VALIDATING = "validating"
    FAILED = "failed"
    IN_PROGRESS = "in_progress"
    FINALIZING = "finalizing"
    COMPLETED = "completed"
    EXPIRED = "expired"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"


BATCH, MESSAGE_BATCH = "batch", "msgbatch"  # what ids begin with: OpenAI's, and Anthropic's
OPEN = frozenset({BatchStatus.VALIDATING, BatchStatus.IN_PROGRESS, BatchStatus.FINALIZING, BatchStatus.CANCELLING})


class BatchFault(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with an input file. `line` counts from 1; None if it is about the whole file."""

    code: str
    message: str
    param: str | None = None
    line: int | None = None


class BatchCounts(msgspec.Struct, frozen=True):
    """Lines: of the whole batch, answered with 200, and answered otherwise or not at all; of these those not at all."""

    total: int = 0
    completed: int = 0
    failed: int = 0
    not_answered: int = 0


class Batch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`owner` as `owner_of` has it. Times are seconds since the epoch; one that has not come is None.

    `headers`: those of the request that made it which hold for each line (`x-gateway-*`, versions of a dialect), by
    lower-case name. `results` and `failures` are the ids of the files that answers and errors go to; they become
    `output_file_id` and `error_file_id` once they are whole and hold a line. `keep_s` is how long those files are kept.
    """

    id: str
    owner: str
    endpoint: str
    input_file_id: str
    window: str
    created_at: int
    expires_at: int
    results: str
    failures: str
    keep_s: int
    headers: dict[str, str] = {}
    metadata: dict[str, str] | None = None
    status: BatchStatus = BatchStatus.VALIDATING
    in_progress_at: int | None = None
    finalizing_at: int | None = None
    completed_at: int | None = None
    failed_at: int | None = None
    expired_at: int | None = None
    cancelling_at: int | None = None
    cancelled_at: int | None = None
    counts: BatchCounts = BatchCounts()
    faults: tuple[BatchFault, ...] = ()
    output_file_id: str | None = None
    error_file_id: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.status in OPEN

    def now(self, status: BatchStatus, at: float, **more: object) -> "Batch":
        """The same batch in another status, which it came to at that time."""
        return msgspec.structs.replace(self, status=status, **{f"{status.value}_at": int(at)}, **more)
