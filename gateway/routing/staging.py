"""Which requests a staged plan decides: a share of them, and all of a session or none."""

import zlib

import msgspec

from gateway.routing.chance import hashed, shares
from gateway.routing.plan import Plan


class Staging(msgspec.Struct, frozen=True):
    """`share` in (0, 1). `salt` makes it another part of the sessions for each revision."""

    plan: Plan
    share: float
    salt: int

    def takes(self, session: str | None, decision_id: str) -> bool:
        """Whether it decides about this request. The same for all of a session, as long as it is staged."""
        seed = zlib.crc32(decision_id.encode()) if session is None else hashed(session)
        return shares(seed, (self.salt,))[0] < self.share


def staging(plan: Plan, share: float) -> Staging:
    """The plan, staged with this share."""
    return Staging(plan, share, hashed(f"staged {plan.revision}"))
