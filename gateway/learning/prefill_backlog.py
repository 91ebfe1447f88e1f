"""What is ahead of a deployment's next request: prompts that were sent there and are not worked off.

A server works on prompts one after the other or a few at once, so a stream's first output waits for the prompts that came
before it. Nobody else tells of this queue at once: vLLM's own gauges are read once a second, and answers only teach how
long it was after it has passed. Requests for whole answers are not in it, as nobody sees when their prompt is done.
"""

from typing import NamedTuple


class Awaited(NamedTuple):
    """A stream without output: its prompt's tokens, those that were ahead of it, and the wait that was expected beside;
    since when, in seconds since the epoch.
    """

    prompt_tokens: int
    ahead_tokens: int
    wait_s: float
    since: float


class PrefillBacklog:
    """Of one deployment. Attempts are known by their tickets, which grow."""

    def __init__(self) -> None:
        self.tokens = 0
        self._awaited: dict[int, Awaited] = {}  # by ticket, as they began
        self._overtaken: dict[int, Awaited] = {}  # the same; but a later one has output

    @property
    def silent_since(self) -> float | None:
        """When the first of those began that wait, and none that began after them has output; None if nobody does.

        Where the next one is as slow as the slowest, this is how long it will wait at least. One that was overtaken says
        nothing of the next.
        """
        first = next(iter(self._awaited.values()), None)
        return None if first is None else first.since

    def began(self, ticket: int, prompt_tokens: int, wait_s: float, now: float) -> None:
        """A stream was sent there."""
        self._awaited[ticket] = Awaited(prompt_tokens, self.tokens, wait_s, now)
        self.tokens += prompt_tokens

    def answered(self, ticket: int) -> Awaited | None:
        """It gave its first output; None if that was known."""
        awaited = self.over(ticket)
        if awaited is not None:
            while self._awaited and (first := next(iter(self._awaited))) < ticket:
                self._overtaken[first] = self._awaited.pop(first)
        return awaited

    def over(self, ticket: int) -> Awaited | None:
        """It ended; None if it had output before."""
        awaited = self._awaited.pop(ticket, None) or self._overtaken.pop(ticket, None)
        if awaited is not None:
            self.tokens -= awaited.prompt_tokens
        return awaited
