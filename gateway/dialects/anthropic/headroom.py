"""What a provider's rate limits still allow, from the headers of its answers.

Source: Anthropic, "Rate limits": `anthropic-ratelimit-requests-remaining`, and the same of `tokens` (of the limit that is
nearest), `input-tokens` and `output-tokens`; each has a `-reset`, an RFC 3339 date.
"""

import re
from collections.abc import Mapping

from gateway.dialects.waits import reset_s
from gateway.values.headroom import Headroom, Quota

_PREFIX = "anthropic-ratelimit-"
_UNSAID_S = 10.0  # where a reset is not told
_COUNT = re.compile(r"[0-9]{1,15}")


def headroom(headers: Mapping[str, str], now: float) -> Headroom | None:
    """Requests and tokens that are left; None if nothing is said of either. `now`: seconds since the epoch."""
    requests, tokens = _quota(headers, "requests", now), _tokens(headers, now)
    return None if requests is None and tokens is None else Headroom(requests, tokens)


def wait_s(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds until what is used up is there again; None if nothing is said to be."""
    found = headroom(headers, now)
    quotas = () if found is None else (found.requests, found.tokens)
    return max((one.resets_at - now for one in quotas if one is not None and one.left < 1), default=None)


def _tokens(headers: Mapping[str, str], now: float) -> Quota | None:
    """Of input and output together; one of them that is used up stands for both."""
    both = _quota(headers, "tokens", now)
    each = [one for one in (_quota(headers, f"{kind}-tokens", now) for kind in ("input", "output")) if one is not None]
    spent = [one for one in each if one.left < 1]
    if spent:
        return max(spent, key=lambda one: one.resets_at)
    if both is not None or not each:
        return both
    return Quota(sum(one.left for one in each), max(one.resets_at for one in each))


def _quota(headers: Mapping[str, str], kind: str, now: float) -> Quota | None:
    left = headers.get(f"{_PREFIX}{kind}-remaining", "").strip()
    if not _COUNT.fullmatch(left):
        return None
    after_s = reset_s(headers.get(f"{_PREFIX}{kind}-reset", ""), now)
    return Quota(float(left), now + (_UNSAID_S if after_s is None else after_s))
