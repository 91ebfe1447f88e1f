"""What all dialects share of refusals: what a status stands for, and a provider's word for an error.

Sources: RFC 9110 15.5 and 15.6, RFC 6585 4; 402 and 529 as OpenRouter, DeepSeek and Anthropic use them.
"""

import re
from collections.abc import Iterable, Mapping

from gateway.values.outcome import Outcome

BY_STATUS: dict[int, Outcome] = {
    401: Outcome.CREDENTIAL_REFUSED,
    402: Outcome.QUOTA_EXHAUSTED,
    403: Outcome.CREDENTIAL_REFUSED,
    404: Outcome.DEPLOYMENT_GONE,
    405: Outcome.DEPLOYMENT_GONE,
    407: Outcome.CREDENTIAL_REFUSED,
    408: Outcome.OVERLOADED,
    409: Outcome.OVERLOADED,
    410: Outcome.DEPLOYMENT_GONE,
    425: Outcome.OVERLOADED,
    429: Outcome.RATE_LIMITED,
    529: Outcome.OVERLOADED,
}
REFUSED = frozenset({400, 413, 422})  # for what the caller asked
_WORD = re.compile(r"[A-Za-z0-9_.-]{1,64}")

Codes = Mapping[str, Outcome]  # what a vendor's own words and numbers mean, in lower case: a column of its row


def of_status(status: int) -> Outcome | None:
    """What a status that is no 2xx stands for; None for a refusal that its words tell more of."""
    if 300 <= status < 400:
        return Outcome.REDIRECTED
    if status in REFUSED:
        return None
    if status in BY_STATUS:
        return BY_STATUS[status]
    if status >= 500:
        return Outcome.SERVER_ERROR
    return Outcome.BAD_REQUEST if 400 <= status < 500 else Outcome.MALFORMED_ANSWER


def word(said: str | None) -> str | None:
    """It, where it is a word: free text may hold a prompt or a key."""
    return said if said and _WORD.fullmatch(said) else None


def says(words: str, any_of: Iterable[str]) -> bool:
    """Whether one of these stands in the words."""
    return any(one in words for one in any_of)
