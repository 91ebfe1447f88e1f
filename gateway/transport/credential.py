"""What signs a deployment's calls where that is not the same each time: a signature of each call, or a token that is replaced
before it ends. It is replaced beside requests (`gateway.watch.credentials`); a call never waits for one.
"""

import math
from collections.abc import Callable, Mapping
from typing import Protocol

from gateway.documents import Secret
from gateway.transport.redaction import Redactor
from gateway.transport.sigv4 import AwsKeys, Scope, Unsigned, signed_headers
from gateway.values.outcome import AttemptFailed, Outcome

_KEPT = 2  # what was replaced a moment ago may still be in an answer


class Signing(Protocol):
    """Signs each call anew."""

    @property
    def of_body(self) -> bool:
        """Whether a call's digest is needed."""

    def headers(self, call: Unsigned) -> Mapping[str, str]:
        """What the call has to have beside its own. Raises AttemptFailed (no_credential)."""

    def redact(self, text: str) -> str:
        """The text without what signs."""


class Credential:
    """`material`: a bearer token, or keys for `scope`; there is none before the first `replace`. `now`: seconds since the
    epoch.
    """

    def __init__(self, now: Callable[[], float], scope: Scope | None = None) -> None:
        self._now = now
        self._scope = scope
        self._material: Secret | AwsKeys | None = None
        self._ends_at = 0.0
        self._redactors: list[Redactor] = []

    @property
    def of_body(self) -> bool:
        """A token is the same for every body."""
        return self._scope is not None

    @property
    def is_valid(self) -> bool:
        """Whether calls can be signed now."""
        return self._material is not None and self._now() < self._ends_at

    def replace(self, material: Secret | AwsKeys, ends_at: float = math.inf) -> None:
        """From now on calls are signed with it, until `ends_at`, seconds since the epoch."""
        if isinstance(material, AwsKeys) is not self.of_body:
            raise TypeError("keys are for a scope, and a token for none")
        self._material, self._ends_at = material, ends_at
        self._redactors = [Redactor(_secrets(material)), *self._redactors][:_KEPT]

    def headers(self, call: Unsigned) -> dict[str, str]:
        """Raises AttemptFailed (no_credential) where there is none, or it has ended: then none could be had in time."""
        material, now = self._material, self._now()
        if material is None or now >= self._ends_at:
            what = "there is none yet" if material is None else f"it ended {now - self._ends_at:.0f} s ago"
            raise AttemptFailed(Outcome.NO_CREDENTIAL, f"{what}; why is in the log and at /admin/deployments")
        if isinstance(material, AwsKeys) and self._scope is not None:
            return signed_headers(call, material, self._scope, now)
        return {"authorization": f"Bearer {material.reveal()}"} if isinstance(material, Secret) else {}

    def redact(self, text: str) -> str:
        """The text without this credential, and without the one before."""
        for redactor in self._redactors:
            text = redactor.redact(text)
        return text


def _secrets(material: Secret | AwsKeys) -> tuple[str, ...]:
    if isinstance(material, Secret):
        return (material.reveal(),)
    hidden = (material.secret_access_key, material.session_token)
    return (material.access_key_id, *(one.reveal() for one in hidden if one is not None))
