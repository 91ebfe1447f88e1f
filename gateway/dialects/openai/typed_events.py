"""Streams whose events say what they are in a member `type`, and end with one of a certain type: transcriptions, speech and
images.

Source: OpenAI's OpenAPI description 2.3.0 (CreateTranscriptionResponseStreamEvent, CreateSpeechResponseStreamEvent,
ImageGenStreamEvent, ImageEditStreamEvent). None of them needs [DONE], which some servers send all the same.
"""

from collections.abc import Iterator

import msgspec

from gateway.dialects.eventstream import Event, EventSplitter, EventTooLong
from gateway.dialects.openai.beside_chat import says_error
from gateway.dialects.openai.wire import ABSENT, is_present
from gateway.values.anomaly import Anomaly
from gateway.values.answer import Chunk, PartialAnswer, StreamSummary
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.usage import Usage

_DONE = b"[DONE]"
_MAX_EVENT_BYTES = 64 * 1024 * 1024  # an image in base64


class Typed(msgspec.Struct, gc=False):
    """An event, as far as every one is understood. `choices`: vLLM's transcriptions have them, and no type."""

    type: str | None = None
    error: msgspec.Raw = ABSENT
    usage: msgspec.Raw = ABSENT
    choices: msgspec.Raw = ABSENT
    size: msgspec.Raw = ABSENT  # of an image
    quality: msgspec.Raw = ABSENT


_decode = msgspec.json.Decoder(Typed).decode


class TypedEvents:
    """A decoder of one stream. `last`: the type of the event that ends it, once for each of `times`.

    Its kinds say what an event uses (`_usage`), what stands for one of another form (`_events`), and what a body is that was
    not streamed (`_unstreamed`).
    """

    def __init__(self, last: str, times: int = 1) -> None:
        self._last = last
        self._missing = times
        self._splitter = EventSplitter(_MAX_EVENT_BYTES)
        self._whole: list[bytes] | None = None  # of a body that is no stream
        self._seen_bytes = self._seen_event = False
        self._over = False
        self._outputs = 0
        self._used: Usage | None = None
        self._anomalies: set[Anomaly] = set()

    # -- what kinds of streams say

    def _usage(self, event: Typed, before: Usage | None) -> Usage | None:  # noqa: ARG002 - a kind's
        """What was used by now."""
        return before

    def _events(self, event: Typed, data: bytes) -> Iterator[tuple[str, bytes]]:
        """The events that the caller gets for this one: type and data. Raises AttemptFailed."""
        if event.type is None:
            raise AttemptFailed(Outcome.MALFORMED_ANSWER, "an event without a type")
        yield event.type, data

    def _unstreamed(self, body: bytes) -> Iterator[tuple[str, bytes]]:
        """The events that say what a whole answer does. Raises AttemptFailed if it is none."""
        if says_error(body):
            raise AttemptFailed(Outcome.ERROR_IN_ANSWER, "a 2xx whose body holds an error")
        raise AttemptFailed(Outcome.MALFORMED_ANSWER, "the body is not an event stream")

    # -- the decoder

    def feed(self, data: bytes) -> list[Chunk]:
        """The whole events in what has arrived."""
        if self._over or not data:
            return []
        if not self._seen_bytes and data.strip():
            self._seen_bytes = True
            if data.lstrip()[:1] == b"{":
                self._whole = []
        if self._whole is not None:
            self._whole.append(data)
            return []
        try:
            events = self._splitter.feed(data)
        except EventTooLong:
            return [self._fail(AttemptFailed(Outcome.ANSWER_TOO_LARGE, "an event is larger than allowed"))]
        return self._chunks(events)

    def end(self) -> Chunk:
        """The body has ended without the last event, unless that lacks its blank line only, or it was no stream."""
        if self._whole is not None:
            return self._not_streamed(b"".join(self._whole))
        last = None if self._over else self._splitter.finish()
        if last is not None and last.data.strip() != _DONE and not _reads(last.data):
            return self._fail(AttemptFailed(Outcome.TRUNCATED, "the stream ended within an event"))
        if last is not None and (chunks := self._chunks([last])) and (chunks[-1].done or chunks[-1].failure):
            return chunks[-1]
        if self._seen_event:
            return self._fail(AttemptFailed(Outcome.TRUNCATED, f"the stream ended before {self._last}"))
        if self._seen_bytes:
            return self._fail(AttemptFailed(Outcome.MALFORMED_ANSWER, "the body is not an event stream"))
        return self._fail(AttemptFailed(Outcome.EMPTY_ANSWER, "the stream was empty"))

    def summary(self) -> StreamSummary:
        """Usage comes last, so it is None until then."""
        return StreamSummary(self._used, None, None, self.tokens(), None, tuple(self._anomalies))

    def tokens(self) -> int:
        """Each event with output holds one at least."""
        return self._outputs

    def beginning(self) -> PartialAnswer | None:
        """Nobody goes on with it."""
        return None

    def _chunks(self, events: list[Event]) -> list[Chunk]:
        chunks: list[Chunk] = []
        for one in events:
            try:
                chunk = self._one(one.data)
            except AttemptFailed as failed:
                chunk = self._fail(failed)
            if chunk is not None:
                chunks.append(chunk)
                if chunk.done or chunk.failure is not None:
                    break
        return chunks

    def _one(self, data: bytes) -> Chunk | None:
        if data.strip() == _DONE:
            return self._done_came()
        try:
            event = _decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise AttemptFailed(Outcome.MALFORMED_ANSWER, "an event that cannot be read") from None
        self._seen_event = True
        if event.type == "error" or is_present(event.error):
            raise AttemptFailed(Outcome.ERROR_IN_ANSWER, "the stream carried an error")
        self._used = self._usage(event, self._used)
        forward = b"".join(as_sent(*one) for one in self._events(event, data))
        self._outputs += bool(forward)
        if event.type == self._last:
            self._missing -= 1
        return self._finished(forward) if self._missing == 0 else Chunk(forward, output=bool(forward))

    def _done_came(self) -> Chunk:
        raise AttemptFailed(Outcome.TRUNCATED, f"[DONE] came before {self._last}")

    def _finished(self, forward: bytes) -> Chunk:
        self._over = True
        return Chunk(forward, output=bool(forward), done=True)

    def _not_streamed(self, body: bytes) -> Chunk:
        try:
            forward = b"".join(as_sent(*one) for one in self._unstreamed(body))
        except AttemptFailed as failed:
            return self._fail(failed)
        self._anomalies.add(Anomaly.NOT_STREAMED)
        self._outputs += 1
        return self._finished(forward)

    def _fail(self, failed: AttemptFailed) -> Chunk:
        self._over = True
        return Chunk(b"", failure=failed)


def _reads(data: bytes) -> bool:
    try:
        _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def as_sent(kind: str, data: bytes) -> bytes:
    """An event under the name of its type, as OpenAI sends these. A line break in JSON is blank space, and ends a line here."""
    name = kind.replace("\n", "").replace("\r", "")
    return b"event: %b\ndata: %b\n\n" % (name.encode(), data.replace(b"\n", b"\ndata: "))
