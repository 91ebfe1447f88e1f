"""A revision: one policy that was in force, or on trial, and what became of it. Numbers go on across restarts."""

import enum

import msgspec

from gateway.values.deployment import Catalogue


class Channel(enum.Enum):
    """How a change came."""

    START = "start"  # the process began with it
    WATCH = "watch"  # the file changed
    SIGNAL = "signal"  # SIGHUP
    ADMIN = "admin"  # an operator, over `/admin/`
    AUTOMATIC = "automatic"  # the trial of a staged revision


class RevisionState(enum.Enum):
    """At most one revision is in force, at most one staged; the others are over."""

    IN_FORCE = "in_force"
    STAGED = "staged"  # it takes a share of the traffic
    REPLACED = "replaced"
    ROLLED_BACK = "rolled_back"
    WITHDRAWN = "withdrawn"  # staged, and never in force


class Withdrawal(enum.Enum):
    """Why a staged revision was withdrawn. Closed: it is a label."""

    ERRORS = "errors"  # more of its requests failed than of the others
    SLO = "slo"  # more of them missed the objective
    OPERATOR = "operator"
    REPLACED = "replaced"  # another revision was published or staged
    CONFIGURATION = "configuration"  # deployments or models are others since the restart


class Actor(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who changed it, and when: `key` is the name of the operator's key, None without keys; `at` seconds since the epoch."""

    via: Channel
    at: float
    key: str | None = None

    def __str__(self) -> str:
        """For people."""
        if self.via is Channel.ADMIN:
            return "an operator" if self.key is None else f"key {self.key!r}"
        return _BY[self.via]


_BY = {
    Channel.START: "the start",
    Channel.WATCH: "the file",
    Channel.SIGNAL: "SIGHUP",
    Channel.AUTOMATIC: "the gateway itself",
}


class Revision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`content` is the plan's hash. `share` is that of the traffic with which it was staged, None if it never was.

    `again_of`: the number of the revision whose document this is again, after a rollback or a start with other
    deployments. `ended` is who ended it; of one that
    was withdrawn `withdrawal` is why, and `reason` the same as a sentence.
    """

    number: int
    content: str
    by: Actor
    state: RevisionState
    share: float | None = None
    again_of: int | None = None
    promoted: Actor | None = None
    ended: Actor | None = None
    withdrawal: Withdrawal | None = None
    reason: str | None = None

    @property
    def name(self) -> str:
        """What answers and decisions carry."""
        return f"{self.number}-{self.content[:8]}"

    @property
    def was_in_force(self) -> bool:
        """Whether it decided about all requests at some time."""
        return self.share is None or self.promoted is not None


class Refused(msgspec.Struct, frozen=True):
    """The newest document, which is not valid."""

    by: Actor
    problems: tuple[str, ...]  # a line each


class Arm(msgspec.Struct, frozen=True):
    """What became of the requests of one revision in a trial, as callers saw it.

    Those that the caller ended, or is to blame for, are no part of `requests`; `judged` are held against an objective.
    `refused` were so by a rule, for what they carry: as the policy means it, so that nothing follows from it.
    """

    requests: int
    failed: int
    judged: int
    missed: int
    refused: int


class PolicyNow(msgspec.Struct, frozen=True, kw_only=True):
    """How it stands. `arms` are those of the revision in force and of the staged one.

    `brought` is who brought the document in force: a start that only takes it again, with other deployments, did not.

    `withdrawn` is the staged one that was withdrawn by itself, until the next change. `is_refused`: the newest document
    was not valid. `is_kept` is false if the file of revisions could not be written.
    """

    revision: Revision
    brought: Actor
    staged: Revision | None
    arms: tuple[Arm, Arm] | None
    withdrawn: Revision | None
    is_refused: bool
    is_kept: bool


class CompileContext(msgspec.Struct, frozen=True, kw_only=True):
    """What a document was compiled against. It holds no secret."""

    catalogue: Catalogue
    deadline_s: float


class KeptRevision(msgspec.Struct, frozen=True, kw_only=True):
    """A revision with what it takes to compile it again."""

    revision: Revision
    document: str
    context: CompileContext
