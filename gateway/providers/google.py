"""Google's models, by their two APIs, and Anthropic's on Google's: a row each. What of a row was checked its `source` says."""

from gateway.dialects.anthropic.dialect import ANTHROPIC
from gateway.dialects.anthropic.on_vertex import AnthropicOnVertexTranslator
from gateway.dialects.gemini import GeminiTranslator
from gateway.dialects.gemini.dialect import GEMINI, VERTEX
from gateway.providers.abilities import JSON, TOOLS
from gateway.providers.vendor import Vendor, Verified
from gateway.values.auth import Auth
from gateway.values.deployment import Capability
from gateway.values.surface import SURFACES, Serves

_GEMINI = TOOLS | JSON | {Capability.VISION, Capability.AUDIO}
_COUNTS = "cached in prompt, thoughts beside candidates, tool use beside prompt"

GOOGLE: dict[str, Vendor] = {
    "gemini": Vendor(
        title="Google Gemini",
        source="googleapis/python-genai, _api_client.py (0039534): address, key; the API's form as its goldens say",
        verified=Verified.DOCUMENTATION,
        chat=GEMINI,
        translators={Serves.CHAT: GeminiTranslator()},
        auth=Auth.X_GOOG_API_KEY,
        base_urls={"": "https://generativelanguage.googleapis.com/v1beta"},
        limit_name="generationConfig.maxOutputTokens",
        counts=_COUNTS,
        reasoning="parts with thought",
        capabilities=_GEMINI,
        own_tools=SURFACES[Serves.CHAT],
    ),
    # https://LOCATION-aiplatform.googleapis.com/v1/projects/PROJECT/locations/LOCATION/publishers/google
    "vertex": Vendor(
        title="Google Vertex AI",
        source="googleapis/python-genai, _api_client.py (0039534): address; the API's form as its goldens say",
        verified=Verified.DOCUMENTATION,
        chat=VERTEX,
        translators={Serves.CHAT: GeminiTranslator(on_vertex=True)},
        limit_name="generationConfig.maxOutputTokens",
        counts=_COUNTS,
        reasoning="parts with thought",
        capabilities=_GEMINI,
        own_tools=SURFACES[Serves.CHAT],
    ),
    # the same, with /publishers/anthropic
    "vertex_anthropic": Vendor(
        title="Anthropic on Vertex AI",
        source="Anthropic's Python SDK 2.14, lib/vertex",
        verified=Verified.DOCUMENTATION,
        chat=ANTHROPIC,
        translators={Serves.CHAT: AnthropicOnVertexTranslator()},
        limit_name="max_tokens",
        counts="cached and written beside input, thinking in output",
        reasoning="thinking blocks",
        capabilities=TOOLS | {Capability.VISION, Capability.JSON_SCHEMA},
        own_tools=SURFACES[Serves.CHAT],
    ),
}
