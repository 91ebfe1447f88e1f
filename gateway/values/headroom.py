"""What a provider's rate limits still allow, as its answers said, less what was sent since."""

import msgspec


class Quota(msgspec.Struct, frozen=True, gc=False):
    """So many requests or tokens may still be sent until `resets_at`, seconds since the epoch. Below 0: too many were."""

    left: float
    resets_at: float

    def covers(self, wanted: float, now: float) -> bool:
        """Whether so many more may be sent now. After its reset it says nothing, and holds nobody back."""
        return self.left >= wanted or now >= self.resets_at


class Headroom(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """None: the provider does not say."""

    requests: Quota | None = None
    tokens: Quota | None = None
