"""What a translator makes of a provider's answer: enough to judge and account for it, with the bytes kept."""

import msgspec

from gateway.values.outcome import AttemptFailed
from gateway.values.usage import Usage


class WholeAnswer(msgspec.Struct, frozen=True):
    """A complete answer that is one: `body` is what the caller gets."""

    body: bytes
    usage: Usage | None
    model: str | None
    finish_reason: str | None  # of the first choice


class Chunk(msgspec.Struct, frozen=True):
    """One or several whole events of a stream.

    `forward` is what the caller gets of them. `output` is true if they hold text, a tool call, reasoning or a refusal.
    `done` is true if the answer is complete with them. `failure` is set if they say, or show, that the answer failed:
    nothing of such a chunk may be forwarded.
    """

    forward: bytes
    output: bool = False
    done: bool = False
    failure: AttemptFailed | None = None


class StreamSummary(msgspec.Struct, frozen=True):
    """What a stream has said of itself so far. `output_events` held output: about a token each."""

    usage: Usage | None
    model: str | None
    finish_reason: str | None
    output_events: int
