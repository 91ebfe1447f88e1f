"""Gemini's generateContent as a dialect, both sides; as the Gemini API has it, and Vertex AI.

Source: the Gemini API's reference (v1beta, November 2026), its pages on thinking, thought signatures, function calling,
structured output and errors, Vertex AI's reference (v1), and the types of google-genai 3.6.
"""

from collections.abc import Mapping

from gateway.dialects.contract import StreamDecoder
from gateway.dialects.gemini.answer import decode
from gateway.dialects.gemini.failure import failure
from gateway.dialects.gemini.request import decode_count, encode, encode_count
from gateway.dialects.gemini.stream import GeminiStreamDecoder
from gateway.dialects.gemini.transcript import Transcript
from gateway.values.answer import WholeAnswer
from gateway.values.call import Call
from gateway.values.deployment import Deployment
from gateway.values.headroom import Headroom
from gateway.values.outcome import AttemptFailed
from gateway.values.request import Request


class GeminiTranslator:
    """The five verbs, and two for counting. A deployment's base URL ends with `/v1beta`; on Vertex AI (`on_vertex`), where the
    project and the place are part of it, with `/publishers/google`.
    """

    def __init__(self, *, on_vertex: bool = False) -> None:
        self._on_vertex = on_vertex

    def encode(self, request: Request, target: Deployment) -> Call:
        """The caller's body, to the target's model."""
        return encode(request, target)

    def decode(self, body: bytes, request: Request) -> WholeAnswer:  # noqa: ARG002 - the verb's
        """A 2xx body as an answer. Raises AttemptFailed if it is none."""
        return decode(body)

    def decoder(self, request: Request, *, remember: bool = False) -> StreamDecoder:  # noqa: ARG002 - the verb's
        """A decoder that forwards what comes."""
        return GeminiStreamDecoder(Transcript() if remember else None)

    def failure(self, status: int, headers: Mapping[str, str], body: bytes, now: float) -> AttemptFailed:
        """What a non-2xx answer means."""
        return failure(status, headers, body, now)

    def headroom(self, headers: Mapping[str, str], now: float) -> Headroom | None:  # noqa: ARG002 - the verb's
        """Google's answers say nothing of what is left."""
        return None

    def encode_count(self, request: Request, target: Deployment) -> Call:
        """The call that has the prompt counted."""
        return encode_count(request, target, on_vertex=self._on_vertex)

    def decode_count(self, body: bytes) -> int:
        """The count of a 2xx body. Raises AttemptFailed if there is none."""
        return decode_count(body)
