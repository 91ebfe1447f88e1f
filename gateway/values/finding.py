"""What detection says of a request: kinds and counts, never what was found (law 11)."""

import enum

import msgspec


class SensitiveKind(enum.Enum):
    """What can be found in a request's text."""

    EMAIL = "email"
    PHONE = "phone"
    IBAN = "iban"
    CARD = "card"  # a payment card's number
    NATIONAL_ID = "national_id"  # with a checksum: tax, social security and identity numbers
    RESIDENT_ID_CN = "resident_id_cn"
    API_KEY = "api_key"
    PRIVATE_KEY = "private_key"
    JWT = "jwt"


class SensitiveFinding(msgspec.Struct, frozen=True):
    """How often a kind was found."""

    kind: SensitiveKind
    count: int


class Detection(msgspec.Struct, frozen=True):
    """`failed` is why the request could not be looked at to its end, in words that hold nothing of it; None if it was."""

    findings: tuple[SensitiveFinding, ...] = ()
    failed: str | None = None


NOTHING_FOUND = Detection()


class DetectionsSoFar(msgspec.Struct):
    """How many detections of a process ended how; `on_threads` of them were not done on the event loop.

    `turned_away`: there was no thread in time. `waiting`: for a thread, now.
    """

    clean: int = 0
    found: int = 0
    failed: int = 0
    turned_away: int = 0
    on_threads: int = 0
    waiting: int = 0
