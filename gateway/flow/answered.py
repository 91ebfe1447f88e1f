"""What a request's attempts came to for its caller: a whole answer, or a stream whose first output is here."""

import msgspec

from gateway.flow.story import Story
from gateway.flow.stream import Stream
from gateway.values.decision import Decision
from gateway.values.deviations import NO_DEVIATIONS, Deviations
from gateway.values.outcome import Outcome


class AnsweredWhole(msgspec.Struct, frozen=True):
    """`body` is what the caller gets, of this media type, and of a large one `more`, in blocks; `cost_usd` what it cost,
    None where that is unknown. `deviations`: what the provider was not told of the request as the caller said it.
    """

    story: Story
    deployment: str
    body: bytes
    cost_usd: float | None
    deviations: Deviations = NO_DEVIATIONS
    more: tuple[bytes, ...] = ()
    media: str = "application/json"

    @property
    def decision(self) -> Decision:
        """What the answer follows from."""
        return self.story.decision

    @property
    def attempts(self) -> int:
        """How many were made."""
        return len(self.story.attempts)

    def give_up(self, why: Outcome) -> None:
        """It is not used: it is on record already."""


class AnsweredStream(msgspec.Struct, frozen=True):
    """Read the stream to its end, and close it once, on every way out. `deviations` as above."""

    story: Story
    deployment: str
    stream: Stream
    deviations: Deviations = NO_DEVIATIONS

    @property
    def decision(self) -> Decision:
        """What the answer follows from."""
        return self.story.decision

    @property
    def attempts(self) -> int:
        """How many were made, that of the stream included."""
        return len(self.story.attempts) + 1


Answered = AnsweredWhole | AnsweredStream
