"""What a provider's rate limits still allow, from the headers of its answers.

Source: Anthropic, "Rate limits": `anthropic-ratelimit-requests-remaining`, and the same of `tokens` (of the limit that is
nearest), `input-tokens` and `output-tokens`; each has a `-reset`, an RFC 3339 date.
"""

import re
from collections.abc import Mapping

from gateway.dialects.waits import reset_s
from gateway.values.headroom import Headroom, Quota

_PREFIX = "anthropic-ratelimit-"
_KINDS = ("tokens", "input-tokens", "output-tokens")
_UNSAID_S = 10.0  # where a reset is not told
_COUNT = re.compile(r"[0-9]{1,15}")


def headroom(headers: Mapping[str, str], now: float) -> Headroom | None:
    """Requests that are left, and whether tokens are used up; None if neither is said. `now`: seconds since the epoch."""
    requests, tokens = _quota(headers, "requests", now), _tokens(headers, now)
    return None if requests is None and tokens is None else Headroom(requests, tokens)


def wait_s(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds until what is used up is there again; None if nothing is said to be."""
    found = headroom(headers, now)
    quotas = () if found is None else (found.requests, found.tokens)
    return max((one.resets_at - now for one in quotas if one is not None and one.left < 1), default=None)


def _tokens(headers: Mapping[str, str], now: float) -> Quota | None:
    """The one that is used up for the longest. What is left of others says nothing of a request: its `max_tokens` does
    not count, only what is said does, and many clients ask for the most that a model can say.
    """
    found = (_quota(headers, kind, now) for kind in _KINDS)
    spent = [one for one in found if one is not None and one.left < 1]
    return max(spent, key=lambda one: one.resets_at, default=None)


def _quota(headers: Mapping[str, str], kind: str, now: float) -> Quota | None:
    left = headers.get(f"{_PREFIX}{kind}-remaining", "").strip()
    if not _COUNT.fullmatch(left):
        return None
    after_s = reset_s(headers.get(f"{_PREFIX}{kind}-reset", ""), now)
    return Quota(float(left), now + (_UNSAID_S if after_s is None else after_s))
