"""The OpenAI dialect of chat completions, as OpenAI, vLLM, llama.cpp and most others speak it.

Source: OpenAI's OpenAPI description 2.3.0 (CreateChatCompletionRequest, -Response, -StreamResponse), and what vLLM 0.32
and llama.cpp were seen to send. Differences between vendors are columns of `gateway.providers.vendors`, not code here.
"""

from collections.abc import Mapping

from gateway.dialects.contract import StreamDecoder
from gateway.dialects.openai.answer import decode
from gateway.dialects.openai.failure import failure
from gateway.dialects.openai.finish import ANY
from gateway.dialects.openai.headroom import headroom
from gateway.dialects.openai.request import encode, wants_running_usage
from gateway.dialects.openai.stream import OpenAIStreamDecoder
from gateway.dialects.openai.transcript import Transcript
from gateway.dialects.openai.ways import USUAL, Ways
from gateway.values.answer import WholeAnswer
from gateway.values.call import Call
from gateway.values.deployment import Deployment
from gateway.values.headroom import Headroom
from gateway.values.outcome import AttemptFailed
from gateway.values.request import Request


class OpenAITranslator:
    """The five verbs. `usage_in_streams`: the vendor accepts `stream_options.include_usage`. `finishes`: the finish reasons
    that it is known to give; others are passed on, and counted. `ways`: in what else it differs from OpenAI.
    """

    def __init__(self, *, usage_in_streams: bool, finishes: frozenset[str] = ANY, ways: Ways = USUAL) -> None:
        self._usage_in_streams = usage_in_streams
        self._finishes = finishes
        self._ways = ways

    def encode(self, request: Request, target: Deployment) -> Call:
        """The caller's body with the target's model name; a stream also asks for usage, to account for it."""
        return encode(request, target, ask_usage=self._usage_in_streams, ways=self._ways)

    def decode(self, body: bytes, request: Request) -> WholeAnswer:  # noqa: ARG002 - the verb's
        """A 2xx body as an answer. Raises AttemptFailed if it is none."""
        return decode(body, self._finishes, self._ways)

    def decoder(self, request: Request, *, remember: bool = False) -> StreamDecoder:
        """A decoder that takes out the usage where the caller did not ask for it."""
        return OpenAIStreamDecoder(
            keep_usage=request.wants_usage or not self._usage_in_streams,
            running_usage=request.wants_usage and wants_running_usage(request),
            choices=request.facts.choices,
            finishes=self._finishes,
            ways=self._ways,
            transcript=Transcript() if remember else None,
        )

    def failure(self, status: int, headers: Mapping[str, str], body: bytes, now: float) -> AttemptFailed:
        """What a non-2xx answer means."""
        return failure(status, headers, body, now, self._ways)

    def headroom(self, headers: Mapping[str, str], now: float) -> Headroom | None:
        """What the rate limits still allow."""
        return headroom(headers, now, self._ways.rate_headers)
