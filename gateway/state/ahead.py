"""What is ahead of a deployment's next request: prompts that were sent there and are not worked off.

A server works on prompts one after the other or a few at once, so a stream's first output waits for the prompts that came
before it. Nobody else tells of this queue at once: vLLM's own gauges are read once a second, and answers only teach how
long it was after it has passed. Requests for whole answers are not in it, as nobody sees when their prompt is done.
"""

from typing import NamedTuple


class Awaited(NamedTuple):
    """A stream without output: its prompt's tokens, those that were ahead of it, and the wait that was expected beside."""

    prompt_tokens: int
    ahead_tokens: int
    wait_s: float


class Ahead:
    """Of one deployment. Attempts are known by their tickets."""

    def __init__(self) -> None:
        self.tokens = 0
        self._awaited: dict[int, Awaited] = {}

    def began(self, ticket: int, prompt_tokens: int, wait_s: float) -> None:
        """A stream was sent there."""
        self._awaited[ticket] = Awaited(prompt_tokens, self.tokens, wait_s)
        self.tokens += prompt_tokens

    def over(self, ticket: int) -> Awaited | None:
        """It gave its first output, or ended; None if that was known."""
        awaited = self._awaited.pop(ticket, None)
        if awaited is not None:
            self.tokens -= awaited.prompt_tokens
        return awaited
