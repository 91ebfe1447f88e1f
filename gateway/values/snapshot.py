"""The world at one instant, as a decision sees it. A reading that is missing is a state of its own (law 13)."""

import enum

import msgspec


class Health(enum.Enum):
    """What is known of a deployment's ability to answer."""

    UNKNOWN = "unknown"  # nothing was read or tried yet
    ADMITTING = "admitting"
    SHUT = "shut"  # it failed in a row and is left alone until `shut_until`
    DOWN = "down"  # it is known not to run


class Reading(msgspec.Struct, frozen=True):
    """What is known of one deployment. Seconds are wall-clock where absolute; None is unknown."""

    health: Health = Health.UNKNOWN
    in_flight: int = 0
    failures_in_a_row: int = 0
    shut_until: float | None = None
    first_output_s: float | None = None  # moving mean


class Snapshot(msgspec.Struct, frozen=True):
    """`now` is seconds since the epoch. A deployment without an entry has never been read."""

    now: float
    readings: dict[str, Reading]

    def of(self, deployment: str) -> Reading:
        """The reading of a deployment; the unknown one where there is none."""
        return self.readings.get(deployment, UNREAD)


UNREAD = Reading()
