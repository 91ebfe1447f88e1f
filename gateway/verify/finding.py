"""What verification finds: one place, one sentence, and where it applies a request that shows it."""

import enum

import msgspec

from gateway.values.request import Facts


class Severity(enum.Enum):
    """How bad it is."""

    ERROR = "error"  # it cannot be meant: a promise is broken, or a rule serves nobody
    WARNING = "warning"  # probably a mistake: what was written can have no effect
    NOTE = "note"  # worth knowing, and often meant: who is refused, what fails together


class FindingKind(enum.Enum):
    """What is wrong. Closed: a new proof adds its words here and its row in docs/checking-policies.md."""

    INVALID = "invalid"  # the document itself: reading or `check_policy` refuses it
    SECRET = "secret"  # noqa: S105 - a secret is not here
    NEVER_MATCHES = "never_matches"
    ALWAYS_REFUSED = "always_refused"
    NO_CANDIDATE = "no_candidate"
    UNSAFE_EDGE = "unsafe_edge"
    UNREACHABLE = "unreachable"
    FALLBACK = "fallback"
    PREFERENCE = "preference"
    OBJECTIVE = "objective"
    LIMIT = "limit"
    REFUSAL = "refusal"
    NAME = "name"
    PRICE = "price"
    ADDRESS = "address"
    POOL = "pool"
    DETECTION = "detection"
    NOT_PROVED = "not_proved"


class Example(msgspec.Struct, frozen=True):
    """A request as routing sees it. Deciding it shows what was found.

    `at` is when it comes, seconds since the epoch; 0 where the policy names no window of time.
    """

    facts: Facts
    at: float


class PolicyFinding(msgspec.Struct, frozen=True, kw_only=True):
    """`path` is within the policy; with `in_catalogue` within the configuration that holds the deployments."""

    severity: Severity
    kind: FindingKind
    path: str
    sentence: str
    rule: str | None = None
    example: Example | None = None
    in_catalogue: bool = False


class Report(msgspec.Struct, frozen=True):
    """All findings, the worst first. `complete` is false where a space was too large to be looked at whole."""

    findings: tuple[PolicyFinding, ...]
    complete: bool
