"""Amazon Bedrock's Converse as a dialect: the side of a provider. A deployment's base URL has no path.

Source: Amazon Bedrock Runtime's API (2023-09-30, as of November 2026). Anthropic's Messages on Bedrock are `invoke`.
"""

from collections.abc import Mapping

import msgspec

from gateway.dialects.bedrock.answer import decode
from gateway.dialects.bedrock.calls import STREAM, call, counted
from gateway.dialects.bedrock.failure import failure
from gateway.dialects.bedrock.stream import ConverseStreamDecoder
from gateway.dialects.bedrock.write_chat import ADDITIONAL
from gateway.dialects.contract import StreamDecoder
from gateway.values.answer import WholeAnswer
from gateway.values.call import Call
from gateway.values.deployment import Deployment
from gateway.values.headroom import Headroom
from gateway.values.outcome import AttemptFailed
from gateway.values.request import Request

_COUNTED = ("messages", "system", "toolConfig", ADDITIONAL)


class ConverseTranslator:
    """The five verbs, and two for counting."""

    def encode(self, request: Request, target: Deployment) -> Call:
        """What was prepared, for the target's model. That it is streamed is said by the path."""
        fields = self.adapted({name: value for name, value in request.fields.items() if name != "stream"}, target)
        if request.facts.stream:
            return call(request, target, "converse-stream", fields, accept=STREAM)
        return call(request, target, "converse", fields)

    def adapted(self, fields: dict[str, msgspec.Raw], target: Deployment) -> dict[str, msgspec.Raw]:  # noqa: ARG002 - of others
        """The body as the target's model wants it."""
        return fields

    def decode(self, body: bytes, request: Request) -> WholeAnswer:  # noqa: ARG002 - the verb's
        """A 2xx body as an answer. Raises AttemptFailed if it is none."""
        return decode(body)

    def decoder(self, request: Request, *, remember: bool = False) -> StreamDecoder:  # noqa: ARG002 - the verb's
        """A decoder that forwards what comes."""
        return ConverseStreamDecoder(remember=remember)

    def failure(self, status: int, headers: Mapping[str, str], body: bytes, now: float) -> AttemptFailed:
        """What a non-2xx answer means."""
        return failure(status, headers, body, now)

    def headroom(self, headers: Mapping[str, str], now: float) -> Headroom | None:  # noqa: ARG002 - the verb's
        """Bedrock says nothing of what its quotas still allow."""
        return None

    def encode_count(self, request: Request, target: Deployment) -> Call:
        """The call that has the prompt counted."""
        fields = self.adapted({name: request.fields[name] for name in _COUNTED if name in request.fields}, target)
        return call(request, target, "count-tokens", {"input": {"converse": fields}})

    def decode_count(self, body: bytes) -> int:
        """The count of a 2xx body. Raises AttemptFailed if there is none."""
        return counted(body)
