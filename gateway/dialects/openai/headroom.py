"""What a provider's rate limits still allow, from the headers of its answers.

Sources: OpenAI and Azure OpenAI, "Rate limits" (`x-ratelimit-remaining-requests`, `x-ratelimit-reset-tokens`, ...; Azure
leaves out the resets at times); Anthropic, "Rate limits" (`anthropic-ratelimit-requests-remaining`, ...).
"""

import re
from collections.abc import Mapping

from gateway.dialects.openai.ways import Pair, RateHeaders
from gateway.dialects.waits import reset_s
from gateway.values.headroom import Headroom, Quota

_UNSAID_S = 10.0  # Azure's shorter window
_COUNT = re.compile(r"[0-9]{1,15}")
_FIRST = ("x-ratelimit-remaining-requests", "x-ratelimit-remaining-tokens")
_ANTHROPIC = "anthropic-ratelimit-"
_NO_OTHERS = RateHeaders()


def headroom(headers: Mapping[str, str], now: float, others: RateHeaders = _NO_OTHERS) -> Headroom | None:
    """Requests and tokens that are left; None if nothing is said of either. `now`: seconds since the epoch; `others`: the
    vendor's own headers.
    """
    if others.requests or others.tokens:
        requests, tokens = _first(headers, others.requests, now), _first(headers, others.tokens, now)
        if requests is not None or tokens is not None:
            return Headroom(requests, tokens)
    if _FIRST[0] in headers or _FIRST[1] in headers:
        requests, tokens = (
            _quota(headers, f"x-ratelimit-remaining-{kind}", f"x-ratelimit-reset-{kind}", now)
            for kind in ("requests", "tokens")
        )
    elif f"{_ANTHROPIC}requests-remaining" in headers or f"{_ANTHROPIC}tokens-remaining" in headers:
        requests, tokens = (
            _quota(headers, f"{_ANTHROPIC}{kind}-remaining", f"{_ANTHROPIC}{kind}-reset", now)
            for kind in ("requests", "tokens")
        )
    else:
        return None
    return None if requests is None and tokens is None else Headroom(requests, tokens)


def _first(headers: Mapping[str, str], pairs: tuple[Pair, ...], now: float) -> Quota | None:
    found = (_quota(headers, *pair, now) for pair in pairs)
    return next((quota for quota in found if quota is not None), None)


def wait_s(headers: Mapping[str, str], now: float, others: RateHeaders = _NO_OTHERS) -> float | None:
    """Seconds until what is used up is there again; None if nothing is said to be."""
    found = headroom(headers, now, others)
    quotas = () if found is None else (found.requests, found.tokens)
    return max((one.resets_at - now for one in quotas if one is not None and one.left < 1), default=None)


def _quota(headers: Mapping[str, str], remaining: str, reset: str, now: float) -> Quota | None:
    left = headers.get(remaining, "").strip()
    if not _COUNT.fullmatch(left):
        return None
    after_s = reset_s(headers.get(reset, ""), now)
    return Quota(float(left), now + (_UNSAID_S if after_s is None else after_s))
