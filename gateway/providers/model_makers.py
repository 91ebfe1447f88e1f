"""Who serves models of its own: a row each."""

from msgspec.structs import replace

from gateway.dialects.anthropic import AnthropicTranslator
from gateway.dialects.anthropic.dialect import ANTHROPIC
from gateway.dialects.openai.finish import OPENAI as OPENAI_FINISHES
from gateway.providers import fields_beside_chat
from gateway.providers.request_fields import OPENAI_CHAT
from gateway.providers.vendor import Vendor, speaks_openai
from gateway.values.auth import Auth
from gateway.values.surface import Serves

MODEL_MAKERS: dict[str, Vendor] = {
    "openai": speaks_openai(
        "OpenAI",
        "OpenAI's OpenAPI description 2.3.0; Rate limits, Error codes (2026-11)",
        "https://api.openai.com/v1",
        limit_name="max_completion_tokens",
        finishes=OPENAI_FINISHES,
        completions=True,
        most_inputs=2048,
        most_tokens=250_000,  # it refuses more than 300,000, which are estimated here
        refuses=frozenset({"top_k"}),
        takes=replace(OPENAI_CHAT, beside_chat=fields_beside_chat.OPENAI),
    ),
    # it goes on with no answer of another: the models since Claude 4.6 refuse a conversation that ends with the assistant's turn
    "anthropic": Vendor(
        title="Anthropic",
        source="Anthropic's API reference and Python SDK 2.14 (2026-11)",
        chat=ANTHROPIC,
        translators={Serves.CHAT: AnthropicTranslator()},
        auth=Auth.X_API_KEY,
        base_urls={"": "https://api.anthropic.com/v1"},
        limit_name="max_tokens",
        counts="cached and written beside input, thinking in output",
        reasoning="thinking blocks",
        own_tools=True,
    ),
}
