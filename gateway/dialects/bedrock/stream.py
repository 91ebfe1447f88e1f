"""Decode a stream of Converse: messages of an Amazon event stream, which are forwarded as they came.

The answer ends with `messageStop`, the stream with `metadata`, which has the usage. A body that ended properly after the first
of them is complete without the second (law 3).
"""

from gateway.dialects.amazon_frames import FrameSplitter
from gateway.dialects.bedrock.answer import decode
from gateway.dialects.bedrock.progress import Effect, Progress
from gateway.dialects.bedrock.unstreamed import as_stream
from gateway.dialects.bedrock.wire import frames
from gateway.values.anomaly import Anomaly
from gateway.values.answer import Chunk, PartialAnswer, StreamSummary
from gateway.values.outcome import AttemptFailed, Outcome

_NO_FRAME = b"{ \t\r\n"  # a body that begins so is no stream: a message's first byte is of its length


class ConverseStreamDecoder:
    """One stream of one attempt. `remember`: what is said is kept."""

    def __init__(self, *, remember: bool) -> None:
        self._splitter = FrameSplitter()
        self._progress = Progress(remembers=remember)
        self._whole: list[bytes] | None = None  # of a body that is no stream
        self._seen_bytes = False
        self._over = False

    def feed(self, data: bytes) -> list[Chunk]:
        """The whole messages in what has arrived, as few chunks as possible."""
        if self._over or not data:
            return []
        if not self._seen_bytes:
            self._seen_bytes = True
            self._whole = [] if data[0] in _NO_FRAME else None
        if self._whole is not None:
            self._whole.append(data)
            return []
        return self._take(data)

    def end(self) -> Chunk:
        """The body has ended without `metadata`."""
        if self._whole is not None:
            return self._not_streamed(b"".join(self._whole))
        if not self._progress.is_complete or not self._splitter.idle():
            return self._fail(self._cut_short())
        if (failure := self._progress.verdict()) is not None:
            return self._fail(failure)
        self._over = True
        self._progress.anomalies.add(Anomaly.NO_TERMINATOR)
        return Chunk(b"", done=True)

    def summary(self) -> StreamSummary:
        """What the stream has said of itself so far."""
        return self._progress.summary()

    def tokens(self) -> int:
        """About how many tokens of output have come."""
        return self._progress.tokens()

    def beginning(self) -> PartialAnswer | None:
        """What was said, as far as it is plain text."""
        return self._progress.beginning()

    def _take(self, data: bytes) -> list[Chunk]:
        forward: list[bytes] = []
        output = False
        try:
            for frame in frames(self._splitter, data):
                effect = self._progress.take(frame)
                if effect is not Effect.DROPPED:
                    forward.append(frame.raw)
                output = output or effect is Effect.OUTPUT
                if effect is Effect.DONE:
                    self._over = True
                    return [Chunk(b"".join(forward), output, done=True)]
        except AttemptFailed as failed:
            return [*([Chunk(b"".join(forward), output)] if forward else []), self._fail(failed)]
        return [Chunk(b"".join(forward), output)] if forward else []

    def _not_streamed(self, body: bytes) -> Chunk:
        """A whole answer, as the stream that was asked for."""
        try:
            answer, frames_of_it = decode(body), as_stream(body)
        except AttemptFailed as failed:
            return self._fail(failed)
        self._progress.anomalies |= {Anomaly.NOT_STREAMED, *answer.anomalies}
        return self._take(frames_of_it)[-1]

    def _cut_short(self) -> AttemptFailed:
        if self._progress.any_frame:
            return AttemptFailed(Outcome.TRUNCATED, "the stream ended before its messageStop")
        if self._seen_bytes:
            return AttemptFailed(Outcome.MALFORMED_ANSWER, "the body is not an event stream")
        return AttemptFailed(Outcome.EMPTY_ANSWER, "the stream was empty")

    def _fail(self, failure: AttemptFailed) -> Chunk:
        self._over = True
        return Chunk(b"", failure=failure)
