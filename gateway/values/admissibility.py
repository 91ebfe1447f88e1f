"""What a deployment takes at present: whether it is left alone, being tried, told to wait, or full."""

import math
from collections.abc import Iterator

import msgspec

from gateway.values.headroom import Headroom, holds
from gateway.values.word import Word


class Health(Word):
    """What is known of a deployment's ability to answer. The last three are of the moment: see `Reading.state`."""

    UNKNOWN = "unknown"  # nothing was read or tried yet
    ADMITTING = "admitting"
    PROBING = "probing"  # it failed; a few requests at a time see whether it has recovered
    SHUT = "shut"  # it failed and is left alone until `shut_until`
    DOWN = "down"  # it is known not to run
    REFUSING = "refusing"  # it asked to be left alone for a while, or its rate limit is used up
    LIMITED = "limited"  # it has as many requests as it takes at once
    RESTING = "resting"  # it refused one after the other for what will last: it is asked last, for a while


class Rejection(msgspec.Struct, frozen=True, gc=False):
    """Why a request is not sent to a deployment now, and until when that holds; None if only events can tell.

    `left` is what the rate limit still allows in tokens, where that is what does not suffice.
    """

    state: Health
    until: float | None = None
    left: float | None = None


class Admissibility(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Times are seconds since the epoch. None: nothing of this kind is known, and nothing is bounded by it.

    `probes_out`: as many requests as may probe it are under way. `see_through`: the next of them is not to be hedged.
    `limit` is the most that may be in flight. Until `rest_until` it is asked last, and longer while a request that sees
    whether it takes any again is under way (`rest_probed`); that keeps nobody out.
    """

    shut_until: float | None = None
    probes_out: bool = False
    wait_until: float | None = None
    limit: int | None = None
    headroom: Headroom | None = None
    see_through: bool = False
    rest_until: float | None = None
    rest_probed: bool = False

    def rejection(self, in_flight: int, tokens: float, now: float) -> Rejection | None:
        """What keeps a request of so many tokens out, while so many are in flight; None if nothing does."""
        for one in self._rejections(in_flight, tokens):
            if one.until is None or holds(one.until, now):
                return one
        return None

    def closed_until(self, in_flight: int) -> float:
        """Until then at the latest every request is kept out, while so many are in flight; seconds since the epoch."""
        ends = [math.inf if one.until is None else one.until for one in self._rejections(in_flight, 0.0)]
        return max(ends, default=0.0)

    def _rejections(self, in_flight: int, tokens: float) -> Iterator[Rejection]:
        """All that may keep it out: each until its own time, which may have passed."""
        if self.shut_until is not None:
            yield Rejection(Health.SHUT, self.shut_until)
        if self.probes_out:
            yield Rejection(Health.PROBING)
        if self.wait_until is not None:
            yield Rejection(Health.REFUSING, self.wait_until)
        if self.headroom is not None:
            by_requests, by_tokens = self.headroom.requests, self.headroom.tokens
            if by_requests is not None and by_requests.left < 1:
                yield Rejection(Health.REFUSING, by_requests.resets_at)
            if by_tokens is not None and by_tokens.left < tokens:
                yield Rejection(Health.REFUSING, by_tokens.resets_at, max(by_tokens.left, 0.0))
        if self.limit is not None and in_flight >= self.limit:
            yield Rejection(Health.LIMITED)

    def rests(self, now: float) -> bool:
        """Whether others are to be asked first."""
        return self.rest_probed or holds(self.rest_until, now)


OPEN = Admissibility()
