"""What becomes of a request's less common members at each candidate of a pool.

The caller asked for a model; which of its deployments answers is the gateway's choice. So a member that one of them takes
causes no refusal at another: there it is left out, or, where the answer depends on it, that one is left out of the pool.
A member that none of them takes is the caller's own mistake, and goes on as it is. What a rule falls back to outside the
pool is not what the caller asked for: it is measured by the pool. What a vendor is known to lack is asked of none of its
servers, whoever else is in the pool: they would answer as if it had not been asked for.
"""

from collections.abc import Sequence

from gateway.values.decision import Cause, Reason
from gateway.values.request import Facts
from gateway.values.taken_fields import TakenFields


class PoolFields:
    """Of one request at one pool. `own`: what the pool's own deployments take, without those that are a fallback only."""

    def __init__(self, own: Sequence[TakenFields], facts: Facts) -> None:
        extra, essential = facts.extra_fields, facts.essential_fields
        self._optional = sorted(extra - essential)
        self._passing = frozenset(name for name in self._optional if any(one.lets_pass(name) for one in own))
        self._essential = sorted(essential)
        self._heeded = frozenset(name for name in essential if any(one.heeds(name) for one in own))

    def lost(self, takes: TakenFields) -> tuple[str, ...]:
        """What is left out where these are taken, by name."""
        return tuple(
            name
            for name in self._optional
            if name in takes.lacks or (name in self._passing and not takes.lets_pass(name))
        )

    def unheeded(self, takes: TakenFields) -> tuple[str, ...]:
        """What makes no difference where these are taken, whether it is left out, passed over or refused."""
        return tuple(
            name for name in sorted((*self._optional, *self._essential)) if name in takes.lacks or not takes.heeds(name)
        )

    def against(self, takes: TakenFields, provider: str) -> tuple[Reason, ...]:
        """Why one that takes these cannot answer; nothing if it can."""
        lacking = [
            name for name in self._essential if name in takes.lacks or (name in self._heeded and not takes.heeds(name))
        ]
        return (Reason(Cause.FIELD, ", ".join(lacking), provider),) if lacking else ()
