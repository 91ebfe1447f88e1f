"""Servers that take so much and no more, and say so. Whole answers only: what counts is who is let in."""

import time

from tests.fake_upstream.behaviours.slow import whole_ok
from tests.fake_upstream.exchange import Exchange
from tests.fake_upstream.registry import behaviour
from tests.fake_upstream.wire import error_body

WORK_MS = 50
_RATE = error_body("Rate limit reached for requests.", "requests", code="rate_limit_exceeded")
_FULL = error_body("The request queue is full.", "ServiceUnavailableError", None, 503)  # vLLM 0.32


@behaviour("metered", "json", default=1000, unit="requests a second")
async def metered(x: Exchange) -> None:
    """Answers like ok, with x-ratelimit headers; 429 for what is more than its limit in a second of the clock."""
    now = time.time()
    if x.meter.second != int(now):
        x.meter.second, x.meter.in_second = int(now), 0
    left = x.parameter - x.meter.in_second
    x.meter.in_second += left > 0
    reset_ms = int((x.meter.second + 1 - now) * 1000) + 1
    headers = (
        ("x-ratelimit-limit-requests", str(x.parameter)),
        ("x-ratelimit-remaining-requests", str(max(left - 1, 0))),
        ("x-ratelimit-reset-requests", f"{reset_ms}ms"),
    )
    if left <= 0:
        await x.whole(_RATE, status=429, headers=(*headers, ("retry-after-ms", str(reset_ms))))
        return
    await x.pause(WORK_MS)
    await x.whole(whole_ok(x), headers=headers)


@behaviour("seats", "json", default=1000, unit="requests at once")
async def seats(x: Exchange) -> None:
    """Answers like ok after a while; vLLM's 503 for what is more than it takes at once."""
    if x.meter.at_once >= x.parameter:
        await x.whole(_FULL, status=503)
        return
    x.meter.at_once += 1
    try:
        await x.pause(WORK_MS)
    finally:
        x.meter.at_once -= 1
    await x.whole(whole_ok(x))
