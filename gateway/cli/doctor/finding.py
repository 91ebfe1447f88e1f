"""What a check of a deployment found."""

import enum

import msgspec


class Result(enum.Enum):
    """How a check ended, the worst last."""

    OK = "ok"
    SKIPPED = "skipped"
    NOTE = "note"  # it could be configured better
    WARNING = "warning"  # something will surprise
    FAILED = "failed"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """`took_s` is None where nothing was asked, `cost_usd` where it is unknown, or nothing was used."""

    deployment: str
    check: str
    result: Result
    said: str
    advice: str | None = None
    took_s: float | None = None
    cost_usd: float | None = None
