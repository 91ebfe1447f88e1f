"""vLLM: the OpenAI dialect, answers that it goes on with, and a tokenizer that can be asked.

Source: vLLM 0.32, `POST /tokenize` (TokenizeChatRequest: model, messages, tools, add_generation_prompt, chat_template_kwargs).
"""

from typing import Annotated

import msgspec

from gateway.dialects.openai.continuation import ContinuingTranslator
from gateway.dialects.openai.finish import VLLM
from gateway.dialects.reported import MOST_TOKENS
from gateway.values.call import Call
from gateway.values.deployment import Deployment
from gateway.values.outcome import AttemptFailed, Outcome
from gateway.values.request import Request

_COUNTED = (
    "messages", "tools", "add_generation_prompt", "continue_final_message", "add_special_tokens", "chat_template",
    "chat_template_kwargs", "mm_processor_kwargs",
)  # fmt: skip


class _Count(msgspec.Struct):
    count: Annotated[int, msgspec.Meta(ge=0, le=MOST_TOKENS)]


_decode = msgspec.json.Decoder(_Count).decode


class VllmTranslator(ContinuingTranslator):
    """The verbs of the dialect, and two for counting."""

    def __init__(self) -> None:
        super().__init__(usage_in_streams=True, finishes=VLLM)

    def encode_count(self, request: Request, target: Deployment) -> Call:
        """What of the body makes the prompt, under the target's model name."""
        fields = {name: request.fields[name] for name in _COUNTED if name in request.fields}
        body = msgspec.json.encode({"model": target.model, **fields})
        headers = (("content-type", "application/json"), ("accept", "application/json"), ("x-request-id", request.id))
        return Call("POST", "/tokenize", headers, body, beside_api=True)

    def decode_count(self, body: bytes) -> int:
        """The tokens of the prompt, the template's included."""
        try:
            return _decode(body).count
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
            raise AttemptFailed(Outcome.MALFORMED_ANSWER, "no count of tokens came") from wrong
