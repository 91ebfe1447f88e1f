"""What the log says of deployments that fail, are shut or come back, and why; and the newest failure of each."""

import logging
from collections.abc import Callable, Mapping, Sequence

import msgspec

from gateway.values.admissibility import Health
from gateway.values.outcome import CONSEQUENCES, Fault, Outcome
from gateway.values.records import Attempt, AttemptFinished

_log = logging.getLogger(__name__)
_SHUT = frozenset({Health.SHUT, Health.PROBING})


class Failure(msgspec.Struct, frozen=True):
    """The newest attempt at a deployment that failed by the provider's or the gateway's fault. `at`: seconds since the epoch."""

    at: float
    outcome: Outcome
    detail: str | None
    base_url: str | None
    status: int | None

    @property
    def sentence(self) -> str:
        """In words: outcome, status, address, and what was said."""
        parts = [self.outcome.value, f"HTTP {self.status}" if self.status is not None else "", self.base_url or ""]
        said = " ".join(part for part in parts if part)
        return f"{said}: {self.detail}" if self.detail else said


class HealthLog:
    """Listener of attempts. `health_of` and `now` tell how a deployment is, and when. One line for each change."""

    def __init__(
        self, addresses: Mapping[str, Sequence[str]], health_of: Callable[[str], Health], now: Callable[[], float]
    ) -> None:
        self._addresses = addresses
        self._health_of = health_of
        self._now = now
        self._shut: set[str] = set()
        self._refused: set[str] = set()  # whose credential was refused, and not taken since
        self._failures: dict[str, Failure] = {}

    def attempt_finished(self, record: AttemptFinished) -> None:
        """Listener."""
        attempt = record.attempt
        name = attempt.deployment
        if attempt.outcome is Outcome.OK and not (self._shut or self._refused) and self._health_of(name) not in _SHUT:
            return  # the usual case: nothing to say
        if CONSEQUENCES[attempt.outcome].fault in (Fault.PROVIDER, Fault.GATEWAY):
            self._failures[name] = self._failure(attempt)
        self._say_refused(attempt)
        is_shut = self._health_of(name) in _SHUT
        if is_shut and name not in self._shut:
            self._shut.add(name)
            failure = self._failures.get(name)
            _log.warning("deployment %s is shut%s", name, f": {failure.sentence}" if failure is not None else "")
        elif not is_shut and name in self._shut:
            self._shut.discard(name)
            _log.info("deployment %s admits requests again", name)

    def _say_refused(self, attempt: Attempt) -> None:
        """A bad credential, once until it is taken; never the key, nor what the provider said of it."""
        name = attempt.deployment
        if attempt.outcome is Outcome.OK:
            self._refused.discard(name)
        elif attempt.outcome is Outcome.CREDENTIAL_REFUSED and name not in self._refused:
            self._refused.add(name)
            _log.warning("deployment %s refused the gateway's credential: HTTP %s; check its key", name, attempt.status)

    def failure_of(self, deployment: str) -> Failure | None:
        """The newest; None if there was none."""
        return self._failures.get(deployment)

    def _failure(self, attempt: Attempt) -> Failure:
        addresses = self._addresses.get(attempt.deployment, ())
        alone = addresses[0] if len(addresses) == 1 else None
        return Failure(self._now(), attempt.outcome, attempt.detail, attempt.base_url or alone, attempt.status)
