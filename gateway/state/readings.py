"""What is known of each deployment, learned from attempts and probes. The source of every snapshot.

A reading is replaced, never changed, so a snapshot is a shallow copy and stays what it was.
"""

from gateway.values.outcome import CONSEQUENCES, Fault, Outcome
from gateway.values.snapshot import UNREAD, Health, Reading, Snapshot

FAILURES_TO_SHUT = 5  # provider faults in a row
FIRST_PAUSE_S = 1.0  # doubles with each failed proof, up to:
LONGEST_PAUSE_S = 30.0
_WEIGHT = 0.2  # of the newest time to first output in the moving mean


class Readings:
    """One per process. Single-threaded: every verb runs to its end on the event loop."""

    def __init__(self) -> None:
        self._readings: dict[str, Reading] = {}

    def snapshot(self, now: float) -> Snapshot:
        """The world at `now`, seconds since the epoch."""
        return Snapshot(now, self._readings.copy())

    def of(self, deployment: str) -> Reading:
        """The present reading."""
        return self._readings.get(deployment, UNREAD)

    def began(self, deployment: str) -> None:
        """An attempt begins. Each of these is followed by one `ended`."""
        was = self.of(deployment)
        self._readings[deployment] = Reading(
            was.health, was.in_flight + 1, was.failures_in_a_row, was.shut_until, was.first_output_s
        )

    def ended(self, deployment: str, outcome: Outcome, first_output_s: float | None, now: float) -> None:
        """An attempt ended. Only a provider's faults count against a deployment (law 9)."""
        was = self.of(deployment)
        health, failures, until = was.health, was.failures_in_a_row, was.shut_until
        if outcome is Outcome.OK:
            health, failures, until = Health.ADMITTING, 0, None
        elif CONSEQUENCES[outcome].fault is Fault.PROVIDER:
            failures += 1
            if failures >= FAILURES_TO_SHUT and health is not Health.DOWN:
                health, until = Health.SHUT, now + _pause(failures)
        mean = _moved(was.first_output_s, first_output_s)
        self._readings[deployment] = Reading(health, was.in_flight - 1, failures, until, mean)

    def up(self, deployment: str) -> None:
        """A probe was answered, or a process has started: forget that it was down, not that it failed."""
        was = self.of(deployment)
        if was.health in (Health.DOWN, Health.UNKNOWN):
            self._readings[deployment] = Reading(Health.ADMITTING, was.in_flight, 0, None, was.first_output_s)

    def down(self, deployment: str) -> None:
        """It is known not to run."""
        was = self.of(deployment)
        if was.health is not Health.DOWN:
            self._readings[deployment] = Reading(Health.DOWN, was.in_flight, 0, None, was.first_output_s)

    def can_answer(self, deployment: str, now: float) -> bool:
        """For readiness: nothing is known against it."""
        reading = self.of(deployment)
        return reading.health is not Health.DOWN and (reading.shut_until or 0.0) <= now


def _pause(failures: int) -> float:
    return float(min(FIRST_PAUSE_S * 2 ** min(failures - FAILURES_TO_SHUT, 10), LONGEST_PAUSE_S))


def _moved(mean: float | None, newest: float | None) -> float | None:
    if newest is None or mean is None:
        return mean if newest is None else newest
    return mean + _WEIGHT * (newest - mean)
