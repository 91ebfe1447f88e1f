"""What a translator makes of a provider's answer: enough to judge and account for it, with the bytes kept."""

import msgspec

from gateway.values.anomaly import Anomaly
from gateway.values.outcome import AttemptFailed
from gateway.values.usage import Counts, Usage


class WholeAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """A complete answer that is one: `body` is what the caller gets, of this media type. `counts`: of a usage that lacks a
    part.
    """

    body: bytes
    usage: Usage | None
    model: str | None
    finish_reason: str | None  # of the first choice
    counts: Counts | None = None
    anomalies: tuple[Anomaly, ...] = ()
    media: str = "application/json"


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


class PartialAnswer(msgspec.Struct, frozen=True):
    """What a stream had said when it broke, where that is plain text that another server can go on with.

    `tokens`: about how many it has. `id` and `model`: what the caller knows the answer by; `head` is the data of the stream's
    first event, which may name more, where the caller got it as the provider sent it.
    """

    text: str
    tokens: int
    id: str
    model: str
    head: bytes = b""


class StreamSummary(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a stream has said of itself so far. `tokens`: about how many of output, by its events. `counts`: of a usage
    that lacks a part.
    """

    usage: Usage | None
    model: str | None
    finish_reason: str | None
    tokens: int
    counts: Counts | None = None
    anomalies: tuple[Anomaly, ...] = ()
