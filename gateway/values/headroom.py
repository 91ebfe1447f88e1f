"""What a provider's rate limits still allow, as its answers said, less what was sent since."""

import msgspec

LONGEST_HOLD_S = 300.0  # nothing that a provider says or does keeps requests from it for longer without asking again


def holds(until: float | None, now: float) -> bool:
    """Whether something that was to end then is still so; seconds since the epoch.

    What would end later than anything can was said before the clock was set back: it holds nobody.
    """
    return until is not None and now < until <= now + LONGEST_HOLD_S


class Quota(msgspec.Struct, frozen=True, gc=False):
    """So many requests or tokens may still be sent until `resets_at`, seconds since the epoch. Below 0: too many were."""

    left: float
    resets_at: float


class Headroom(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """None: the provider does not say."""

    requests: Quota | None = None
    tokens: Quota | None = None
