"""What is left of a provider's rate limits: as it said last, less what was sent since.

What a provider says is of the moment when it took the request that it answers, so all that began after that request
counts as sent since: rather too much than too little.
"""

from gateway.values.headroom import LONGEST_HOLD_S, Headroom, Quota


class SentSince:
    """Of one deployment. Attempts are known by their tickets: 1 for the first begun, ..."""

    def __init__(self) -> None:
        self.headroom: Headroom | None = None
        self._told: Headroom | None = None
        self._told_to = (0, 0.0)  # the ticket, and the tokens sent until then, its own included
        self._sent = (0, 0.0)

    def sent(self, ticket: int, tokens: float) -> float:
        """An attempt with so many tokens goes out; the tokens sent so far, with its own."""
        total = self._sent[1] + tokens
        self._sent = ticket, total
        if self._told is not None:
            self._put_together()
        return total

    def told(self, ticket: int, sent_tokens: float, headroom: Headroom, now: float) -> None:
        """The answer to this attempt said so; `sent_tokens` as `sent` gave them. An older attempt's word is no news."""
        if ticket < self._told_to[0]:
            return
        latest = now + LONGEST_HOLD_S
        self._told = Headroom(_bounded(headroom.requests, latest), _bounded(headroom.tokens, latest))
        self._told_to = ticket, sent_tokens
        self._put_together()

    def set_back(self, by_s: float) -> None:
        """The clock was."""
        told = self._told
        if told is not None:
            self._told = Headroom(_earlier(told.requests, by_s), _earlier(told.tokens, by_s))
            self._put_together()

    def _put_together(self) -> None:
        told = self._told
        if told is not None:
            requests, tokens = (now - then for now, then in zip(self._sent, self._told_to, strict=True))
            self.headroom = Headroom(_less(told.requests, requests), _less(told.tokens, tokens))


def _bounded(quota: Quota | None, latest: float) -> Quota | None:
    return quota if quota is None or quota.resets_at <= latest else Quota(quota.left, latest)


def _earlier(quota: Quota | None, by_s: float) -> Quota | None:
    return None if quota is None else Quota(quota.left, quota.resets_at - by_s)


def _less(quota: Quota | None, sent: float) -> Quota | None:
    return None if quota is None else Quota(quota.left - sent, quota.resets_at)
