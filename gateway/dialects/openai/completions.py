"""Legacy completions of the OpenAI dialect: text goes on, without turns.

Source: OpenAI's OpenAPI description 2.3.0 (CreateCompletionRequest, -Response), and what vLLM 0.32 and llama.cpp were seen
to send.
"""

from collections.abc import Mapping

import msgspec

from gateway.dialects.contract import StreamDecoder
from gateway.dialects.openai.completion_body import Habits, judged
from gateway.dialects.openai.completion_stream import CompletionsDecoder
from gateway.dialects.openai.failure import failure
from gateway.dialects.openai.finish import ANY
from gateway.dialects.openai.headroom import headroom
from gateway.dialects.openai.request import encode_to
from gateway.dialects.openai.ways import USUAL, Ways
from gateway.values.answer import WholeAnswer
from gateway.values.call import Call
from gateway.values.deployment import Deployment
from gateway.values.headroom import Headroom
from gateway.values.outcome import AttemptFailed
from gateway.values.request import Request

PATH = "/completions"

_decode_count = msgspec.json.Decoder(int | None).decode


def _choices_of(request: Request) -> int:
    """How many come back: of `best_of`, which are all generated and paid for, `n` are chosen."""
    generated, best_of = request.facts.choices, _count(request.fields.get("best_of"))
    return generated if best_of is None else generated // best_of * (_count(request.fields.get("n")) or 1)


def _count(raw: msgspec.Raw | None) -> int | None:
    return None if raw is None else _decode_count(raw)


class CompletionsTranslator:
    """The five verbs. `usage_in_streams`, `finishes` and `ways` as `OpenAITranslator` has them."""

    def __init__(self, *, usage_in_streams: bool, finishes: frozenset[str] = ANY, ways: Ways = USUAL) -> None:
        self._usage_in_streams = usage_in_streams
        self._finishes = finishes
        self._ways = ways

    def encode(self, request: Request, target: Deployment) -> Call:
        """The caller's body with the target's model name; a stream also asks for usage."""
        return encode_to(PATH, request, target, ask_usage=self._usage_in_streams, ways=self._ways)

    def habits(self, request: Request) -> Habits | None:  # noqa: ARG002 - the vendor's own
        """What a vendor writes otherwise in the answer to this request; None: nothing."""
        return None

    def decode(self, body: bytes, request: Request) -> WholeAnswer:
        """A 2xx body as an answer. Raises AttemptFailed if it is none."""
        return judged(body, _choices_of(request), self._finishes, self.habits(request), self._ways)

    def decoder(self, request: Request, *, remember: bool = False) -> StreamDecoder:  # noqa: ARG002 - nothing goes on with it
        """A decoder that takes out the usage where the caller did not ask for it."""
        return CompletionsDecoder(
            keep_usage=request.wants_usage or not self._usage_in_streams,
            choices=_choices_of(request),
            finishes=self._finishes,
            habits=self.habits(request),
            ways=self._ways,
        )

    def failure(self, status: int, headers: Mapping[str, str], body: bytes, now: float) -> AttemptFailed:
        """What a non-2xx answer means."""
        return failure(status, headers, body, now, self._ways)

    def headroom(self, headers: Mapping[str, str], now: float) -> Headroom | None:
        """What the rate limits still allow."""
        return headroom(headers, now, self._ways.rate_headers)
