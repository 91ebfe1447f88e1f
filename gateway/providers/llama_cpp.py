"""llama.cpp: the OpenAI dialect, answers that it goes on with, and a tokenizer that can be asked.

Source: llama.cpp (tools/server/README.md, "POST /v1/messages/count_tokens"): it counts a conversation in Anthropic's dialect, by
the model's own template. `POST /tokenize` counts a text, not a conversation.
"""

from typing import Annotated

import msgspec

from gateway.dialects.anthropic.dialect import ANTHROPIC
from gateway.dialects.openai.continuation import ContinuingTranslator
from gateway.dialects.openai.dialect import OPENAI
from gateway.dialects.openai.finish import OPENAI as FINISHES
from gateway.dialects.reported import MOST_TOKENS
from gateway.values.call import Call
from gateway.values.deployment import Deployment
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.request import Request

_COUNTED = ("system", "messages", "tools", "tool_choice")


class _Count(msgspec.Struct):
    input_tokens: Annotated[int, msgspec.Meta(ge=0, le=MOST_TOKENS)]


_decode = msgspec.json.Decoder(_Count).decode


class LlamaCppTranslator(ContinuingTranslator):
    """The verbs of the dialect, and two for counting."""

    def __init__(self) -> None:
        super().__init__(usage_in_streams=True, finishes=FINISHES)

    def encode_count(self, request: Request, target: Deployment) -> Call:
        """What of the body makes the prompt. Raises AttemptFailed for what has no form in Anthropic's dialect."""
        try:
            fields, _ = ANTHROPIC.fields(OPENAI.chat(request.fields))
        except AttemptFailed as none:
            raise AttemptFailed(Outcome.FIELD_REFUSED, none.detail) from None
        counted = {name: fields[name] for name in _COUNTED if name in fields}
        headers = (("content-type", "application/json"), ("accept", "application/json"), ("x-request-id", request.id))
        return Call("POST", "/messages/count_tokens", headers, msgspec.json.encode({"model": target.model, **counted}))

    def decode_count(self, body: bytes) -> int:
        """The tokens of the prompt, the template's included."""
        try:
            return _decode(body).input_tokens
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
            raise AttemptFailed(Outcome.MALFORMED_ANSWER, "no count of tokens came") from wrong
