"""Anthropic's Messages as a dialect, both sides.

Source: Anthropic's API reference (API versions 2023-06-01 and 2026-10-21), its documentation of streams, errors and rate
limits, and the types of its Python SDK 2.14.
"""

from collections.abc import Mapping

from gateway.dialects.anthropic.answer import decode
from gateway.dialects.anthropic.failure import failure
from gateway.dialects.anthropic.headroom import headroom
from gateway.dialects.anthropic.request import decode_count, encode, encode_count, prepare
from gateway.dialects.anthropic.stream import AnthropicStreamDecoder
from gateway.dialects.anthropic.transcript import MessageTranscript
from gateway.dialects.contract import Prepared, Preparer, StreamDecoder
from gateway.values.answer import WholeAnswer
from gateway.values.call import Call
from gateway.values.deployment import Deployment
from gateway.values.headroom import Headroom
from gateway.values.outcome import AttemptFailed
from gateway.values.pause import Pause, no_pause
from gateway.values.request import Request


class AnthropicTranslator(Preparer):
    """The five verbs, and two for counting. A deployment's base URL ends with `/v1`."""

    form = "signed"

    def prepare(self, request: Request, pause: Pause = no_pause) -> Prepared:
        """The request without thoughts of others, which are refused."""
        return prepare(request, pause)

    def encode(self, request: Request, target: Deployment) -> Call:
        """The caller's body with the target's model name."""
        return encode(request, target)

    def decode(self, body: bytes, request: Request) -> WholeAnswer:  # noqa: ARG002 - the verb's
        """A 2xx body as an answer. Raises AttemptFailed if it is none."""
        return decode(body)

    def decoder(self, request: Request, *, remember: bool = False) -> StreamDecoder:  # noqa: ARG002 - the verb's
        """A decoder that forwards what comes."""
        return AnthropicStreamDecoder(MessageTranscript() if remember else None)

    def failure(self, status: int, headers: Mapping[str, str], body: bytes, now: float) -> AttemptFailed:
        """What a non-2xx answer means."""
        return failure(status, headers, body, now)

    def headroom(self, headers: Mapping[str, str], now: float) -> Headroom | None:
        """What the rate limits still allow."""
        return headroom(headers, now)

    def encode_count(self, request: Request, target: Deployment) -> Call:
        """The call that has the prompt counted."""
        return encode_count(request, target)

    def decode_count(self, body: bytes) -> int:
        """The count of a 2xx body. Raises AttemptFailed if there is none."""
        return decode_count(body)
