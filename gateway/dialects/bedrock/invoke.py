"""Anthropic's Messages on Bedrock: the dialect is Anthropic's, but for the model's name, which is in the path, the version and
the betas, which are in the body, and the frames in which a stream comes.

Source: InvokeModel and InvokeModelWithResponseStream of Amazon Bedrock Runtime's API (2023-09-30, as of November 2026), the user
guide, "Anthropic Claude Messages API", and the Bedrock client of Anthropic's Python SDK 2.14.
"""

import base64
import binascii
import re
from collections.abc import Mapping

import msgspec

from gateway.dialects.amazon_frames import Frame, FrameSplitter
from gateway.dialects.anthropic import AnthropicTranslator
from gateway.dialects.bedrock.calls import STREAM, call, counted
from gateway.dialects.bedrock.failure import failure, failure_in_stream
from gateway.dialects.bedrock.wire import frames
from gateway.dialects.contract import StreamDecoder
from gateway.values.answer import Chunk, PartialAnswer, StreamSummary
from gateway.values.call import Call
from gateway.values.deployment import Deployment
from gateway.values.headroom import Headroom
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.request import Request

VERSION = msgspec.Raw(b'"bedrock-2023-05-31"')
_BETA = re.compile(r"[a-z0-9-]{1,64}")
_NAME = re.compile(r"[a-z_]{1,64}")
_ELSEWHERE = ("model", "stream")
_COUNTED = ("messages", "system", "tools", "tool_choice", "thinking")
_COUNTED_BOUND = msgspec.Raw(b"1")
_NO_FRAME = b"{ \t\r\n"  # a body that begins so is a whole message, or an error
_encode = msgspec.json.Encoder().encode


class _Chunk(msgspec.Struct):
    bytes: str = ""


class _Event(msgspec.Struct):
    type: str = ""


_chunk = msgspec.json.Decoder(_Chunk).decode
_event = msgspec.json.Decoder(_Event).decode


class InvokeAnthropicTranslator(AnthropicTranslator):
    """The verbs of Anthropic's dialect, by Bedrock's calls."""

    def encode(self, request: Request, target: Deployment) -> Call:
        """The caller's body, with what Bedrock wants in it."""
        fields = {name: value for name, value in request.fields.items() if name not in _ELSEWHERE}
        body: dict[str, object] = {"anthropic_version": VERSION, **fields}
        if betas := _betas(request):
            body["anthropic_beta"] = betas
        if request.facts.stream:
            return call(request, target, "invoke-with-response-stream", body, accept=STREAM)
        return call(request, target, "invoke", body)

    def decoder(self, request: Request, *, remember: bool = False) -> StreamDecoder:
        """A decoder that forwards Anthropic's events."""
        return _UnframedDecoder(super().decoder(request, remember=remember))

    def failure(self, status: int, headers: Mapping[str, str], body: bytes, now: float) -> AttemptFailed:
        """What a non-2xx answer means."""
        return failure(status, headers, body, now)

    def headroom(self, headers: Mapping[str, str], now: float) -> Headroom | None:  # noqa: ARG002 - the verb's
        """Bedrock says nothing of what its quotas still allow."""
        return None

    def encode_count(self, request: Request, target: Deployment) -> Call:
        """What of the body makes the prompt, as the body of a call that wants a bound."""
        fields = {name: request.fields[name] for name in _COUNTED if name in request.fields}
        body = _encode({"anthropic_version": VERSION, "max_tokens": _COUNTED_BOUND, **fields})
        told = {"invokeModel": {"body": base64.b64encode(body).decode()}}
        return call(request, target, "count-tokens", {"input": told})

    def decode_count(self, body: bytes) -> int:
        """The count of a 2xx body. Raises AttemptFailed if there is none."""
        return counted(body)


def _betas(request: Request) -> list[str]:
    named = (name for header, value in request.headers if header == "anthropic-beta" for name in value.split(","))
    return [name for name in map(str.strip, named) if _BETA.fullmatch(name)]


class _UnframedDecoder:
    """Anthropic's decoder, of events that come as base64 in messages of an Amazon event stream."""

    def __init__(self, inner: StreamDecoder) -> None:
        self._inner = inner
        self._splitter = FrameSplitter()
        self._is_plain: bool | None = None  # no frames come
        self._over = False

    def feed(self, data: bytes) -> list[Chunk]:
        """The whole events in what has arrived."""
        if self._over or not data:
            return []
        if self._is_plain is None:
            self._is_plain = data[0] in _NO_FRAME
        if self._is_plain:
            return self._inner.feed(data)
        events: list[bytes] = []
        failed: AttemptFailed | None = None
        try:
            for frame in frames(self._splitter, data):
                events.append(_as_event(frame))  # noqa: PERF401 - those before a bad one are kept
        except AttemptFailed as wrong:
            failed = wrong
        chunks = self._inner.feed(b"".join(events)) if events else []
        if failed is not None and not any(chunk.done or chunk.failure for chunk in chunks):
            self._over = True
            chunks.append(Chunk(b"", failure=failed))
        return chunks

    def end(self) -> Chunk:
        """The body has ended."""
        if not self._splitter.idle():
            return Chunk(b"", failure=AttemptFailed(Outcome.TRUNCATED, "the stream ended in the middle of a message"))
        return self._inner.end()

    def summary(self) -> StreamSummary:
        """What the stream has said of itself so far."""
        return self._inner.summary()

    def tokens(self) -> int:
        """About how many tokens of output have come."""
        return self._inner.tokens()

    def beginning(self) -> PartialAnswer | None:
        """What another server could go on with."""
        return self._inner.beginning()


def _as_event(frame: Frame) -> bytes:
    """In the framing of Anthropic's own API. Raises AttemptFailed for an error, and what is no event."""
    if frame.text(":message-type") in ("exception", "error"):
        raise failure_in_stream(frame)
    if frame.text(":event-type") != "chunk":
        return b""
    try:
        data = base64.b64decode(_chunk(frame.payload).bytes, validate=True)
        name = _event(data).type
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, binascii.Error, ValueError):
        raise AttemptFailed(Outcome.MALFORMED_ANSWER, "a chunk of the stream is no event") from None
    data = data.replace(b"\r", b" ").replace(b"\n", b" ")  # between the members of its JSON
    head = b"event: " + name.encode() + b"\n" if _NAME.fullmatch(name) else b""
    return head + b"data: " + data + b"\n\n"
