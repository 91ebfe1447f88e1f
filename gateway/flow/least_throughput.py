"""Whether a stream keeps to the least rate that a rule sets: a leaky bucket, which slow patches empty and fast ones fill."""

_AHEAD_S = 10.0  # what a stream may be ahead, or behind at its start, in seconds of the least rate


class LeastThroughput:
    """Of one stream, from its first output on. `least` is in tokens per second."""

    def __init__(self, least: float) -> None:
        self._least = least
        self._level = self._full = least * _AHEAD_S
        self._came = 0

    def waited(self, seconds: float) -> None:
        """So long was waited for the provider; what the caller takes to read is not the provider's."""
        self._level -= seconds * self._least

    def came(self, tokens: int) -> None:
        """About so many tokens have come in all."""
        self._level = min(self._level + tokens - self._came, self._full)
        self._came = tokens

    def left_s(self) -> float:
        """For how many seconds nothing may come from now on."""
        return max(self._level / self._least, 0.0)
